import { describe, expect, test } from 'vitest';
import { meterModule } from '../../../runtime/policy/meter/meter.ts';
import { assemble, meter, run } from './metered-text.ts';
import type { Running } from './metered-text.ts';

/** Constructs of every kind, each a function of one i32. */
const CONSTRUCTS: Readonly<Record<string, string>> = {
  'an early return': `(param i32) (result i32)
    (loop $l (if (i32.eq (local.get 0) (i32.const 7)) (then (return (i32.const 70))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)`,
  'a branch out of everything': `(param i32) (result i32)
    (block (loop $l (br_if 1 (i32.gt_s (local.get 0) (i32.const 9)))
      (local.set 0 (i32.add (local.get 0) (i32.const 3))) (br $l)))
    (br 0 (i32.mul (local.get 0) (i32.const 2)))`,
  'a branch to the function with values below': `(param i32) (result i32)
    (loop $l (result i32) (i32.const 5) (local.get 0)
      (br_if 1 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))) (drop))`,
  'many results': `(param i32) (result i32 i64 f32)
    (loop $l (result i32 i64 f32)
      (if (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (then (br $l)))
      (i32.const 1) (i64.const 2) (f32.const 3))`,
  'a loop that takes values': `(param i32) (result i32)
    (i32.const 100) (local.get 0)
    (loop $l (param i32 i32) (result i32)
      (local.set 0) (i32.const 3) (i32.add) (local.get 0) (i32.const 1) (i32.sub) (local.tee 0)
      (local.get 0) (br_if $l) (drop))`,
  'a table that leads back': `(param i32) (result i32) (local $sum i32)
    (block $out (loop $a (loop $b
      (local.set $sum (i32.add (local.get $sum) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $out (i32.le_s (local.get 0) (i32.const 0)))
      (br_table $a $b $out $b (i32.rem_u (local.get 0) (i32.const 5))))))
    (local.get $sum)`,
  'an infinite loop with a way out': `(param i32) (result i32)
    (loop $l (result i32) (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (if (i32.gt_s (local.get 0) (i32.const 50)) (then (return (local.get 0)))) (br $l))`,
  'dead code with branches back': `(param i32) (result i32)
    (loop $l (result i32) (return (local.get 0)) (br_if $l (i32.const 1)) (br $l))`,
  'dead code that pops what is not there': `(param i32) (result i32)
    (loop $l (if (i32.eqz (local.get 0)) (then (unreachable) (br_if $l) (drop) (br_table $l 0)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)`,
  'a trap in a loop': `(param i32) (result i32)
    (loop $l (result i32) (drop (i32.div_u (i32.const 1) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $l))`,
  'a loop that nothing leads back to': `(param i32) (result i32)
    (loop $l (result i32) (block (br_if 0 (local.get 0)) (return (i32.const 3))) (local.get 0))`,
  'calls in a loop, of functions that charge and that do not': `(param i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (call $small (local.get $sum)) (call $large (local.get 0))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get $sum)`,
  'an indirect call in a loop': `(param i32) (result i32)
    (loop $l (local.set 0 (call_indirect (param i32) (result i32) (local.get 0) (i32.and (local.get 0) (i32.const 1))))
      (br_if $l (i32.gt_s (local.get 0) (i32.const 3)))) (local.get 0)`,
  recursion: `(param i32) (result i32)
    (if (result i32) (i32.le_s (local.get 0) (i32.const 1)) (then (i32.const 1))
      (else (i32.mul (local.get 0) (call $recursion (i32.sub (local.get 0) (i32.const 1))))))`,
  'bulk operations and growth': `(param i32) (result i32)
    (memory.fill (i32.const 8) (local.get 0) (local.get 0))
    (memory.copy (i32.const 100) (i32.const 4) (local.get 0))
    (memory.init $data (i32.const 200) (i32.const 0) (i32.const 3))
    (loop $l (memory.fill (i32.const 300) (i32.const 1) (i32.const 2))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.add (memory.grow (i32.const 1)) (i32.load (i32.const 100)))`,
  'a bounds check that may abort': `(param i32) (result i32)
    (loop $l (br_if $l (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (call $checked (local.get 0)))) (i32.const 0))))
    (local.get 0)`,
};
const names = Object.keys(CONSTRUCTS);
const module = assemble(`(module
  (memory (export "memory") 1) (data $data "abc")
  (type $t (func (param i32) (result i32)))
  (table 2 funcref) (elem (i32.const 0) $small $large)
  (global $calls (export "calls") (mut i32) (i32.const 0))
  (func $small (param i32) (result i32) (i32.xor (local.get 0) (i32.const 0x55)))
  (func $large (param i32) (result i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    ${'(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(50)} (i32.sub (local.get 0) (i32.const 60)))
  (func $abort (loop $l (global.set $calls (i32.const -1))
    (br_if $l (i32.load8_u (i32.const 8)))))
  (func $checked (param i32) (result i32)
    (if (i32.gt_u (local.get 0) (i32.const 10)) (then (call $abort) (unreachable))) (i32.const 2))
  ${names.map((name, i) => `(func ${name === 'recursion' ? '$recursion' : ''} (export "${i}") ${CONSTRUCTS[name]})`).join('\n')})`);

