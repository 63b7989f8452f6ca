import { benchEpoch } from './epoch.ts';
import { benchFuel } from './fuel.ts';
import { benchIdleDaemon, type ProcessFigures } from './idle-daemon.ts';
import { benchIdlePages } from './idle-pages.ts';
import { benchLaunch } from './launch.ts';
import { benchMovePages } from './move-pages.ts';
import { benchPrepare, benchSwap } from './reload.ts';
import { benchResolve } from './resolve.ts';
import { benchSnapshot } from './snapshot.ts';
import { quantile, type PairFigures } from './twin.ts';
import { benchValidate } from './validate.ts';

/** One figure beside what it is held against. Only ratios mean anything; nanoseconds tell the scale. */
interface Row {
  readonly what: string;
  readonly ns: number;
  readonly besides?: { readonly what: string; readonly ns: number; readonly ratio: number };
  readonly goal: string;
}

/** What is no time. */
interface Amount {
  readonly what: string;
  readonly amount: string;
  readonly goal: string;
}

async function epochRows(size: string, regions: number, goal: string): Promise<readonly Row[]> {
  const { simdNsPerRegion, scalarNsPerRegion, cNsPerRegion, ratio } = await benchEpoch(regions);
  const besides = { what: 'the same in C', ns: cNsPerRegion };
  const scalarRatio = scalarNsPerRegion / cNsPerRegion;
  return [
    { what: `epoch, ${size} regions, heat SIMD`, ns: simdNsPerRegion, besides: { ...besides, ratio }, goal },
    {
      what: `epoch, ${size} regions, heat scalar`,
      ns: scalarNsPerRegion,
      besides: { ...besides, ratio: scalarRatio },
      goal: '',
    },
  ];
}

