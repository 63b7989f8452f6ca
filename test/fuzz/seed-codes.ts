import { sectionsOf } from '../runtime/policy/hostile/bytes.ts';
import { assemble } from '../runtime/policy/hostile/policy-text.ts';
import { LOCALS } from './frame-module.ts';

/** Code for the frame module's two functions; in the first, locals 0 and 2 are i32, 1 and 4 i64, 8 a vector. */
const CODES: readonly (readonly [main: string, callee: string])[] = [
  ['(return (call 1 (local.get 0)))', '(return (i32.add (local.get 0) (i32.const 1)))'],
  [
    `(local.set 2 (i32.const 5)) (loop (i32.store (i32.shl (local.get 2) (i32.const 2)) (local.get 0))
      (br_if 0 (local.tee 2 (i32.sub (local.get 2) (i32.const 1)))))`,
    '',
  ],
  [
    '(memory.fill (i32.const 8) (i32.const 7) (i32.const 100)) (memory.copy (i32.const 0) (i32.const 4) (i32.const 9))',
    '',
  ],
  ['(memory.init 0 (i32.const 8) (i32.const 1) (i32.const 3)) (global.set 0 (i32.load (i32.const 8)))', ''],
  ['(global.set 0 (memory.grow (i32.const 1))) (global.set 1 (i64.extend_i32_u (memory.size)))', ''],
  ['(return (call_indirect (type 3) (local.get 0) (i32.const 1)))', '(return (local.get 0))'],
  ['(return (call 0 (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))', ''],
  [
    `(block (block (block (br_table 0 1 2 0 (local.get 0))) (global.set 0 (i32.const 1)) (br 1))
      (global.set 0 (i32.const 2)))`,
    '(return (if (result i32) (local.get 0) (then (i32.const 3)) (else (i32.const 4))))',
  ],
  [
    `(i64.const 1) (loop (param i64) (result i64) (i64.mul (local.get 1)) (br_if 0 (local.tee 0 (i32.sub (local.get 0)
      (i32.const 1))))) (global.set 1)`,
    '',
  ],
  [
    `(i32.const 1) (i32.const 2) (loop (type 4) (i32.add) (local.tee 2) (local.get 2) (br_if 0 (i32.lt_u (local.get 2)
      (i32.const 99)))) (return (i32.add))`,
    '',
  ],
  [
    `(local.set 8 (i32x4.add (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4))) (global.set 4 (local.get 8))
      (v128.store (i32.const 16) (local.get 8)) (return (i32x4.extract_lane 2 (local.get 8)))`,
    '',
  ],
  [
    '(global.set 3 (f64.sqrt (f64.const 2))) (global.set 2 (f32.demote_f64 (global.get 3)))',
    '(return (i32.trunc_sat_f32_s (global.get 2)))',
  ],
  ['(return (i32.div_s (local.get 0) (i32.load offset=65532 (i32.const 0))))', ''],
  [
    '(loop (loop (br_if 1 (i32.eqz (local.tee 2 (i32.add (local.get 2) (i32.const 1))))) (br_if 0 (i32.and (local.get 2) (i32.const 7)))))',
    '',
  ],
  [
    '(drop (call 1 (i32.const 1))) (drop (call 1 (i32.const 2))) (return (i32.const 0))',
    '(loop (br 0)) (i32.const 1)',
  ],
  ['(return (select (i32.const 1) (i32.const 2) (local.get 0)))', '(return (i32.extend8_s (local.get 0)))'],
];

const END_BYTES = 1;

/** Inputs of the target `code`. */
export function seedCodes(): Uint8Array[] {
  return CODES.map((pair) => {
    const [main, callee] = compile(pair);
    const share = Math.round((255 * main!.length) / (main!.length + callee!.length || 1));
    return Buffer.from([share, ...main!, ...callee!]);
  });
}

function compile([main, callee]: (typeof CODES)[number]): Uint8Array[] {
  const locals = '(local i32 i32 i64 i64 f32 f64 v128)';
  const text = `(module
    (type (func)) (type (func (param i32 i64) (result i32))) (type (func (result i32)))
    (type (func (param i32) (result i32))) (type (func (param i32 i32) (result i32 i32)))
    (type (func (param i64 f64) (result f32))) (type (func (param v128)))
    (memory 1 2) (table 2 2 funcref) (elem (i32.const 0) 0 1) (data "abcd")
    (global (mut i32) (i32.const 0)) (global (mut i64) (i64.const 0)) (global (mut f32) (f32.const 0))
    (global (mut f64) (f64.const 0)) (global (mut v128) (v128.const i64x2 0 0))
    (func (type 1) ${locals} ${main} (unreachable)) (func (type 3) ${locals} ${callee} (unreachable)))`;
  const code = sectionsOf(assemble(text)).find(({ id }) => id === 10)!.payload;
  const bodies: Uint8Array[] = [];
  for (let at = 1; at < code.length;) {
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      more = code[at]! > 127;
      length += (code[at++]! & 127) << shift;
    }
    bodies.push(code.subarray(at + LOCALS.length, (at += length) - END_BYTES));
  }
  return bodies;
}
