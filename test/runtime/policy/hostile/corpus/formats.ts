import {
  COMPONENT_HEADER,
  CORE_HEADER,
  concatenate,
  name as text,
  section,
  sectionsOf,
  withSections,
} from '../bytes.ts';
import type { Bytes, Section } from '../bytes.ts';
import type { Hostile } from '../hostile.ts';
import { SOUND, componentWith, coreChanged, policyOf, withBody } from '../policies.ts';
import { answerPlan } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const FORBIDDEN = 'admission module-forbidden';
const MALFORMED = 'admission component-malformed';
const INVALID = 'admission module-invalid';

const using = (
  name: string,
  parts: Parts,
  features: readonly string[] = [],
  must: Hostile['must'] = FORBIDDEN,
): Hostile => ({
  name,
  policy: () => policyOf(parts, { features }),
  must,
});
/** The sound core with its section `id` replaced. */
const replacing = (
  name: string,
  id: number,
  change: (payload: Uint8Array) => Uint8Array,
  must: Hostile['must'] = INVALID,
): Hostile => ({
  name,
  policy: () =>
    coreChanged((core) =>
      withSections(core, (all) => all.map((entry) => (entry.id === id ? change(entry.payload) : entry))),
    ),
  must,
});
/** The sound core with a section put in front of section `id`. */
const inserting = (name: string, id: number, inserted: Bytes): Hostile => ({
  name,
  policy: () =>
    coreChanged((core) =>
      withSections(core, (all) =>
        all.flatMap((entry) => (entry.id === id ? [concatenate(inserted), entry] : [entry])),
      ),
    ),
  must: INVALID,
});
/** One more function, of this code. */
const coded = (name: string, code: Bytes, must: Hostile['must'] = FORBIDDEN): Hostile => ({
  name,
  policy: () => withBody([0], code, [0x0b]),
  must,
});
const bytes = (name: string, must: Hostile['must'], policy: () => Uint8Array): Hostile => ({
  name,
  policy,
  must,
});

/** What other proposals would let a module do. */
export const proposals: readonly Hostile[] = [
  using('a start section', { fields: '(func $go (loop $again (br $again))) (start $go)' }),
  using('shared memory', { memory: '(memory (export "memory") 2 4 shared)' }, ['threads']),
  using('64-bit memory', { memory: '(memory (export "memory") i64 2)' }, ['memory64']),
  using('two memories', { memory: '(memory (export "memory") 2) (memory 1)' }, ['multi-memory']),
  using('exception tags', { fields: '(tag $t)' }, ['exceptions']),
  using('tail calls without end', { decide: '(return_call $decide)' }, ['tail-call']),
  using(
    'tail calls through a table',
    {
      fields: '(table 1 funcref) (elem (i32.const 0) $decide) (type $d (func (result i32)))',
      decide: '(return_call_indirect (type $d) (i32.const 0))',
    },
    ['tail-call'],
  ),
  using('atomics', { decide: `(drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) ${answerPlan}` }, [
    'threads',
  ]),
  using(
    'waiting',
    { decide: `(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))) ${answerPlan}` },
    ['threads'],
  ),
  using(
    'relaxed vectors',
    { decide: `(drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))) ${answerPlan}` },
    ['relaxed-simd'],
  ),
  using('blocks that catch', { decide: `(try (do (unreachable)) (catch_all)) ${answerPlan}` }, [
    'exceptions',
  ]),
  coded('a table of exceptions', [0x1f, 0x40, 1, 2, 0, 0x0b]),
  coded('calls of typed references', [0xd0, 0x70, 0x14, 0]),
  coded('garbage collection', [0xfb, 0, 0, 0x1a]),
  coded('stack switching', [0xe0, 0, 0]),
  coded('an instruction that nobody knows', [0xff]),
  coded('a numeric instruction that nobody knows', [0xfc, 0x40]),
  coded('a vector instruction that nobody knows', [0xfd, 0x9a, 0x01]),
  coded('a vector instruction number of five bytes', [0xfd, 0xff, 0xff, 0xff, 0xff, 0x0f]),
  coded('a prefix in more bytes than it needs', [0xfc, 0x8f, 0x80, 0x80, 0x80, 0x00, 0]),
  coded('an access of a second memory', [0x41, 0, 0x28, 0x42, 1, 0, 0x1a]),
  coded('the size of a second memory', [0x3f, 1, 0x1a]),
  replacing(
    'a structure as type',
    1,
    (payload) => section(1, concatenate([payload[0]! + 1], payload.subarray(1), [0x5f, 1, 0x7f, 0])),
    FORBIDDEN,
  ),
  replacing(
    'types that call each other',
    1,
    (payload) => section(1, concatenate([payload[0]! + 1], payload.subarray(1), [0x4e, 1, 0x60, 0, 0])),
    FORBIDDEN,
  ),
  replacing('a memory of one-byte pages', 5, () => section(5, [1, 8, 2, 0]), FORBIDDEN),
  inserting('strings as constants', 6, section(14, [0, 1, 1, 97])),
  inserting('a section that nobody knows', 6, section(42, [1, 2, 3])),
];

