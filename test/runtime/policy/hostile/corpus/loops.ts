import type { Hostile } from '../hostile.ts';
import { policyOf } from '../policies.ts';
import type { Parts } from '../policy-text.ts';

export const FOREVER = '(loop $again (br $again)) (unreachable)';

const loop = (name: string, parts: Parts, must: Hostile['must'] = 'epoch policy-out-of-fuel'): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
});
const inDecide = (name: string, code: string, fields = ''): Hostile =>
  loop(name, { fields, decide: `${code} (unreachable)` });

/** Never to answer, in each export and in each way to go round. */
export const loops: readonly Hostile[] = [
  loop('a loop in _initialize', { initialize: FOREVER }, 'load policy-out-of-fuel'),
  loop('a loop in configure', { configure: FOREVER }, 'load policy-out-of-fuel'),
  loop('a loop in cabi_realloc', { realloc: FOREVER }, 'load policy-out-of-fuel'),
  loop('a loop in begin', { begin: FOREVER }),
  loop('a loop in observe', { observe: FOREVER }),
  loop('a loop in decide', { decide: FOREVER }),
  loop('a loop in save', { save: FOREVER }, 'save policy-out-of-fuel'),
  loop('a loop in restore', { restore: FOREVER }, 'restore policy-out-of-fuel'),
  loop('a loop in cabi_post_configure', { postConfigure: FOREVER }, 'load policy-out-of-fuel'),
  loop('a loop in cabi_post_decide', { postDecide: FOREVER }),
  loop('a loop in cabi_post_save', { postSave: FOREVER }, 'save policy-out-of-fuel'),
  loop('a loop in cabi_post_restore', { postRestore: FOREVER }, 'restore policy-out-of-fuel'),

  inDecide('a loop by br_if', '(loop $again (br_if $again (i32.const 1)))'),
  inDecide('a loop by br_table', '(loop $again (br_table $again $again (i32.const 7)))'),
  inDecide('a loop by br_table of the default alone', '(loop $again (br_table $again (i32.const -1)))'),
  inDecide(
    'a loop from inside of if and block',
    '(loop $again (block (if (i32.const 1) (then (br $again)))))',
  ),
  inDecide('two loops that send each other round', '(loop $a (loop $b (br_if $b (i32.const 0)) (br $a)))'),
  inDecide(
    'a loop that carries values round',
    '(i64.const 1) (loop $again (param i64) (i64.const 3) (i64.mul) (br $again))',
  ),
  inDecide('ten nested loops that would each end', nested(10)),
  inDecide(
    'a countdown from 2^63',
    '(local $left i64) (local.set $left (i64.const 0x7fffffffffffffff))' +
      '(loop $again (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0))))',
  ),
  inDecide('a loop of calls', '(loop $again (call $nothing) (br $again))', '(func $nothing)'),
  inDecide(
    'a loop of calls through a table',
    '(loop $again (call_indirect (i32.const 0)) (br $again))',
    '(table 1 funcref) (elem (i32.const 0) $nothing) (func $nothing)',
  ),
  inDecide(
    'a loop that returns from what it calls',
    '(loop $again (call $early) (br $again))',
    '(func $early (block (return)))',
  ),
  inDecide(
    'a loop of vectors',
    '(local $v v128) (loop $again (local.set $v (i8x16.swizzle (local.get $v) (local.get $v))) (br $again))',
  ),
  inDecide(
    'a loop of divisions',
    '(loop $again (drop (i64.div_u (i64.const -1) (i64.const 3))) (br $again))',
  ),
  inDecide('a loop of square roots', '(loop $again (drop (f64.sqrt (f64.const 2))) (br $again))'),
  inDecide(
    'a loop that logs',
    '(loop $again (call $log (i32.const 1) (i32.const 4160) (i32.const 2)) (br $again))',
  ),
  inDecide('a loop that asks for the size of memory', '(loop $again (drop (memory.size)) (br $again))'),
  inDecide(
    'a loop while NaN differs from itself',
    '(loop $again (br_if $again (f64.ne (f64.const nan) (f64.const nan))))',
  ),
  inDecide(
    'a body of 60,000 bytes in a loop',
    `(loop $again ${'(drop (i64.const -1))'.repeat(19_000)} (br $again))`,
  ),
  loop('a loop in the second epoch only', {
    fields: '(global $epochs (mut i32) (i32.const 0))',
    begin: '(global.set $epochs (i32.add (global.get $epochs) (i32.const 1)))',
    decide: `(if (i32.eq (global.get $epochs) (i32.const 2)) (then (loop $again (br $again)))) (i32.const 1024)`,
  }),
];

/** Loops inside each other, each to be gone round 65,536 times. */
function nested(depth: number): string {
  const locals = Array.from({ length: depth }, (_, i) => `(local $i${i} i32)`).join('');
  let code = '';
  for (let i = 0; i < depth; i++)
    code = `(local.set $i${i} (i32.const 65536)) (loop $l${i} ${code}
      (br_if $l${i} (local.tee $i${i} (i32.sub (local.get $i${i}) (i32.const 1)))))`;
  return locals + code;
}
