import type { BoundPlan } from '../../executor/plan.ts';
import {
  type Seen,
  type TwoTier,
  type TwoTierOptions,
  createTwoTier,
  expectValue,
  inWords,
  populate,
} from './two-tier.ts';

/** Each test runs on both backends: they differ in one call only. */
export const backends = {
  move_pages: {},
  move_phys_pages: { backends: ['move_phys_pages'], movePhysPages: { number: 480 } },
};
export const members = { kind: 'cgroup', path: '/tenant' };

export interface Wish {
  readonly frame: number;
  readonly pages?: number;
  readonly target: number;
}

export function physical(two: TwoTier, wishes: readonly Wish[]): BoundPlan {
  const entries = wishes.map(({ frame, pages = 1, target }) => ({ page: frame, pages, target }));
  return two.plan(entries, {
    owners: [],
    owner: new Uint16Array(wishes.length),
    space: new Uint8Array(wishes.length).fill(1),
  });
}

export async function submitFrames(two: TwoTier, wishes: readonly Wish[]): Promise<Seen> {
  return inWords(expectValue(await two.executor.submit(physical(two, wishes))));
}

export const movesOf = ({ outcome: { frames } }: Seen) =>
  Array.from(frames.entry, (entry, i) => [entry, frames.from[i], frames.to[i], frames.pages[i]]);

/** Two tiers whose executor carries physical plans out by one of `backends`. */
export function createOn(backend: object, { limits, ...options }: TwoTierOptions = {}): TwoTier {
  return createTwoTier({ ...options, limits: { ...backend, ...limits } });
}

/** A page of the owner on the slow node; answers its frame. */
export function slowPage(two: TwoTier, page = 0): number {
  populate(two, page, 1, 1);
  return two.machine.frameOf(two.owner, page);
}