const benches: Readonly<Record<string, () => Promise<readonly (Row | Amount)[]>>> = {
  epoch: async () => [
    ...(await epochRows('1M', 1_000_000, '≤ 4 ns, ≤ 1.3 × C')),
    ...(await epochRows('10M', 10_000_000, '≤ 6 ns')),
  ],
  launch: async () => {
    const { bareNs, confinedNs, hold, heat } = await benchLaunch();
    const bare = { what: 'bare Node', ns: bareNs };
    const goal = '≤ 200 ms, ≤ 4 × bare';
    return [
      {
        what: 'start until confined',
        ns: confinedNs,
        besides: { ...bare, ratio: confinedNs / bareNs },
        goal: '',
      },
      {
        what: 'kill to fresh host with hold',
        ns: hold.ns,
        besides: { ...bare, ratio: hold.ratio },
        goal,
      },
      {
        what: 'kill to fresh host with heat',
        ns: heat.ns,
        besides: { ...bare, ratio: heat.ratio },
        goal,
      },
    ];
  },
  fuel: async () =>
    ['heat', 'heat-scalar'].flatMap((name) => {
      const { plainNsPerRegion, meteredNsPerRegion, ratio, fuelPerRegion, ...load } = benchFuel(name);
      return [
        {
          what: `${name} in Wasm, ${fuelPerRegion.toFixed(0)} fuel a region`,
          ns: meteredNsPerRegion,
          besides: { what: 'without fuel', ns: plainNsPerRegion, ratio },
          goal: '≤ 1.08 × without',
        },
        {
          what: `${name}, to rewrite and compile it`,
          ns: (load.rewriteMs + load.compileMs[1]) * 1e6,
          besides: {
            what: 'to compile the original',
            ns: load.compileMs[0] * 1e6,
            ratio: (load.rewriteMs + load.compileMs[1]) / load.compileMs[0],
          },
          goal: '≤ 15 ms',
        },
      ];
    }),
  validate: async () => {
    const { ourNsPerPage: callNs } = await benchMovePages();
    const { admitNs, arrangeNs, validateNs } = benchValidate(100_000);
    const besides = { what: 'no-op move_pages', ns: callNs, ratio: (admitNs + validateNs) / callNs };
    return [
      { what: 'admit + validate, a page', ns: admitNs + validateNs, besides, goal: '≤ 60 ns, ≤ a third' },
      { what: 'sort and fold into folios, a page', ns: arrangeNs, goal: '' },
    ];
  },
  resolve: async () => {
    const { base, huge, walk, walkRefused } = await benchResolve();
    const besides = ({ cNsPerPage, ratio }: typeof base) => ({
      what: 'the same in C',
      ns: cNsPerPage,
      ratio,
    });
    return [
      {
        what: 'scan for frames, a resident page',
        ns: base.ourNsPerPage,
        besides: besides(base),
        goal: '≤ 1.15 × C',
      },
      {
        what: 'the same, huge pages',
        ns: huge.ourNsPerPage,
        besides: besides(huge),
        goal: '≤ 1.5 × C',
      },
      { what: `walk, a frame of 4,096 ${walkRefused}`, ns: walk?.nsPerFrame ?? Number.NaN, goal: '≤ 200 ns' },
      { what: 'walk, a frame of 65,536', ns: walk?.nsPerFrameOfMany ?? Number.NaN, goal: '' },
    ];
  },
  'move-pages': async () => {
    const { ourNsPerPage, cNsPerPage, ratio } = await benchMovePages();
    return [
      {
        what: 'submit 100k pages, a page',
        ns: ourNsPerPage,
        besides: { what: 'the same in C', ns: cNsPerPage, ratio },
        goal: '≤ 1.1 × C',
      },
    ];
  },
  'idle-pages': async () => {
    const { blocks, dense, gaps } = await benchIdlePages();
    return [
      compare('read and set idle bits, a 2 MiB block', dense, blocks, '≤ 1.15 × C'),
      // Half a microsecond a call more than C; the kernel's own 30 µs for such a run are not in it.
      compare('the same in runs of 7 blocks, a run', gaps, blocks / 8, ''),
    ];
  },
  snapshot: async () => {
    const { pages, quiet, churning } = await benchSnapshot();
    return [
      compare('snapshot, 1M frames, a frame', quiet, pages, '≤ 25 ns, ≤ 2 × C'),
      compare('the same with 1 % born, 1 % dead', churning, pages, '≤ 25 ns, ≤ 2 × C'),
    ];
  },
  swap: async () => {
    const { quiet, preparing, handOver, shadowed, swapped, next, stateBytes } = await benchSwap();
    const beside = (what: string, ns: readonly number[], part: number, goal = ''): Row => {
      const besideNs = quantile(quiet, part);
      const ratio = quantile(ns, part) / besideNs;
      return { what, ns: quantile(ns, part), besides: { what: 'without', ns: besideNs, ratio }, goal };
    };
    const state = `hand-over, ${(stateBytes / 1e6).toFixed(0)} MB of state`;
    return [
      beside('epoch with a swap, 1M regions', swapped, 0.5),
      beside('the same, p99', swapped, 0.99, '≤ 1 ms and ≤ 10 % more'),
      beside('the epoch after it', next, 0.5),
      beside('the same, p99', next, 0.99),
      beside('epoch beside a shadow', shadowed, 0.5),
      beside('epoch while a host starts', preparing, 0.5),
      { what: state, ns: quantile(handOver, 0.5), goal: '' },
      { what: 'the same, p99', ns: quantile(handOver, 0.99), goal: '' },
    ];
  },
  prepare: async () => {
    const { prepareNs, bareNs, ratio } = await benchPrepare();
    const [median, worst] = [quantile(prepareNs, 0.5), quantile(prepareNs, 0.99)];
    const besides = { what: 'bare Node', ns: bareNs, ratio };
    return [
      { what: 'prepare heat for a switch', ns: median, besides, goal: '≤ 150 ms' },
      { what: 'the same, p99', ns: worst, goal: '' },
    ];
  },
  'idle-daemon': async () => {
    const { ours, sensor, rows } = await benchIdleDaemon();
    const load = `${rows / 1000}k rows a second`;
    const sum = (of: (each: ProcessFigures) => number): number =>
      ours.reduce((all, each) => all + of(each), 0);
    const names = ours.map(({ name }) => name).join(', ');
    return [
      ...ours.map((each) => amountOf(each.name, each)),
      {
        what: `${names}: ${load}`,
        amount: describe({ cpuShare: sum((each) => each.cpuShare), pssBytes: sum((each) => each.pssBytes) }),
        goal: '≤ 2 % of a core, ≤ 250 MiB',
      },
      amountOf('beside them, what stands in for a sensor', sensor),
    ];
  },
};

function amountOf(what: string, figures: Omit<ProcessFigures, 'name'>): Amount {
  return { what, amount: describe(figures), goal: '' };
}

function describe({ cpuShare, pssBytes }: Omit<ProcessFigures, 'name'>): string {
  return `${(cpuShare * 100).toFixed(2)} %, ${(pssBytes / 2 ** 20).toFixed(0)} MiB`;
}

function compare(what: string, { ourNs, cNs, ratio }: PairFigures, units: number, goal: string): Row {
  return { what, ns: ourNs / units, besides: { what: 'the same in C', ns: cNs / units, ratio }, goal };
}

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const row of await bench()) console.log(format(row));
}

function format(row: Row | Amount): string {
  if ('amount' in row) return layOut(row.what, row.amount, '', row.goal);
  const { what, ns, besides, goal } = row;
  const beside = besides
    ? `${besides.what} ${formatTime(besides.ns)}, ratio ${besides.ratio.toFixed(2)}`
    : '';
  return layOut(what, formatTime(ns), beside, goal);
}

function layOut(what: string, figure: string, beside: string, goal: string): string {
  return `${what.padEnd(36)} ${figure.padStart(10)}   ${beside.padEnd(44)} ${goal && `goal ${goal}`}`;
}

function formatTime(ns: number): string {
  return ns >= 1e6 ? `${(ns / 1e6).toFixed(1)} ms` : `${ns.toFixed(1)} ns`;
}
