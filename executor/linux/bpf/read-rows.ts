import { MAPPER_POLICY, MAPPERS } from '../../frame-mappers.ts';
import { addMapper, type MapperRows } from '../mapper-rows.ts';
import {
  FLAG,
  HEADER_BYTES,
  HEADERS_AT,
  KIND,
  POLICY_OF_TASK,
  ROW,
  ROW_BYTES,
  ROWS_AT,
} from './walk-memory.ts';

/** MPOL_BIND, MPOL_INTERLEAVE, MPOL_PREFERRED_MANY, MPOL_WEIGHTED_INTERLEAVE; include/uapi/linux/mempolicy.h. */
const boundModes = new Set([2, 3, 5, 6]);

/** What rows said about one part of the question, by its own frame numbers. */
export interface PartTally {
  /** Different mappings named per frame. */
  readonly named: Uint32Array;
  /** 1 where a mapping belongs to nobody we can name. */
  readonly nameless: Uint8Array;
}

/** Takes over `count` rows of frames `base` and following. */
export function takeRows(
  memory: Uint32Array,
  count: number,
  base: number,
  rows: MapperRows,
  tally: PartTally,
): void {
  for (let i = 0; i < count; i++) {
    const at = (ROWS_AT + i * ROW_BYTES) / 4;
    const local = memory[at + ROW.cursor / 4];
    const pid = memory[at + ROW.pid / 4];
    const page = memory[at + 1] * 2 ** 20 + (memory[at] >>> 12);
    const kind = memory[at + ROW.kind / 4];
    if (pid === 0) tally.nameless[local] = 1;
    if (pid === 0 || (kind === KIND.ksm && isNamed(rows, base + local, pid, page))) continue;
    const row = addMapper(rows, base + local, pid, page);
    if (row < 0) {
      tally.nameless[local] = 1;
      continue;
    }
    tally.named[local]++;
    rows.vmaFlags[row] = memory[at + ROW.vmaFlags / 4];
    rows.allowedNodes[2 * row] = memory[at + ROW.nodes / 4];
    rows.allowedNodes[2 * row + 1] = memory[at + ROW.nodes / 4 + 1];
    rows.policy[row] = policyOf(memory[at + ROW.policy / 4], kind);
  }
}

/** One of `MAPPERS`: the kernel counts the mappings of a folio, so it shows whether all were found. */
export function readAnswer(memory: Uint32Array, local: number, tally: PartTally): number {
  const at = (HEADERS_AT + local * HEADER_BYTES) / 4;
  const flags = memory[at];
  if (flags & FLAG.truncated) return MAPPERS.truncated;
  if (flags & (FLAG.outside | FLAG.notHead | FLAG.odd) || tally.nameless[local]) return MAPPERS.unknown;
  // Equal pages of kin are reached through several trees, and counted as often.
  const found = flags & FLAG.ksm ? tally.named[local] : memory[at + 1];
  return found === memory[at + 2] ? MAPPERS.complete : MAPPERS.unknown;
}

export function readFolioPages(memory: Uint32Array, local: number): number {
  return memory[(HEADERS_AT + local * HEADER_BYTES) / 4 + 3];
}

/** Rows of one frame stand together at the end. */
function isNamed(
  { frame, pid, pageNumber, count }: MapperRows,
  row: number,
  who: number,
  page: number,
): boolean {
  for (let at = count - 1; at >= 0 && frame[at] === row; at--)
    if (pid[at] === who && pageNumber[at] === page) return true;
  return false;
}

/** A shared file (tmpfs) may have a policy of its own, which the walk does not see; it beats the task's. */
function policyOf(policy: number, kind: number): number {
  const mode = policy & (POLICY_OF_TASK - 1);
  if (mode === 0 || (kind === KIND.file && policy & POLICY_OF_TASK)) return MAPPER_POLICY.unknown;
  return boundModes.has(mode - 2) ? MAPPER_POLICY.bound : MAPPER_POLICY.free;
}