const memoryOf = ({ exports }: Running): Buffer =>
  Buffer.from((exports['memory'] as { readonly buffer: ArrayBuffer }).buffer);
const callsOf = ({ exports }: Running): number => (exports['calls'] as { readonly value: number }).value;
const burnt = (code: string, ...args: readonly number[]): number =>
  meter(assemble(`(module ${code})`)).burn('f', ...args);

describe('metered code', () => {
  test.each(names.map((name, i) => [name, String(i)]))('%s: does what it did', (_, name) => {
    for (const argument of [1, 2, 7, 12]) {
      const [plain, metered] = [run(module), meter(module)];
      expect(metered.call(name, argument)).toEqual(plain.call(name, argument));
      expect(memoryOf(metered).equals(memoryOf(plain))).toBe(true);
      expect(callsOf(metered)).toBe(callsOf(plain));
    }
  });

  test.each(names.map((name, i) => [name, String(i)]))('%s: needs what it burns, to the unit', (_, name) => {
    const endings = [1, 2, 7].map((argument) => {
      const metered = meter(module);
      const before = metered.fuel.value;
      const ending = metered.call(name, argument);
      return { argument, ending, burnt: before - metered.fuel.value };
    });
    for (const { argument, ending, burnt: wanted } of endings) {
      if ('trap' in ending || wanted === 0n) continue;
      const enough = meter(module, { fuelAtStart: wanted });
      expect(enough.call(name, argument)).toEqual(ending);
      expect(enough.fuel.value).toBe(0n);
      const short = meter(module, { fuelAtStart: wanted - 1n });
      expect(short.call(name, argument)).toEqual({ trap: 'unreachable' });
      expect(short.fuel.value).toBeLessThan(0n);
    }
  });

  test('is the same whenever it is metered', () => {
    expect(meterModule(module)).toEqual(meterModule(module));
  });
});

