import { expect } from 'vitest';
import { planEntriesMax } from '../../../../../runtime/limits.ts';
import type { Hostile } from '../hostile.ts';
import { HOLE, REGIONS } from '../outcome.ts';
import { policyOf } from '../policies.ts';
import { answerPlan } from '../policy-text.ts';

const LISTS = { regions: 0, targets: 1, priorities: 2, reasons: 3, headroom: 4, wishes: 5 } as const;
type Lists = Partial<Record<keyof typeof LISTS, readonly [at: number, length: number]>>;
/** Zeros that nobody writes. */
const ZEROS = 40_960;
const MEMORY_BYTES = 131_072;

const put = (lists: Lists): string =>
  Object.entries(lists)
    .map(
      ([name, [at, length]]) =>
        `(call $list (i32.const ${LISTS[name as keyof Lists]}) (i32.const ${at}) (i32.const ${length}))`,
    )
    .join('');
const lying = (
  name: string,
  lists: Lists,
  must: Hostile['must'] = 'epoch plan-unreadable',
  check?: Hostile['check'],
): Hostile => ({
  name,
  policy: () => policyOf({ decide: `${put(lists)} ${answerPlan}` }),
  must,
  check,
});
const at = (name: string, decide: string, must: Hostile['must'] = 'epoch plan-unreadable'): Hostile => ({
  name,
  policy: () => policyOf({ decide }),
  must,
});
/** Wishes those regions into those places. */
const wishing = (
  name: string,
  wishes: readonly (readonly [region: number, place: number])[],
  must: Hostile['must'],
  more: Lists = {},
): Hostile => {
  const stores = wishes.map(
    ([region, place], i) =>
      `(i32.store (i32.const ${8192 + 4 * i}) (i32.const ${region})) (i32.store8 (i32.const ${16_384 + i}) (i32.const ${place}))`,
  );
  const lists: Lists = { regions: [8192, wishes.length], targets: [16_384, wishes.length], ...more };
  return { name, policy: () => policyOf({ decide: `${stores.join('')} ${put(lists)} ${answerPlan}` }), must };
};
const entries = (count: number): Lists => ({ regions: [0, count], targets: [0, count] });
const LARGE = { memory: '(memory (export "memory") 256)' };

/** To have the host read what is not the policy's, or more than there is. */
export const pointers: readonly Hostile[] = [
  at('a plan without memory', '(i32.const -4)'),
  at('a plan across the end of memory', `(i32.const ${MEMORY_BYTES - 44})`),
  at('a plan at the very end of memory', `(i32.const ${MEMORY_BYTES - 48})`, 'harmless'),
  at('a plan at an odd address', '(i32.const 1025)'),
  at('a plan at address 0', '(i32.const 0)', 'harmless'),
  lying('a list without memory', { regions: [-65_536, 16_384], targets: [ZEROS, 16_384] }),
  lying('a list of 16 GiB', { regions: [0, -1] }),
  lying('a list whose bytes wrap around 32 bits', { regions: [0, 0x4000_0000] }),
  lying('a list whose end wraps around 32 bits', { regions: [-4, 2], targets: [ZEROS, 2] }),
  lying('a list of bytes as long as 32 bits count', { regions: [0, 0], targets: [0, -1] }),
  lying('a list at an odd address', { regions: [4097, 1] }),
  lying('a list of shorts at an odd address', { priorities: [4097, 1] }),
  lying('wishes at an odd address', { wishes: [4098, 1] }),
  lying('an empty list without memory', { priorities: [-2, 0] }),
  lying('a list one byte beyond memory', { targets: [MEMORY_BYTES, 1] }),
  lying('a list that ends where memory ends', { targets: [MEMORY_BYTES - 1, 1] }, 'harmless'),
  lying('an empty list where memory ends', { priorities: [MEMORY_BYTES, 0] }, 'harmless'),
  lying(
    'all lists in one place',
    { regions: [ZEROS, 1], targets: [ZEROS, 1], priorities: [ZEROS, 1], reasons: [ZEROS, 1] },
    'harmless',
  ),
  lying(
    'lists on top of the plan that tells them',
    { regions: [1024, 1], targets: [1028, 1] },
    'bind plan-region-out-of-range',
  ),
];

/** To answer a plan that is not one. */
export const plans: readonly Hostile[] = [
  {
    name: 'one entry more than a plan may have',
    policy: () => policyOf({ ...LARGE, decide: put(entries(planEntriesMax + 1)) + answerPlan }),
    must: 'epoch plan-unreadable',
  },
  {
    name: 'as many entries as a plan may have, all of one region',
    policy: () =>
      policyOf({
        ...LARGE,
        decide:
          put({ regions: [0x80_0000, planEntriesMax], targets: [0xc0_0000, planEntriesMax] }) + answerPlan,
      }),
    must: 'bind plan-region-twice',
  },
  lying('fewer targets than regions', { regions: [ZEROS, 2] }),
  lying('more targets than regions', { targets: [ZEROS, 2] }),
  lying('targets without regions', { regions: [0, 0] }),
  lying('fewer priorities than regions', {
    regions: [ZEROS, 2],
    targets: [ZEROS, 2],
    priorities: [ZEROS, 1],
  }),
  lying('more reasons than regions', { reasons: [ZEROS, 2] }),
  lying('headroom for places that are not', { headroom: [ZEROS, 3] }),
  lying('headroom for one place of two', { headroom: [ZEROS, 1] }),
  lying('65 wishes', { wishes: [ZEROS, 65] }),
  lying('64 wishes of no known kind', { wishes: [0, 64] }, 'harmless', ({ plans: [plan] }) =>
    expect(plan!.wishes).toHaveLength(64),
  ),
  lying('reasons the manifest does not have', { reasons: [1024, 1] }, 'harmless'),
  lying('all the headroom there is', { headroom: [8, 2] }, 'harmless'),
  wishing('a region that is not', [[REGIONS, 1]], 'bind plan-region-out-of-range'),
  wishing('the last region of 32 bits', [[-1, 1]], 'bind plan-region-out-of-range'),
  wishing('a hole', [[HOLE, 1]], 'bind plan-region-dead'),
  wishing(
    'a region twice',
    [
      [1, 1],
      [2, 0],
      [1, 0],
    ],
    'bind plan-region-twice',
  ),
  wishing('a place that is not', [[1, 2]], 'bind plan-place-out-of-range'),
  wishing('the place that is none', [[1, 255]], 'bind plan-place-out-of-range'),
  wishing(
    'a good wish and a bad one',
    [
      [1, 1],
      [REGIONS, 1],
    ],
    'bind plan-region-out-of-range',
  ),
  wishing(
    'every region into the fastest place',
    [0, 1, 2, 4, 5, 6, 7].map((region) => [region, 0]),
    'harmless',
  ),
  {
    name: 'another plan each time it is read',
    policy: () =>
      policyOf({
        decide: `${put({ priorities: [ZEROS, 1] })} ${answerPlan}`,
        postDecide: `${put({ regions: [-4, 9], targets: [-4, 9] })} (i32.store (i32.const 4096) (i32.const ${HOLE}))`,
      }),
    must: 'epoch plan-unreadable',
    check: ({ plans: read }) =>
      expect(read).toMatchObject([{ regions: Uint32Array.of(0), targets: Uint8Array.of(1) }]),
  },
];
