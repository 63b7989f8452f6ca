import { isAmount, isCount, isFields } from '../../executor/wire/envelope.ts';
import { SPACE } from '../../executor/plan.ts';
import { isOwnerRef } from '../../executor/procfs/proc.ts';
import { ownersMax, regionCountMax } from '../limits.ts';
import type { Sample, SampleRows, SourceFault } from './source.ts';

/** The one thing a sensor may be asked. */
export const NEXT = { kind: 'next' } as const;

const faults: Record<SourceFault, true> = {
  'sensor-unreachable': true,
  'sensor-failed': true,
  'sample-malformed': true,
  'source-exhausted': true,
  'permission-missing': true,
  'idle-tracking-missing': true,
  'page-monitor-missing': true,
  'node-missing': true,
  'too-many-regions': true,
  'frame-too-large': true,
  'request-unknown': true,
};
export const SOURCE_FAULTS: ReadonlySet<SourceFault> = new Set(Object.keys(faults) as SourceFault[]);

const columnTypes = {
  owner: Uint16Array,
  pageNumber: Float64Array,
  pages: Uint32Array,
  node: Uint8Array,
  accesses: Uint32Array,
  writes: Uint32Array,
  flags: Uint8Array,
  coverage: Uint8Array,
} as const;

export function isNext(message: unknown): boolean {
  return isFields(message) && message.kind === NEXT.kind;
}

/** A sample as the engine relies on it: right types, equal lengths, rows sorted and disjoint; or undefined. */
export function readSample(value: unknown): Sample | undefined {
  if (!isFields(value) || !isFields(value.rows) || !Array.isArray(value.owners)) return undefined;
  const { lengthMs, samplingPeriod, space, owners, rows } = value;
  if (!isAmount(lengthMs) || !isCount(samplingPeriod, 2 ** 32 - 1) || samplingPeriod === 0) return undefined;
  if (space !== SPACE.virtual && space !== SPACE.physical) return undefined;
  if (owners.length > ownersMax || !owners.every(isOwnerRef)) return undefined;
  if (space === SPACE.physical && owners.length > 0) return undefined;
  // Frames have no owner; their column reads as if there were one.
  return isRows(rows, space === SPACE.physical ? 1 : owners.length)
    ? { lengthMs, samplingPeriod, space, owners, rows }
    : undefined;
}

function isRows(value: object, owners: number): value is SampleRows {
  const rows = value as SampleRows;
  const count = rows.pageNumber?.length;
  if (!isCount(count, regionCountMax)) return false;
  for (const [name, type] of Object.entries(columnTypes)) {
    const column = rows[name as keyof SampleRows];
    if (!(column instanceof type) || column.length !== count) return false;
  }
  return isSorted(rows, owners);
}

function isSorted({ owner, pageNumber, pages }: SampleRows, owners: number): boolean {
  for (let row = 0, end = 0; row < owner.length; row++) {
    const newOwner = row === 0 || owner[row] !== owner[row - 1];
    if (newOwner) end = 0;
    if (owner[row] >= owners || (newOwner && row > 0 && owner[row] < owner[row - 1])) return false;
    if (!Number.isSafeInteger(pageNumber[row]) || pageNumber[row] < end || pages[row] === 0) return false;
    end = pageNumber[row] + pages[row];
  }
  return true;
}
