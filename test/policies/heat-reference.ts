import { EVENT, PLACE_KIND, PLACE_STATE, type RegionEvents } from '../../runtime/contract.ts';
import type { TestEpoch } from './core-policy.ts';

/** The settings of policies/heat.ts that the reference takes; `halfLife` must be 1 / n for an exact decay. */
export interface HeatSettings {
  readonly halfLife: number;
  readonly horizon: number;
  readonly moveCostNs: number;
  readonly latencyStepNs: number;
  readonly keep: number;
  readonly reservePercent: number;
  readonly birthEpochs: number;
  readonly hold: number;
  readonly guard: number;
  readonly pause: number;
  readonly warmup: number;
}

export interface Entry {
  readonly region: number;
  readonly target: number;
  readonly priority: number;
  readonly reason: number;
}

interface Region {
  heat: number;
  size: number;
  place: number;
  recent: number;
  parked: number;
  row: number;
  bin: number;
}

interface Row {
  readonly tier: number;
  readonly latencyNs: number;
  readonly moveCostNs: number;
  readonly held: number[];
  readonly leaving: number[];
  readonly goal: number[];
  room: number;
  budget: number;
  low: number;
  high: number;
  sunk: number;
}

const BINS = 1024;
const bits = new DataView(new ArrayBuffer(4));
function binsOf(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0) >> 18;
}
function heatOf(bin: number): number {
  if (bin === 0) return 0;
  bits.setInt32(0, (bin + (107 << 5)) << 18);
  return bits.getFloat32(0);
}
const clamp = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** policies/heat.ts once more, as plainly as it can be said: one object per region, no vectors. */
export function createHeatReference(settings: HeatSettings) {
  const decay = Math.fround(0.5 ** (1 / settings.halfLife));
  const gain = Math.fround(1 - decay);
  const guardBins = binsOf(settings.guard) - (127 << 5);
  const percent = (value: number, of: number) => of * Math.fround(value) * 0.01;
  const regions: Region[] = [];
  let rowOfPlace: number[] = [];
  let shared = false;
  let birthPages = 0;
  let birthHeat = 0;

  const fresh = (): Region => ({
    heat: 0,
    size: 0,
    place: 255,
    recent: 0,
    parked: settings.warmup,
    row: 0,
    bin: 0,
  });
  const arrive = (region: Region) => void Object.assign(region, { ...fresh(), size: region.size });

  function follow({ kinds, regions: subjects, others }: RegionEvents): void {
    kinds.forEach((kind, i) => {
      const region = regions[subjects[i]!];
      const other = regions[others[i]!];
      if (kind === EVENT.forget) regions.forEach(arrive);
      else if (!region) return;
      else if (kind === EVENT.died || kind === EVENT.born) arrive(region);
      else if (!other) return;
      else if (kind === EVENT.split) {
        const { heat, recent, place, parked } = region;
        Object.assign(other, { heat, recent, place, parked });
      } else if (kind === EVENT.merged) {
        const f = Math.fround;
        const total = region.size + other.size;
        if (total)
          region.heat = f(f(f(region.heat * f(region.size)) + f(other.heat * f(other.size))) / f(total));
        region.size = total;
        arrive(other);
      } else if (kind === EVENT.scattered) region.heat = Math.max(region.heat, other.heat);
    });
  }

  function see(region: Region, epoch: TestEpoch, index: number, before: number[], now: number[]): void {
    const column = (name: keyof TestEpoch['columns']) => epoch.columns[name]![index]!;
    const row = now[column('place')] ?? 0;
    const rowBefore = before[region.place] ?? 0;
    region.place = column('place');
    region.recent -= Math.sign(region.recent);
    if (row && rowBefore && row !== rowBefore)
      region.recent = row < rowBefore ? settings.hold : -settings.hold;
    if (region.parked) region.parked--;
    if (column('verdict') >= 19) region.parked = settings.pause;
    if (column('verdict') === 17) shared = true;
    region.size = column('pages');
    const seen = Math.fround(column('accesses') / Math.max(region.size, 1));
    region.heat = Math.fround(Math.fround(region.heat * decay) + Math.fround(seen * gain));
    const bias = Math.sign(region.recent) * guardBins;
    region.bin = clamp(binsOf(region.heat) - (107 << 5) + bias, 0, BINS - 1);
    region.row = region.parked === 0 && region.size !== 0 ? row : 0;
  }

  return function ask(epoch: TestEpoch): Entry[] {
    const { places, moveCostNs = [], events } = epoch;
    while (regions.length < epoch.regions) regions.push(fresh());
    if (events) follow(events);
    regions.length = epoch.regions;

    const serves = places.map(({ state, kind }) => state === PLACE_STATE.usable && kind !== PLACE_KIND.swap);
    const tiers = [...new Set(places.filter((_, p) => serves[p]).map(({ tier }) => tier))].sort(
      (a, b) => a - b,
    );
    const before = rowOfPlace;
    rowOfPlace = places.map(({ tier }, p) => (serves[p] ? tiers.indexOf(tier) + 1 : 0));
    regions.forEach((region, i) => see(region, epoch, i, before, rowOfPlace));

    const roomLeft = places.map(({ room }) => room);
    const divisor = shared ? tiers.length : 1;
    const budgetLeft = places.map(({ budget }) => Math.floor(budget / divisor));
    const rows = [-1, ...tiers].map((tier): Row => {
      const members = places
        .map((place, p) => ({ ...place, p }))
        .filter(({ p, tier: of }) => serves[p] && of === tier);
      const latencies = members.map(({ latencyNs }) => latencyNs).filter((ns) => ns > 0);
      const costs = members.map(({ p }) => moveCostNs[p] ?? 0).filter((ns) => ns > 0);
      return {
        tier,
        latencyNs: latencies.length ? mean(latencies) : 0,
        moveCostNs: costs.length ? mean(costs) : settings.moveCostNs,
        held: Array<number>(BINS).fill(0),
        leaving: Array<number>(BINS).fill(0),
        goal: Array<number>(BINS).fill(0),
        room: members.reduce((sum, { room }) => sum + room, 0),
        budget: Math.floor(members.reduce((sum, { budget }) => sum + budget, 0) / divisor),
        low: 0,
        high: BINS,
        sunk: 0,
      };
    });
    if (rows.length < 3) return [];
    for (const { row, bin, size } of regions) rows[row]!.held[bin]! += size;

    const born = events
      ? [...events.regions].filter((r, i) => events.kinds[i] === EVENT.born && r < epoch.regions)
      : [];
    const bornPages = born.reduce((sum, r) => sum + regions[r]!.size, 0);
    birthPages += 0.5 * (bornPages - birthPages);
    const warmth = born.reduce((sum, r) => sum + (regions[r]!.size * regions[r]!.heat) / gain, 0);
    if (bornPages > 0) birthHeat += 0.3 * (warmth / bornPages - birthHeat);
    rows.slice(1).forEach((row, i) => {
      const capacity = row.room + row.held.reduce((sum, pages) => sum + pages, 0);
      const births = i === 0 ? Math.min(birthPages * Math.fround(settings.birthEpochs), capacity / 3) : 0;
      row.room -= Math.trunc(Math.max(percent(settings.reservePercent, capacity), births));
    });

    const worth = epoch.samplingPeriod * Math.fround(settings.horizon);
    const gapOf = (near: number, far: number) => {
      const [a, b] = [rows[near]!.latencyNs, rows[far]!.latencyNs];
      return a > 0 && b > 0 ? Math.max(b - a, 0) : settings.latencyStepNs * (far - near);
    };
    const below = (from: number) =>
      rows.findIndex(({ room, budget }, row) => row > from && room > 0 && budget > 0);
    const costOf = (a: number, b: number) => rows[a]!.moveCostNs + rows[b]!.moveCostNs;
    const left = (row: Row, bin: number) => row.held[bin]! - row.leaving[bin]!;

    function release(from: number, bin: number, to: number, most: number): number {
      const [row, target] = [rows[from]!, rows[to]!];
      if (row.goal[bin] !== 0 && row.goal[bin] !== to) return 0;
      const pages = Math.min(most, left(row, bin), target.room, target.budget);
      if (pages <= 0) return 0;
      row.goal[bin] = to;
      row.leaving[bin]! += pages;
      target.room -= pages;
      target.budget -= pages;
      if (to > from) {
        row.room += pages;
        row.low = Math.max(row.low, bin + 1);
      } else row.high = Math.min(row.high, bin);
      return pages;
    }

    function sink(index: number): void {
      const row = rows[index]!;
      for (let bin = 0; bin < BINS; bin++) {
        while (left(row, bin) > 0) {
          const target = below(index);
          if (target < 0) return;
          const perHeat = worth * gapOf(index, target);
          const stay = heatOf(bin + 1) * perHeat;
          let most = row.held[bin]!;
          if (stay < Math.fround(settings.keep) * costOf(index, target)) row.sunk = bin + 1;
          else if (index !== 1 || birthHeat * perHeat - stay <= rows[target]!.moveCostNs) return;
          else most = -row.room;
          if (release(index, bin, target, most) === 0) break;
        }
      }
    }

    function raise(index: number): void {
      const row = rows[index]!;
      row.room = Math.max(row.room, 0);
      while (row.budget > 0) {
        const offers = rows.flatMap((slower, source) => {
          if (source <= index) return [];
          for (let bin = BINS - 1; bin >= slower.low; bin--) {
            if (left(slower, bin) <= 0 || (slower.goal[bin] !== 0 && slower.goal[bin] !== index)) continue;
            const net = heatOf(bin) * worth * gapOf(index, source) - costOf(index, source);
            return net > 0 ? [{ source, bin, net }] : [];
          }
          return [];
        });
        const best = offers.sort((a, b) => b.net - a.net || a.source - b.source)[0];
        if (!best) return;
        if (row.room > 0) {
          release(best.source, best.bin, index, rows[best.source]!.held[best.bin]!);
          continue;
        }
        let victim = Math.max(row.low - 1, 0);
        while (victim < row.high && left(row, victim) <= 0) victim++;
        const target = below(index);
        if (victim >= row.high || target < 0) return;
        const gained =
          heatOf(best.bin) * gapOf(index, best.source) - heatOf(victim + 1) * gapOf(index, target);
        if (gained * worth <= costOf(index, target)) return;
        const most = Math.min(left(rows[best.source]!, best.bin), row.budget);
        if (release(index, victim, target, most) === 0) return;
      }
    }

    for (let index = rows.length - 2; index > 0; index--) sink(index);
    for (let index = 1; index < rows.length - 1; index++) raise(index);

    const chosen = regions.filter((region) => {
      const row = rows[region.row]!;
      if (region.row === 0 || row.leaving[region.bin]! <= 0) return false;
      if (region.bin >= row.low && region.bin < row.high) return false;
      row.leaving[region.bin]! -= region.size;
      return true;
    });
    return [false, true].flatMap((upwards) =>
      chosen.flatMap((region): Entry[] => {
        const row = rows[region.row]!;
        const goal = row.goal[region.bin]!;
        if (upwards !== goal < region.row) return [];
        const fits = (p: number) =>
          rowOfPlace[p] === goal && roomLeft[p]! >= region.size && budgetLeft[p]! >= region.size;
        const target = places
          .map((_, p) => p)
          .filter(fits)
          .sort((a, b) => roomLeft[b]! - roomLeft[a]! || a - b)[0];
        if (target === undefined) return [];
        roomLeft[target]! -= region.size;
        budgetLeft[target]! -= region.size;
        const entry = { region: regions.indexOf(region), target };
        if (upwards) return [{ ...entry, priority: region.bin, reason: 0 }];
        roomLeft[region.place]! += region.size;
        return [{ ...entry, priority: BINS - region.bin, reason: region.bin < row.sunk ? 1 : 2 }];
      }),
    );
  };
}