describe('what is burnt', () => {
  // A function that would charge nothing itself is made to by a loop that does not loop.
  const LOOP = '(loop $none (br_if $none (i32.const 0)))';
  test.each([
    // loop, const, br_if, end, and the function's end.
    ['each instruction once', `(func (export "f") ${LOOP})`, 5],
    [
      'both branches of an if',
      `(func (export "f") ${LOOP} (if (i32.const 1) (then (nop)) (else (nop))))`,
      5 + 6,
    ],
    ['dead code too', `(func (export "f") ${LOOP} (return) (nop))`, 7],
    ['nothing for small functions called from outside', '(func (export "f") (nop))', 0],
    [
      'small functions by their caller',
      `(func $g (nop) (nop)) (func (export "f") ${LOOP} (call $g))`,
      5 + 1 + 3,
    ],
    [
      'small functions in small functions by the caller of all',
      `(func $h (nop)) (func $g (call $h) (call $h)) (func (export "f") ${LOOP} (call $g))`,
      5 + 1 + 3 + 2 * 2,
    ],
  ])('%s', (_, code, units) => {
    expect(burnt(code)).toBe(units);
  });

  test('a loop once more for each way back', () => {
    const loop =
      '(func (export "f") (param i32) (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))';
    expect([1, 2, 3, 1000].map((rounds) => burnt(loop, rounds))).toEqual([8, 8 + 7, 8 + 14, 8 + 999 * 7]);
  });

  test('a loop in a small function, though nothing follows its way back', () => {
    const loop = `(func (export "f") (param i32) (loop $l
      (if (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (then (br $l) (unreachable)))))`;
    expect(burnt(loop, 9) - burnt(loop, 1)).toBe(8 * 10);
  });

  test('loops inside once with each way back of those around, and once more for their own', () => {
    const nested = `(func (export "f") (param i32 i32) (local $i i32)
      (loop $outer
        (local.set $i (local.get 1))
        (loop $inner (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`;
    const [inner, outer] = [7, 16];
    const units = (rounds: number, turns: number): number =>
      outer + 1 + (rounds - 1) * outer + rounds * (turns - 1) * inner;
    for (const [rounds, turns] of [
      [1, 1],
      [1, 9],
      [9, 1],
      [5, 6],
    ] as const)
      expect(burnt(nested, rounds, turns)).toBe(units(rounds, turns));
  });

  test('a table for the dearest loop that it may lead to', () => {
    const table = `(func (export "f") (param i32) (local $turn i32)
      (block $out (loop $dear (nop) (nop) (loop $cheap
        (br_if $out (local.get $turn)) (local.set $turn (i32.const 1))
        (br_table $cheap $dear $out (local.get 0))))))`;
    // 15 instructions in all, 12 of them in the loop.
    expect([burnt(table, 0), burnt(table, 1)]).toEqual([15 + 12, 15 + 12]);
  });

  test('an indirect call for a small function, whichever it finds', () => {
    const indirect = `(table 1 funcref) (elem (i32.const 0) $g) (func $g) (func (export "f") ${LOOP} (call_indirect (i32.const 0)))`;
    expect(burnt(indirect)).toBe(5 + 2 + 128);
  });

  test('bulk operations by the byte, and memory by the page', () => {
    const bulk = (code: string): string =>
      `(memory 2 10) (data $d "0123456789") (func (export "f") (param i32) ${code})`;
    for (const [code, instructions] of [
      ['(memory.fill (i32.const 0) (i32.const 1) (local.get 0))', 5],
      ['(memory.copy (i32.const 0) (i32.const 1) (local.get 0))', 5],
      ['(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))', 5],
    ] as const)
      for (const bytes of [0, 1, 10]) expect(burnt(bulk(code), bytes)).toBe(instructions + bytes);
    const grow = bulk('(drop (memory.grow (local.get 0)))');
    expect([0, 1, 8].map((pages) => burnt(grow, pages))).toEqual([4, 4 + 65_536, 4 + 8 * 65_536]);
    // Nothing grows: nothing but the instructions is paid for.
    expect([9, 65_536, -1].map((pages) => burnt(grow, pages))).toEqual([4, 4, 4]);
  });
});

