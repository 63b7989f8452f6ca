import type { Hostile } from '../hostile.ts';
import { policyOf } from '../policies.ts';
import { answerPlan } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const memory = (name: string, must: Hostile['must'], parts: Parts, more: Partial<Hostile> = {}): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
  ...more,
});
const inDecide = (name: string, must: Hostile['must'], code: string, parts: Parts = {}): Hostile =>
  memory(name, must, { ...parts, decide: `${code} ${answerPlan}` });
const GIB = '(i32.const 0x40000000)';
const ALL = '(i32.shl (memory.size) (i32.const 16))';
const GROW_ALL = '(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))';
const ONE_PAGE = { memory: '(memory (export "memory") 2) (data (i32.const 200000) "far")' };
const TABLE = '(table $t 4 funcref) (elem $e funcref (ref.func $decide))';

/** To take more memory than given, to write where there is none, or to move it under the host's feet. */
export const memories: readonly Hostile[] = [
  inDecide('growing page by page until no more is given', 'harmless', GROW_ALL),
  inDecide(
    'growing by 4 GiB at once',
    'harmless',
    '(if (i32.ne (memory.grow (i32.const 65536)) (i32.const -1)) (then (unreachable)))',
  ),
  inDecide(
    'growing by a negative number',
    'harmless',
    '(if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then (unreachable)))',
  ),
  inDecide(
    'growing by nothing, for ever',
    'epoch policy-out-of-fuel',
    '(loop $again (drop (memory.grow (i32.const 0))) (br $again))',
  ),
  inDecide(
    'growing to the end and touching all of it',
    'harmless',
    `${GROW_ALL} (memory.fill (i32.const 65536) (i32.const 1) (i32.sub ${ALL} (i32.const 65536)))`,
  ),
  memory('growing while the host hands columns over', 'harmless', {
    realloc: `(local $at i32) (local.set $at ${ALL}) (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable))) (local.get $at)`,
  }),
  memory('growing in observe, so that what was handed over moves', 'harmless', {
    observe: `(drop (memory.grow (i32.const 3))) (drop (i32.load (local.get $columns)))`,
  }),
  memory('growing in cabi_post_decide, after the plan was found', 'harmless', {
    postDecide: '(drop (memory.grow (i32.const 16)))',
  }),
  memory('asking for a maximum of 4 GiB', 'harmless', {
    memory: '(memory (export "memory") 2 65536)',
    decide: `${GROW_ALL} ${answerPlan}`,
  }),
  memory(
    'starting with more pages than allowed',
    'admission module-forbidden',
    { memory: '(memory (export "memory") 257)' },
    { says: '257 pages' },
  ),
  memory('starting with as many pages as allowed', 'harmless', { memory: '(memory (export "memory") 256)' }),
  memory('a maximum below its start', 'load module-invalid', { memory: '(memory (export "memory") 2 1)' }),
  memory('more pages than 32 bits address', 'admission module-forbidden', {
    memory: '(memory (export "memory") 65537)',
  }),
  memory('no memory at all', 'admission module-invalid', { memory: '' }),
  memory('a memory under another name', 'admission module-forbidden', {
    memory: '(memory (export "memoir") 2)',
  }),
  memory('a memory of no pages', 'load policy-trapped', { memory: '(memory (export "memory") 0)' }),

  inDecide('filling 1 GiB', 'epoch policy-trapped', `(memory.fill (i32.const 0) (i32.const 7) ${GIB})`),
  inDecide(
    'filling all memory, for ever',
    'epoch policy-out-of-fuel',
    `(loop $again (memory.fill (i32.const 8192) (i32.const 7) (i32.sub ${ALL} (i32.const 8192))) (br $again))`,
  ),
  inDecide(
    'copying all memory, for ever',
    'epoch policy-out-of-fuel',
    `(loop $again (memory.copy (i32.const 0) (i32.const 1) (i32.sub ${ALL} (i32.const 1))) (br $again))`,
  ),
  inDecide(
    'copying in from a segment, for ever',
    'epoch policy-out-of-fuel',
    `(loop $again (memory.init $blob (i32.const 8192) (i32.const 0) (i32.const 30000)) (br $again))`,
    {
      fields: `(data $blob "${'x'.repeat(30_000)}")`,
    },
  ),
  inDecide(
    'filling nothing, for ever',
    'epoch policy-out-of-fuel',
    '(loop $again (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (br $again))',
  ),
  inDecide(
    'filling one byte too far',
    'epoch policy-trapped',
    `(memory.fill (i32.const 1) (i32.const 7) ${ALL})`,
  ),
  inDecide(
    'filling at the very end, no bytes',
    'harmless',
    `(memory.fill ${ALL} (i32.const 7) (i32.const 0))`,
  ),
  inDecide(
    'copying 4 GiB less one byte',
    'epoch policy-trapped',
    '(memory.copy (i32.const 0) (i32.const 1) (i32.const -1))',
  ),
  inDecide(
    'copying past the end of a segment',
    'epoch policy-trapped',
    '(memory.init $blob (i32.const 0) (i32.const 2) (i32.const -1))',
    { fields: '(data $blob "abc")' },
  ),
  inDecide(
    'storing where pointer and offset pass 4 GiB',
    'epoch policy-trapped',
    '(i64.store offset=0xffffffff (i32.const -1) (i64.const 1))',
  ),
  inDecide(
    'loading a vector across the end',
    'epoch policy-trapped',
    `(drop (v128.load (i32.sub ${ALL} (i32.const 15))))`,
  ),
  inDecide(
    'storing across the end',
    'epoch policy-trapped',
    `(i32.store (i32.sub ${ALL} (i32.const 3)) (i32.const 1))`,
  ),
  inDecide(
    'overwriting all it has, its plan too',
    'epoch plan-unreadable',
    `(memory.fill (i32.const 0) (i32.const 255) ${ALL})`,
  ),
  memory('data beyond its memory', 'load policy-trapped', ONE_PAGE),
  memory('data at a negative address', 'load policy-trapped', { fields: '(data (i32.const -1) "x")' }),

  inDecide(
    'a table that grows',
    'admission module-forbidden',
    '(drop (table.grow $t (ref.null func) (i32.const 1000000)))',
    { fields: TABLE },
  ),
  inDecide(
    'a table that is filled',
    'admission module-forbidden',
    '(table.fill $t (i32.const 0) (ref.null func) (i32.const 4))',
    { fields: TABLE },
  ),
  inDecide(
    'a table that is written',
    'admission module-forbidden',
    '(table.set $t (i32.const 0) (ref.func $decide))',
    { fields: TABLE },
  ),
  inDecide(
    'a table that is copied',
    'admission module-forbidden',
    '(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))',
    { fields: TABLE },
  ),
  inDecide(
    'a table that is filled from a segment',
    'admission module-forbidden',
    '(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))',
    { fields: TABLE },
  ),
  inDecide('a segment that is dropped', 'admission module-forbidden', '(data.drop $blob)', {
    fields: '(data $blob "abc")',
  }),
  memory('a table of 4 billion elements', 'admission module-forbidden', {
    fields: '(table 0xffffffff funcref)',
  }),
  memory('a table one element above the limit', 'admission module-forbidden', {
    fields: '(table 65537 funcref)',
  }),
  memory('a table at the limit that may grow to 4 billion', 'harmless', {
    fields: '(table 65536 0xffffffff funcref)',
  }),
  memory('two tables', 'admission module-forbidden', { fields: '(table 1 funcref) (table 1 funcref)' }),
  memory('elements beyond their table', 'load policy-trapped', {
    fields: '(table 1 funcref) (elem (i32.const 1) $decide)',
  }),
  inDecide('a call of an empty element', 'epoch policy-trapped', '(call_indirect (i32.const 0))', {
    fields: '(table 1 funcref)',
  }),
  inDecide(
    'a call of an element that is not there',
    'epoch policy-trapped',
    '(call_indirect (i32.const -1))',
    { fields: '(table 1 funcref)' },
  ),
  inDecide('a call of an element of another type', 'epoch policy-trapped', '(call_indirect (i32.const 0))', {
    fields: '(table 1 funcref) (elem (i32.const 0) $decide)',
  }),
];