/** A component's section in front of all others, or behind. */
const first = (...parts: readonly Bytes[]): Uint8Array =>
  concatenate(COMPONENT_HEADER, ...parts, SOUND.subarray(8));
const last = (...parts: readonly Bytes[]): Uint8Array => concatenate(SOUND, ...parts);
const changed = (change: (entry: Section) => Section): Uint8Array =>
  withSections(SOUND, (all) => all.map(change));
const EMPTY_CORE = section(1, CORE_HEADER);
const main = (): Uint8Array => sectionsOf(SOUND).find(({ id }) => id === 1)!.payload;
/** The lift of `configure` and of `restore`: its options are memory, realloc, encoding and what cleans up. */
const isTextLift = ({ id, payload }: Section): boolean => id === 8 && payload.length === 13;
/** A component that holds a component that holds … */
function nested(depth: number): Uint8Array {
  let inner: Uint8Array = Uint8Array.from(COMPONENT_HEADER);
  for (let i = 0; i < depth; i++) inner = concatenate(COMPONENT_HEADER, section(4, inner));
  return inner;
}
/** Each type holds the one before twice. */
const DOUBLING = Array.from({ length: 60 }, (_, i) => [0x72, 2, 1, 97, i, 1, 98, i]).flat();

/** Components that lie about what is in them. */
export const components: readonly Hostile[] = [
  bytes('nothing', 'admission not-a-component', () => new Uint8Array()),
  bytes('a core module', 'admission not-a-component', () => main()),
  bytes('a script', 'admission not-a-component', () => Buffer.from('#!/bin/sh\nexit\n')),
  bytes('a component of another version', 'admission not-a-component', () => SOUND.with(4, 0x0e)),
  bytes('a component of nothing', 'admission world-mismatch', () => Uint8Array.from(COMPONENT_HEADER)),
  bytes('components inside each other', MALFORMED, () => nested(3000)),
  bytes('a component that ends early', MALFORMED, () => SOUND.subarray(0, -1)),
  bytes('a component in which every length is one too long', MALFORMED, () =>
    concatenate(
      SOUND.subarray(0, 8),
      ...sectionsOf(SOUND).map(({ id, payload }) => section(id, payload, -1)),
    ),
  ),
  bytes('a core module of 4 GiB, it says', MALFORMED, () => last([1, 255, 255, 255, 255, 15])),
  bytes('five core modules', MALFORMED, () =>
    last(EMPTY_CORE, EMPTY_CORE, EMPTY_CORE, EMPTY_CORE, EMPTY_CORE),
  ),
  bytes('another core module in front', MALFORMED, () => first(EMPTY_CORE)),
  bytes('the policy twice', MALFORMED, () => last(section(1, main()), section(1, main()))),
  bytes('the policy instantiated twice', MALFORMED, () => {
    const again = sectionsOf(SOUND).filter(({ id }) => id === 2);
    return last(...again.map(({ id, payload }) => section(id, payload)));
  }),
  bytes('types that double', MALFORMED, () => last(section(7, concatenate([61, 0x7d], DOUBLING)), [7, 255])),
  bytes('types in types without end', MALFORMED, () =>
    first(section(7, concatenate([1], ...Array.from({ length: 100_000 }, () => [0x42, 1, 1])))),
  ),
  bytes('4 billion types', MALFORMED, () => first(section(7, [255, 255, 255, 255, 15]))),
  bytes('a start function of the component', MALFORMED, () => last(section(9, [0, 0, 0]))),
  bytes('an import of a clock', 'admission import-forbidden', () =>
    first(section(7, [1, 0x40, 0, 0, 0x77]), section(10, concatenate([1, 0], text('clock'), [1, 0]))),
  ),
  bytes('a resource', 'admission world-mismatch', () => last(section(7, [1, 0x3f, 0x7f, 0]))),
  bytes('a canonical built-in', MALFORMED, () => last(section(8, [1, 2, 0]))),
  bytes('strings in another encoding', MALFORMED, () =>
    changed((entry) => (isTextLift(entry) ? { id: 8, payload: entry.payload.with(9, 0) } : entry)),
  ),
  bytes('a way to pass values that nobody knows', MALFORMED, () =>
    changed((entry) => (isTextLift(entry) ? { id: 8, payload: entry.payload.with(9, 9) } : entry)),
  ),
  bytes('an export more', 'admission world-mismatch', () =>
    last(section(11, concatenate([1, 0], text('more'), [1, 1, 0]))),
  ),
  bytes('an export of the component twice', 'admission world-mismatch', () => {
    const export_ = sectionsOf(SOUND).findLast(({ id }) => id === 11)!;
    return last(section(11, export_.payload));
  }),
  bytes('all sections in reverse', 'admission world-mismatch', () =>
    withSections(SOUND, (all) => all.toReversed()),
  ),
];