describe('fuel that runs out', () => {
  test('ends a loop, whatever its kind', () => {
    for (const loop of [
      '(loop $l (br $l))',
      '(loop $l (br_if $l (i32.const 1)))',
      '(loop $l (br_table $l $l (i32.const 7)))',
      '(loop $a (loop $b (br $a)))',
      '(i32.const 0) (loop $l (param i32) (br_if $l (i32.const 1)) (drop))',
      '(loop $l (block (br_table 0 $l (i32.const 1))) (br $l))',
    ]) {
      const metered = meter(assemble(`(module (func (export "f") ${loop}))`), { fuelAtStart: 100_000n });
      expect(metered.call('f')).toEqual({ trap: 'unreachable' });
      expect(metered.fuel.value).toBeLessThan(0n);
      expect(metered.fuel.value).toBeGreaterThan(-100n);
    }
  });

  test('ends recursion, direct, mutual and indirect', () => {
    for (const code of [
      '(func $f (export "f") (call $f))',
      '(func $f (export "f") (call $g)) (func $g (call $f))',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") (call_indirect (i32.const 0)))',
      '(func $f (export "f") (call $f) (unreachable))',
      '(func $f (export "f") (call $g) (unreachable)) (func $g (call $f) (unreachable))',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") (call_indirect (i32.const 0)) (unreachable))',
    ]) {
      const metered = meter(assemble(`(module ${code})`), { fuelAtStart: 1000n });
      expect(metered.call('f')).toEqual({ trap: 'unreachable' });
      expect(metered.fuel.value).toBeLessThan(0n);
    }
  });

  test('cannot be lent again and again by functions that never return', () => {
    const lender = assemble(`(module (global $turns (export "turns") (mut i32) (i32.const 0))
      (func $spend (export "f") (local $left i32) (local.set $left (i32.const 900))
        (loop $l (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
          (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (drop (call $die (i32.const 1))))
      (func $die (param i32) (result i32) (if (local.get 0) (then (call $spend) (unreachable))) (i32.const 0)))`);
    const metered = meter(lender, { fuelAtStart: 11_000n });
    expect(metered.call('f')).toEqual({ trap: 'unreachable' });
    expect(metered.fuel.value).toBeLessThan(0n);
    expect((metered.exports['turns'] as { readonly value: number }).value).toBeLessThanOrEqual(1000);
  });

  test('ends a fill before it begins', () => {
    const fill = assemble(`(module (memory (export "memory") 100)
      (func (export "f") (memory.fill (i32.const 0) (i32.const 255) (i32.const 6553600))))`);
    const metered = meter(fill, { fuelAtStart: 6_553_604n });
    expect(metered.call('f')).toEqual({ trap: 'unreachable' });
    expect(memoryOf(metered).every((byte) => byte === 0)).toBe(true);
    expect(meter(fill, { fuelAtStart: 6_553_605n }).call('f')).toEqual({ answer: undefined });
  });

  test('is not blamed for lengths that no memory has', () => {
    const fill = assemble(`(module (memory 1)
      (func (export "f") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0))))`);
    for (const bytes of [65_537, 0x7fff_ffff, -1])
      expect(meter(fill, { fuelAtStart: 100n }).call('f', bytes)).toEqual({
        trap: expect.stringContaining('out of bounds'),
      });
  });

  test('is taken by what is imported too', () => {
    const calls = assemble(
      '(module (import "m" "log" (func $log)) (func (export "f") (loop $l (call $log) (br $l))))',
    );
    let lines = 0;
    const metered = meter(calls, { fuelAtStart: 10_000n }, { m: { log: () => void take() } });
    const take = (): void => {
      lines++;
      metered.fuel.value -= 1000n;
    };
    expect(metered.call('f')).toEqual({ trap: 'unreachable' });
    expect(lines).toBe(10);
  });

  test('is there at the start only if it was given', () => {
    const started = assemble('(module (func $s (loop $l (br_if $l (i32.const 0)))) (start $s))');
    expect(() => meter(started, { fuelAtStart: 0n })).toThrow('unreachable');
    expect(meter(started, { fuelAtStart: 5n }).fuel.value).toBe(0n);
  });
});

describe('the words of mutable globals', () => {
  const GLOBALS = `(module
    (global i32 (i32.const 9))
    (global $a (mut i32) (i32.const -2))
    (global $b (mut i64) (i64.const -3))
    (global $c (mut f32) (f32.const nan:0x200001))
    (global $d (mut f64) (f64.const -nan:0x4000000000001))
    (global $e (mut v128) (v128.const i64x2 5 -6))
    (func (export "c") (result i32) (i32.reinterpret_f32 (global.get $c)))
    (func (export "e") (param i32) (result i32) (i32x4.extract_lane 2 (global.get $e))))`;
  const get = (running: Running, word: number): unknown => running.call(`terrace:get${word}`);

  test('are read bit for bit', () => {
    const metered = meter(assemble(GLOBALS));
    expect([0, 1, 2, 3, 4, 5].map((word) => get(metered, word))).toEqual(
      [0xffff_fffen, -3n, 0x7fa0_0001n, -0xb_ffff_ffff_ffffn, 5n, -6n].map((answer) => ({ answer })),
    );
    expect(meterModule(assemble(GLOBALS))).toMatchObject({ value: { words: 6 } });
    expect(metered.exports).not.toHaveProperty('terrace:get6');
  });

  test('are written bit for bit, each alone', () => {
    const metered = meter(assemble(GLOBALS));
    const words = [0x8000_0001n, 7n, 0xffa0_0001n, 0x7ff4_0000_0000_0001n, -8n, 9n];
    for (const [word, value] of words.entries()) metered.call(`terrace:set${word}`, value);
    expect(words.map((_, word) => get(metered, word))).toEqual(words.map((answer) => ({ answer })));
    expect(metered.call('c')).toEqual({ answer: 0xffa0_0001 | 0 });
    expect(metered.call('e', 0)).toEqual({ answer: 9 });
  });

  test('burn nothing and leave the fuel alone', () => {
    const metered = meter(assemble(GLOBALS));
    expect(metered.burn('terrace:set0', 1n)).toBe(0);
    expect(metered.burn('terrace:get0')).toBe(0);
  });
});

