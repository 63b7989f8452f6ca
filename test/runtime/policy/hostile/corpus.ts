import type { Hostile } from './hostile.ts';
import { allocators, entries } from './corpus/allocators.ts';
import { exports, imports } from './corpus/doors.ts';
import { components, encodings, proposals } from './corpus/formats.ts';
import { logs } from './corpus/logs.ts';
import { loops } from './corpus/loops.ts';
import { manifests } from './corpus/manifests.ts';
import { memories } from './corpus/memory.ts';
import { plans, pointers } from './corpus/plans.ts';
import { recursions } from './corpus/recursion.ts';
import { sizes } from './corpus/sizes.ts';
import { numbers, states } from './corpus/states.ts';

/** What each group tries, and how each of its policies must end. */
export const CORPUS: Readonly<Record<string, readonly Hostile[]>> = {
  loops,
  recursions,
  memories,
  sizes,
  logs,
  pointers,
  plans,
  allocators,
  entries,
  states,
  numbers,
  manifests,
  imports,
  exports,
  proposals,
  components,
  encodings,
};
