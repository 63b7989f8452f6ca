/** What the generated entry module keeps between calls. */
import { liftColumns, liftEvents, liftMetrics, liftPlaces, releaseColumns } from './abi';
import { Chunk } from './chunk';
import { Columns } from './columns';
import { Epoch } from './epoch';
import { fit } from './fit';
import { Plan } from './plan';
import { Snapshot } from './snapshot';

export const epoch = new Epoch();
export const snapshot = new Snapshot(epoch);
export const chunk = new Chunk();
export const plan = new Plan();

export function startEpoch(
  number: u32, lengthMs: u32, regions: i32, owners: i32, samplingPeriod: u32,
  places: usize, placeCount: i32, metrics: usize, metricCount: i32,
  kinds: usize, kindCount: i32, eventRegions: usize, eventCount: i32, others: usize, otherCount: i32,
): void {
  epoch.number = number;
  epoch.lengthMs = lengthMs;
  epoch.regions = regions;
  epoch.owners = owners;
  epoch.samplingPeriod = samplingPeriod;
  liftPlaces(epoch, places, placeCount);
  liftMetrics(epoch, metrics, metricCount);
  epoch.events = liftEvents(kinds, kindCount, eventRegions, eventCount, others, otherCount);
  plan.clear(placeCount);
  resize();
}

export function openChunk(first: i32, count: i32, columns: usize, length: i32): Chunk {
  chunk.first = first;
  chunk.count = count;
  liftColumns(chunk, columns, length);
  return chunk;
}

export function closeChunk(columns: usize, length: i32): void {
  releaseColumns(columns, length);
}

/** The default `observe`: columns of the whole epoch, chunk by chunk. */
export function gather(): void {
  const whole: Columns = snapshot;
  whole.accesses = joined<Uint32Array>(whole.accesses, chunk.accesses);
  whole.writes = joined<Uint32Array>(whole.writes, chunk.writes);
  whole.idleEpochs = joined<Uint16Array>(whole.idleEpochs, chunk.idleEpochs);
  whole.pages = joined<Uint32Array>(whole.pages, chunk.pages);
  whole.place = joined<Uint8Array>(whole.place, chunk.place);
  whole.owner = joined<Uint16Array>(whole.owner, chunk.owner);
  whole.flags = joined<Uint8Array>(whole.flags, chunk.flags);
  whole.coverage = joined<Uint8Array>(whole.coverage, chunk.coverage);
  whole.faultLatencyUs = joined<Uint32Array>(whole.faultLatencyUs, chunk.faultLatencyUs);
  whole.born = joined<Uint32Array>(whole.born, chunk.born);
  whole.verdict = joined<Uint8Array>(whole.verdict, chunk.verdict);
  whole.block = joined<Uint32Array>(whole.block, chunk.block);
}

/** Columns gathered before follow `regions` even where no chunk arrives. */
function resize(): void {
  const regions = epoch.regions;
  const whole: Columns = snapshot;
  whole.accesses = resized<Uint32Array>(whole.accesses, regions);
  whole.writes = resized<Uint32Array>(whole.writes, regions);
  whole.idleEpochs = resized<Uint16Array>(whole.idleEpochs, regions);
  whole.pages = resized<Uint32Array>(whole.pages, regions);
  whole.place = resized<Uint8Array>(whole.place, regions);
  whole.owner = resized<Uint16Array>(whole.owner, regions);
  whole.flags = resized<Uint8Array>(whole.flags, regions);
  whole.coverage = resized<Uint8Array>(whole.coverage, regions);
  whole.faultLatencyUs = resized<Uint32Array>(whole.faultLatencyUs, regions);
  whole.born = resized<Uint32Array>(whole.born, regions);
  whole.verdict = resized<Uint8Array>(whole.verdict, regions);
  whole.block = resized<Uint32Array>(whole.block, regions);
}

function resized<T extends ArrayBufferView>(whole: T, regions: i32): T {
  return whole.length ? fit<T>(whole, regions) : whole;
}

function joined<T extends ArrayBufferView>(whole: T, part: T): T {
  if (part.length == 0) return whole;
  const fitted = fit<T>(whole, epoch.regions);
  fitted.set(part, chunk.first);
  return fitted;
}
