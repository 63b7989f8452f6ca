import type { AdmittedPlan } from './admit.ts';
import type { MapperWays } from './frame-mappers.ts';
import type { Kernel } from './kernel.ts';
import type { Limits } from './limits.ts';
import { type PlanOwners, closeOwners, openOwners, refreshOwners } from './owners.ts';
import {
  type FrameRows,
  type Rows,
  expandRows,
  foldFolios,
  listOwners,
  readAllFacts,
  refreshFacts,
} from './resolve.ts';
import {
  type FrameTools,
  createMappers,
  findMappers,
  readAllFrames,
  refreshFrames,
} from './resolve-frames.ts';
import { VERDICT } from './verdict.ts';

/** A plan against the facts of this moment: folio by folio, and whose they are. */
export interface ResolvedPlan {
  readonly rows: Rows;
  readonly owners: PlanOwners;
  /** How the mappers of frames were found; of a physical plan only. */
  readonly ways?: MapperWays;
  /** Reads owners, and the facts of these rows (in the order of `byPage`), anew. */
  refresh(chosen: Uint32Array): void;
  close(): void;
}

/** From here on a plan of frames is one of addresses, that of a mapper for each folio, but for what `Rows.frames` adds. */
export function resolvePlan(admitted: AdmittedPlan, kernel: Kernel, limits: Limits): ResolvedPlan {
  const rows = expandRows(admitted);
  const tools: FrameTools = { kernel, limits, scope: admitted.scope };
  const { frames } = rows;
  return frames ? resolveFrames(rows, frames, tools) : resolvePages(admitted, rows, tools);
}

function resolvePages(
  { plan }: AdmittedPlan,
  rows: Rows,
  { kernel, scope, limits }: FrameTools,
): ResolvedPlan {
  const owners = openOwners(plan.owners, listOwners(rows, plan.owners.length), kernel);
  refreshOwners(owners, kernel, scope, limits);
  readAllFacts(rows, owners);
  foldFolios(rows);
  return {
    rows,
    owners,
    refresh(chosen) {
      refreshOwners(owners, kernel, scope, limits);
      refreshFacts(rows, chosen, owners);
    },
    close: () => closeOwners(owners),
  };
}

/** Mappers are looked for in each round: a process may have come to share a frame since. */
function resolveFrames(rows: Rows, frames: FrameRows, tools: FrameTools): ResolvedPlan {
  const mappers = createMappers();
  const isOpen = (row: number): boolean => rows.verdict[row] === VERDICT.none;
  const { kernel, scope, limits } = tools;
  readAllFrames(rows, frames, kernel);
  foldFolios(rows);
  findMappers(rows, frames, rows.byPage.filter(isOpen), mappers, tools);
  return {
    rows,
    owners: mappers.owners,
    ways: mappers.ways,
    refresh(chosen) {
      refreshOwners(mappers.owners, kernel, scope, limits);
      refreshFrames(rows, frames, chosen, kernel);
      findMappers(rows, frames, chosen.filter(isOpen), mappers, tools);
    },
    close: () => closeOwners(mappers.owners),
  };
}
