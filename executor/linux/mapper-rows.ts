import type { FrameMappers, MapperWays } from '../frame-mappers.ts';
import { sortByKey } from '../order.ts';
import { MAPPER_BOUNDS } from './mapper-bounds.ts';

/** The columns of rows under construction; they grow, and only the first `count` rows count. */
export interface MapperRows {
  count: number;
  frame: Uint32Array;
  pid: Uint32Array;
  pageNumber: Float64Array;
  vmaFlags: Uint32Array;
  allowedNodes: Uint32Array;
  policy: Uint8Array;
}

export function createMapperRows(capacity = 1_024): MapperRows {
  return {
    count: 0,
    frame: new Uint32Array(capacity),
    pid: new Uint32Array(capacity),
    pageNumber: new Float64Array(capacity),
    vmaFlags: new Uint32Array(capacity),
    allowedNodes: new Uint32Array(2 * capacity),
    policy: new Uint8Array(capacity),
  };
}

/** Room for one more row, whose number it returns, with nothing known but these; -1 when the answer is full. */
export function addMapper(rows: MapperRows, frame: number, pid: number, pageNumber: number): number {
  const row = rows.count;
  if (row >= MAPPER_BOUNDS.rowsMax) return -1;
  if (row === rows.frame.length) grow(rows);
  rows.count++;
  rows.frame[row] = frame;
  rows.pid[row] = pid;
  rows.pageNumber[row] = pageNumber;
  return row;
}

/** Appends a row of another collection under another frame row. False when the answer is full. */
export function copyMapper(
  into: MapperRows,
  frame: number,
  { pid, pageNumber, vmaFlags, allowedNodes, policy }: Omit<FrameMappers, 'answer'>,
  row: number,
): boolean {
  const to = addMapper(into, frame, pid[row], pageNumber[row]);
  if (to < 0) return false;
  if (vmaFlags) into.vmaFlags[to] = vmaFlags[row];
  if (allowedNodes) {
    into.allowedNodes[2 * to] = allowedNodes[2 * row];
    into.allowedNodes[2 * to + 1] = allowedNodes[2 * row + 1];
  }
  if (policy) into.policy[to] = policy[row];
  return true;
}

/** The rows in the order of the frames. */
export function toMappers(rows: MapperRows, answer: Uint8Array, how: MapperWays): FrameMappers {
  const all = new Uint32Array(rows.count);
  for (let row = 0; row < all.length; row++) all[row] = row;
  const order = sortByKey(all, rows.frame);
  const sorted = createMapperRows(rows.count);
  for (const row of order) copyMapper(sorted, rows.frame[row], rows, row);
  const { frame, pid, pageNumber, vmaFlags, allowedNodes, policy } = sorted;
  return { frame, pid, pageNumber, answer, vmaFlags, allowedNodes, policy, how };
}

function grow(rows: MapperRows): void {
  const wider = createMapperRows(2 * Math.max(rows.frame.length, 512));
  wider.frame.set(rows.frame);
  wider.pid.set(rows.pid);
  wider.pageNumber.set(rows.pageNumber);
  wider.vmaFlags.set(rows.vmaFlags);
  wider.allowedNodes.set(rows.allowedNodes);
  wider.policy.set(rows.policy);
  Object.assign(rows, wider, { count: rows.count });
}