/** Core modules whose bytes lie. */
export const encodings: readonly Hostile[] = [
  bytes('a core module without a header', INVALID, () => componentWith(new Uint8Array(8))),
  bytes('a core module that is a component', INVALID, () => componentWith(SOUND)),
  bytes('a core module of version 2', INVALID, () => coreChanged((core) => core.with(4, 2))),
  bytes('an empty core module', 'admission manifest-malformed', () =>
    componentWith(Uint8Array.from(CORE_HEADER)),
  ),
  replacing('a number in six bytes', 3, () => section(3, [255, 255, 255, 255, 255, 1])),
  replacing('a number that ends too early', 3, () => section(3, [255])),
  replacing('4 billion functions', 3, () => section(3, [255, 255, 255, 255, 15])),
  replacing('a function of a type that is not there', 3, (payload) => section(3, payload.with(1, 127))),
  replacing('a section shorter than it says', 1, (payload) => section(1, payload, -4)),
  replacing('a section longer than it says', 1, (payload) => section(1, payload, 4)),
  replacing('bytes behind a section’s items', 7, (payload) => section(7, concatenate(payload, [0]))),
  replacing('fewer bodies than functions', 10, (payload) =>
    section(10, concatenate([payload[0]! - 1], payload.subarray(2 + payload[1]!))),
  ),
  replacing('a body longer than its section', 10, (payload) => section(10, payload.with(1, 127))),
  replacing('a section twice', 1, (payload) => concatenate(section(1, payload), section(1, payload))),
  replacing('names that are not UTF-8', 7, (payload) => section(7, payload.with(2, 0xff))),
  replacing(
    'a start of nothing in the middle',
    7,
    (payload) => concatenate(section(8, [0]), section(7, payload)),
    FORBIDDEN,
  ),
  coded('a body that goes on after its end', [0x0b, 0x01], INVALID),
  coded('a body that does not end', [0x02, 0x40], INVALID),
  coded('an else without an if', [0x05], INVALID),
  coded('a branch out of the function', [0x0c, 99], INVALID),
  coded('a call of a function that is not there', [0x10, 127], INVALID),
  coded('a local that is not there', [0x20, 99, 0x1a], INVALID),
  coded('a local that metering would add', [0x20, 0, 0x1a], INVALID),
  coded('a global that is not there', [0x23, 99, 0x1a], INVALID),
  coded('the global that metering would add', [0x42, 0, 0x24, 1], INVALID),
  coded('a function that metering would add', [0x10, 16], INVALID),
  coded('a value of another type', [0x42, 0, 0x10, 5], 'load module-invalid'),
  coded('an empty stack', [0x1a], 'load module-invalid'),
  coded('an access aligned beyond its size', [0x41, 0, 0x28, 3, 0, 0x1a], 'load module-invalid'),
  coded('a branch table of 4 billion labels', [0x0e, 255, 255, 255, 255, 15], INVALID),
];
