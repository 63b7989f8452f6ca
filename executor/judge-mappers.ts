import { MAPPERS } from './frame-mappers.ts';
import { FACT } from './kernel.ts';
import type { PlanOwners } from './owners.ts';
import type { Rows } from './resolve.ts';
import { VERDICT } from './verdict.ts';

/**
 * Why a row may not be touched for the sake of those whose memory it is, or `VERDICT.none`. A folio is everybody's
 * who maps it: one of them outside the scope is enough. `cgroups`: the inodes of those that may be charged for
 * it; undefined = whoever is.
 */
export function judgeMappers(
  { owner, frames }: Rows,
  row: number,
  owners: PlanOwners,
  cgroups: ReadonlySet<number> | undefined,
): number {
  if (!frames) return verdictOf(owners, owner[row]);
  const end = frames.first[row] + frames.mappings[row];
  for (let at = frames.first[row]; at < end; at++) {
    const verdict = verdictOf(owners, frames.owner[at]);
    if (verdict !== VERDICT.none) return verdict;
  }
  if (frames.answer[row] !== MAPPERS.complete) return VERDICT.unknown;
  const foreign = cgroups && frames.charged[row] !== 0 && !cgroups.has(frames.charged[row]);
  return foreign ? VERDICT['out-of-scope'] : VERDICT.none;
}

/** Whether the cpusets of all whose memory it is allow the target. */
export function allowsTarget({ owner, frames }: Rows, row: number, owners: PlanOwners, to: number): boolean {
  if (!frames) return owners[owner[row]]?.allowed[to] === 1;
  const end = frames.first[row] + frames.mappings[row];
  for (let at = frames.first[row]; at < end; at++)
    if (owners[frames.owner[at]]?.allowed[to] !== 1) return false;
  return true;
}

/** Page tables say that a second process maps the folio, and nobody knows which. */
export function lacksMapper({ flags, frames }: Rows, row: number): boolean {
  return frames?.mappings[row] === 1 && (flags[row] & FACT.shared) !== 0;
}

function verdictOf(owners: PlanOwners, index: number): number {
  return owners[index]?.verdict ?? VERDICT['owner-gone'];
}