describe('memory', () => {
  const pagesOf = (declared: string, memoryPagesMax?: number): number => {
    const binary = assemble(`(module (memory (export "memory") ${declared})
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
    const metered = meter(binary, memoryPagesMax === undefined ? {} : { memoryPagesMax });
    for (let pages = 1; pages > 0;) {
      const { answer } = metered.call('grow', pages) as { readonly answer: number };
      pages = answer < 0 ? Math.floor(pages / 2) : pages * 2;
    }
    return memoryOf(metered).length / 65_536;
  };

  test.each([
    ['without a maximum gets one', '2', 200, 200],
    ['with a larger maximum loses it', '2 60000', 200, 200],
    ['with a smaller maximum keeps it', '2 9', 200, 9],
    ['may start at its maximum', '200', 200, 200],
    ['is left as it is unless bounded', '2 300', undefined, 300],
  ])('%s', (_, declared, pagesMax, pages) => {
    expect(pagesOf(declared, pagesMax)).toBe(pages);
  });

  test.each([
    ['starts above the bound', '(memory 201)'],
    ['is imported, so that nothing here bounds it', '(import "m" "m" (memory 1))'],
  ])('that %s is refused', (_, declared) => {
    const refused = meterModule(assemble(`(module ${declared})`), { memoryPagesMax: 200 });
    expect(refused).toMatchObject({ ok: false, code: 'module-forbidden' });
  });

  test('may be absent', () => {
    expect(meterModule(assemble('(module (func (export "f")))'), { memoryPagesMax: 1 })).toMatchObject({
      ok: true,
    });
  });
});

describe('a module that surprises the meter is refused', () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  test.each([
    [
      'by a name that is the meter\u2019s',
      assemble('(module (global (export "terrace:fuel") i64 (i64.const 1)))'),
    ],
    ['by a reference in a mutable global', assemble('(module (global (mut externref) (ref.null extern)))')],
    ['by another header', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0)],
    ['by an unknown section', Uint8Array.of(...header, 13, 1, 0)],
    ['by a section there twice', Uint8Array.of(...header, 1, 1, 0, 1, 1, 0)],
    ['by two memories', Uint8Array.of(...header, 5, 5, 2, 0, 1, 0, 1)],
    ['by a shared memory', Uint8Array.of(...header, 5, 4, 1, 3, 1, 1)],
    ['by a type that is no function\u2019s', Uint8Array.of(...header, 1, 2, 1, 0x5f)],
    ['by a function without a type', Uint8Array.of(...header, 3, 2, 1, 0)],
    ['by a function without a body', Uint8Array.of(...header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0)],
  ])('%s', (_, binary) => {
    expect(meterModule(binary)).toMatchObject({ ok: false, message: expect.stringMatching(/./) });
  });

  test('by being cut, anywhere but between sections', () => {
    const ends = new Set([header.length]);
    for (let at = header.length; at < module.length; ends.add(at)) {
      const [length, bytes] = [module[at + 1]! & 127, module[at + 2]!];
      at += module[at + 1]! < 128 ? 2 + length : 3 + length + bytes * 128;
    }
    expect(ends).toContain(module.length);
    for (let bytes = 0; bytes <= module.length; bytes++)
      if (meterModule(module.slice(0, bytes)).ok) expect(ends).toContain(bytes);
  });
});
