import {
  COLUMN_KINDS,
  COLUMNS,
  METRIC,
  type ColumnName,
  type Metric,
  type Place,
  type Plan,
  type RegionEvents,
  type Settings,
  type Wish,
} from '../../runtime/contract.ts';

/** One of our own core modules, called directly: the shortest way to ask a policy in a unit test. */
export interface CorePolicy {
  configure(settings: Settings): void;
  /** One epoch: begin, observe in chunks, decide. */
  ask(epoch: TestEpoch): Plan;
  readonly log: string[];
  readonly memoryBytes: () => number;
}

export interface TestEpoch {
  readonly number: number;
  readonly regions: number;
  readonly samplingPeriod: number;
  readonly places: readonly Place[];
  readonly lengthMs?: number;
  readonly owners?: number;
  /** The metric of that name per place; `metrics` takes its place where given. */
  readonly moveCostNs?: readonly number[];
  readonly metrics?: readonly Metric[];
  readonly events?: RegionEvents;
  readonly columns: Readonly<Partial<Record<ColumnName, Uint8Array | Uint16Array | Uint32Array>>>;
  readonly chunkRegions?: number;
}

interface CoreExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  cabi_realloc(old: number, oldBytes: number, align: number, bytes: number): number;
  configure(settings: number, count: number): number;
  cabi_post_configure?(result: number): void;
  begin(...words: number[]): void;
  observe(first: number, count: number, columns: number, length: number): void;
  decide(): number;
  cabi_post_decide?(result: number): void;
}

const NO_EVENTS: RegionEvents = {
  kinds: new Uint8Array(0),
  regions: new Uint32Array(0),
  others: new Uint32Array(0),
};

export function instantiateCore(core: Uint8Array): CorePolicy {
  const log: string[] = [];
  const note = (level: number, at: number, length: number) => {
    log.push(`${level} ${String.fromCharCode(...new Uint16Array(exports.memory.buffer, at, length))}`);
  };
  const module = new WebAssembly.Module(core as Uint8Array<ArrayBuffer>);
  const exports = new WebAssembly.Instance(module, { $root: { log: note } })
    .exports as unknown as CoreExports;
  exports._initialize();

  const view = () => new DataView(exports.memory.buffer);
  const lower = (bytes: Uint8Array, align: number) => {
    const at = exports.cabi_realloc(0, 0, align, bytes.length);
    new Uint8Array(exports.memory.buffer).set(bytes, at);
    return at;
  };
  const lowerArray = (array: Uint8Array | Uint16Array | Uint32Array) =>
    lower(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), array.BYTES_PER_ELEMENT);
  const lowerText = (text: string) =>
    lowerArray(Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));

  function configure(settings: Settings): void {
    const entries = Object.entries(settings);
    const record = new DataView(new ArrayBuffer(24 * entries.length));
    entries.forEach(([name, value], i) => {
      record.setUint32(i * 24, lowerText(name), true);
      record.setUint32(i * 24 + 4, name.length, true);
      record.setUint8(i * 24 + 8, typeof value === 'number' ? 0 : typeof value === 'boolean' ? 1 : 2);
      if (typeof value === 'number') record.setFloat64(i * 24 + 16, value, true);
      else if (typeof value === 'boolean') record.setUint8(i * 24 + 16, Number(value));
      else {
        record.setUint32(i * 24 + 16, lowerText(value), true);
        record.setUint32(i * 24 + 20, value.length, true);
      }
    });
    const result = exports.configure(lower(new Uint8Array(record.buffer), 8), entries.length);
    if (view().getUint8(result) !== 0) throw new Error('settings refused');
    exports.cabi_post_configure?.(result);
  }

  function lowerPlaces(places: readonly Place[]): number {
    const record = new DataView(new ArrayBuffer(24 * places.length));
    places.forEach((place, i) => {
      const words = [place.capacity, place.room, place.budget, place.latencyNs, place.bandwidthMib];
      [place.tier, place.kind, place.state].forEach((byte, at) => record.setUint8(i * 24 + at, byte));
      words.forEach((word, at) => record.setUint32(i * 24 + 4 + at * 4, word, true));
    });
    return lower(new Uint8Array(record.buffer), 4);
  }

  function lowerMetrics(metrics: readonly Metric[]): number {
    const record = new DataView(new ArrayBuffer(16 * metrics.length));
    metrics.forEach(({ id, subject, value }, i) => {
      record.setUint16(i * 16, id, true);
      record.setUint16(i * 16 + 2, subject, true);
      record.setFloat64(i * 16 + 8, value, true);
    });
    return lower(new Uint8Array(record.buffer), 8);
  }

  function observe(epoch: TestEpoch, first: number, count: number): void {
    const columns = (Object.keys(COLUMNS) as ColumnName[]).filter((name) => epoch.columns[name]);
    const record = new DataView(new ArrayBuffer(16 * columns.length));
    columns.forEach((name, i) => {
      record.setUint16(i * 16, COLUMNS[name].id, true);
      record.setUint8(i * 16 + 4, COLUMN_KINDS[COLUMNS[name].kind].tag);
      record.setUint32(i * 16 + 8, lowerArray(epoch.columns[name]!.subarray(first, first + count)), true);
      record.setUint32(i * 16 + 12, count, true);
    });
    exports.observe(first, count, lower(new Uint8Array(record.buffer), 4), columns.length);
  }

  function liftWishes(at: number, count: number): Wish[] {
    return Array.from({ length: count }, (_, i) => ({
      id: view().getUint16(at + i * 8, true),
      subject: view().getUint16(at + i * 8 + 2, true),
      value: view().getUint32(at + i * 8 + 4, true),
    }));
  }

  function ask(epoch: TestEpoch): Plan {
    const { kinds, regions, others } = epoch.events ?? NO_EVENTS;
    const costs = (epoch.moveCostNs ?? []).map((value, subject) => ({
      id: METRIC.moveCostNs,
      subject,
      value,
    }));
    const metrics = epoch.metrics ?? costs;
    exports.begin(
      epoch.number,
      epoch.lengthMs ?? 1000,
      epoch.regions,
      epoch.owners ?? 1,
      epoch.samplingPeriod,
      lowerPlaces(epoch.places),
      epoch.places.length,
      lowerMetrics(metrics),
      metrics.length,
      lowerArray(kinds),
      kinds.length,
      lowerArray(regions),
      regions.length,
      lowerArray(others),
      others.length,
    );
    const chunk = epoch.chunkRegions ?? 262_144;
    for (let first = 0; first < epoch.regions; first += chunk)
      observe(epoch, first, Math.min(chunk, epoch.regions - first));
    const result = exports.decide();
    const list = (field: number) =>
      [view().getUint32(result + field * 8, true), view().getUint32(result + field * 8 + 4, true)] as const;
    const { buffer } = exports.memory;
    const plan: Plan = {
      regions: new Uint32Array(buffer, ...list(0)).slice(),
      targets: new Uint8Array(buffer, ...list(1)).slice(),
      priorities: new Uint16Array(buffer, ...list(2)).slice(),
      reasons: new Uint8Array(buffer, ...list(3)).slice(),
      headroom: new Uint32Array(buffer, ...list(4)).slice(),
      wishes: liftWishes(...list(5)),
    };
    exports.cabi_post_decide?.(result);
    return plan;
  }

  return { configure, ask, log, memoryBytes: () => exports.memory.buffer.byteLength };
}
