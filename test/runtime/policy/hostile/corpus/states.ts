import { expect } from 'vitest';
import { stateBytesMax } from '../../../../../runtime/limits.ts';
import type { Hostile } from '../hostile.ts';
import { SOUND_MANIFEST, policyOf } from '../policies.ts';
import { AT, answerPlan } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const DECLARED = SOUND_MANIFEST.stateBytesMax;
const state = (name: string, must: Hostile['must'], parts: Parts, check?: Hostile['check']): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
  check,
});
const saving = (
  name: string,
  must: Hostile['must'],
  at: number,
  bytes: number,
  check?: Hostile['check'],
): Hostile =>
  state(
    name,
    must,
    {
      save: `(i32.store (i32.const ${AT.state}) (i32.const ${at})) (i32.store (i32.const ${AT.state + 4}) (i32.const ${bytes})) (i32.const ${AT.state})`,
    },
    check,
  );
const bytes =
  (length: number): Hostile['check'] =>
  ({ state: saved }) =>
    expect(saved).toHaveLength(length);
const EVERY_NAN =
  '(f32.store (i32.const 4128) (f32.sqrt (f32.const -1))) (i32.store (i32.const 4132) (i32.const 0x7fa00001))';

/** To leave a state that is none, or to come back from one as something else. */
export const states: readonly Hostile[] = [
  saving('a state above what the manifest says', 'save plan-unreadable', AT.text, DECLARED + 1),
  saving('a state of all the manifest says', 'harmless', AT.text, DECLARED, bytes(DECLARED)),
  saving('a state of nothing', 'harmless', AT.text, 0, bytes(0)),
  saving('a state of 4 GiB', 'save plan-unreadable', 0, -1),
  saving('a state without memory', 'save plan-unreadable', -8, 8),
  saving('a state across the end of memory', 'save plan-unreadable', 131_068, 8),
  saving('a state that ends where memory ends', 'harmless', 131_064, 8, bytes(8)),
  state('a state told at an address without memory', 'save plan-unreadable', { save: '(i32.const -4)' }),
  state('a state told at an odd address', 'save plan-unreadable', { save: '(i32.const 2049)' }),
  state('a trap instead of a state', 'save policy-trapped', { save: '(unreachable)' }),
  state(
    'a state whose memory grows while it is saved',
    'harmless',
    {
      save: `(drop (memory.grow (i32.const 8))) (i32.const ${AT.state})`,
      postSave: '(drop (memory.grow (i32.const 8)))',
    },
    bytes(8),
  ),
  state('a state that refuses to come back', 'restore restore-refused', {
    restore: `(i32.const ${AT.error})`,
  }),
  state('a state that traps when it comes back', 'restore policy-trapped', { restore: '(unreachable)' }),
  state('an answer of restore that is neither', 'restore plan-unreadable', {
    restore: `(i32.store8 (i32.const ${AT.ok}) (i32.const 2)) (i32.const ${AT.ok})`,
  }),
  state('an answer of restore without memory', 'restore plan-unreadable', { restore: '(i32.const -4)' }),
  state('no room for the state that comes back', 'restore plan-unreadable', {
    fields: '(global $saved (mut i32) (i32.const 0))',
    save: `(global.set $saved (i32.const -1)) (i32.const ${AT.state})`,
    realloc: '(select (i32.const -16) (i32.const 65536) (global.get $saved))',
  }),
  state('another policy altogether after it came back', 'bind plan-place-out-of-range', {
    restore: `(i32.store8 (i32.const 4112) (i32.const 200)) (i32.const ${AT.ok})`,
  }),
  {
    name: 'a state of 16 MiB that was declared',
    policy: () =>
      policyOf(
        {
          memory: '(memory (export "memory") 256)',
          save: `(i32.store (i32.const ${AT.state}) (i32.const 0)) (i32.store (i32.const ${AT.state + 4}) (i32.const ${stateBytesMax})) (i32.const ${AT.state})`,
        },
        { manifest: { ...SOUND_MANIFEST, stateBytesMax } },
      ),
    must: 'restore plan-unreadable',
    check: bytes(stateBytesMax),
  },
];

const number = (name: string, must: Hostile['must'], decide: string, check?: Hostile['check']): Hostile =>
  state(name, must, { decide: `${decide} ${answerPlan}` }, check);

/** What numbers may do that are none, and arithmetic that has no answer. */
export const numbers: readonly Hostile[] = [
  number('NaN made an integer', 'epoch policy-trapped', '(drop (i32.trunc_f64_s (f64.const nan)))'),
  number('infinity made an integer', 'epoch policy-trapped', '(drop (i64.trunc_f32_u (f32.const inf)))'),
  number(
    'NaN made an integer, saturating',
    'harmless',
    '(i32.store (i32.const 4096) (i32.trunc_sat_f64_u (f64.const nan)))',
  ),
  number(
    'infinity as a region, saturating',
    'bind plan-region-out-of-range',
    '(i32.store (i32.const 4096) (i32.trunc_sat_f64_u (f64.const inf)))',
  ),
  number(
    'the bits of a NaN as a region',
    'bind plan-region-out-of-range',
    '(i32.store (i32.const 4096) (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))))',
  ),
  number(
    'the bits of a NaN as an address',
    'epoch policy-trapped',
    '(i32.store (i32.reinterpret_f32 (f32.const nan:0x7fffff)) (i32.const 1))',
  ),
  number('division by zero', 'epoch policy-trapped', '(drop (i64.rem_u (i64.const 1) (i64.const 0)))'),
  number(
    'the division that overflows',
    'epoch policy-trapped',
    '(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))',
  ),
  number(
    'the remainder that does not',
    'harmless',
    '(i32.store (i32.const 4096) (i32.rem_s (i32.const 0x80000000) (i32.const -1)))',
  ),
  state(
    'every bit of a NaN kept as state',
    'harmless',
    { save: `${EVERY_NAN} (i32.const ${AT.state})` },
    ({ state: saved }) => expect(Buffer.from(saved!).readUInt32LE(4)).toBe(0x7fa0_0001),
  ),
];
