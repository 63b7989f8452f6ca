import type { Hostile } from '../hostile.ts';
import { policyOf } from '../policies.ts';
import type { Parts } from '../policy-text.ts';

const recursion = (name: string, must: Hostile['must'], parts: Parts): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
});
const PAIR = '(func $ping (call $pong)) (func $pong (call $ping))';
const THROUGH_TABLE =
  '(table 1 funcref) (elem (i32.const 0) $again) (func $again (call_indirect (i32.const 0)))';
const DEEP = `(func $deep (param $left i32)
  (if (local.get $left) (then (call $deep (i32.sub (local.get $left) (i32.const 1))))))`;
const FIBONACCI = `(func $fib (param $n i32) (result i32) (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (i32.const 1))
  (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1))) (call $fib (i32.sub (local.get $n) (i32.const 2)))))))`;

/** To leave the stack, or to use it up. */
export const recursions: readonly Hostile[] = [
  recursion('recursion without end', 'epoch policy-trapped', { decide: '(call $decide)' }),
  recursion('recursion of two', 'epoch policy-trapped', {
    fields: PAIR,
    decide: '(call $ping) (i32.const 1024)',
  }),
  recursion('recursion through a table', 'epoch policy-trapped', {
    fields: THROUGH_TABLE,
    decide: '(call_indirect (i32.const 0)) (i32.const 1024)',
  }),
  recursion('recursion with large frames', 'epoch policy-trapped', {
    fields: `(func $wide (local ${'i64 '.repeat(2000)}) (call $wide))`,
    decide: '(call $wide) (i32.const 1024)',
  }),
  recursion('recursion in _initialize', 'load policy-trapped', { initialize: '(call $initialize)' }),
  recursion('recursion in cabi_realloc', 'load policy-trapped', {
    realloc: '(call $realloc (local.get $old) (local.get $oldBytes) (local.get $align) (local.get $bytes))',
  }),
  recursion('recursion in cabi_post_decide', 'epoch policy-trapped', {
    postDecide: '(call $ping)',
    fields: PAIR,
  }),
  recursion('recursion of 3,000 calls that ends', 'harmless', {
    fields: DEEP,
    decide: '(call $deep (i32.const 3000)) (i32.const 1024)',
  }),
  recursion('recursion that branches out of all bounds', 'epoch policy-out-of-fuel', {
    fields: FIBONACCI,
    decide: '(drop (call $fib (i32.const 60))) (i32.const 1024)',
  }),
  {
    ...recursion('recursion down to the last bytes of stack, with a log on each', 'epoch policy-trapped', {
      fields: '(func $down (call $log (i32.const 1) (i32.const 4160) (i32.const 2)) (call $down))',
      decide: '(call $down) (i32.const 1024)',
    }),
    limits: { fuelPerEpoch: 1e9 },
  },
];
