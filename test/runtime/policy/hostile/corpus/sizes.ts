import * as limits from '../../../../../runtime/limits.ts';
import { concatenate, custom, leb128, withSections } from '../bytes.ts';
import type { Hostile } from '../hostile.ts';
import { componentWith, coreChanged, policyOf, withBody, withManifest } from '../policies.ts';
import { answerPlan, assemble, policyText } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const size = (name: string, must: Hostile['must'], parts: () => Parts): Hostile => ({
  name,
  policy: () => policyOf(parts()),
  must,
});
const repeat = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join('');
/** V8 compiles it for seconds, and the deadline covers that. */
const COMPILED_TOO_LONG = { must: 'load policy-overran', limits: { loadDeadlineMs: 400 } } as const;
const { blockDepthMax, dataSegmentsMax, elementSegmentsMax, exportsMax, functionBytesMax, functionTypesMax } =
  limits;
const { functionsMax, globalsMax, localsMax, policyBytesMax, typeValuesMax } = limits;
const FORBIDDEN = 'admission module-forbidden';
const NOP_BYTES = 1;
/** A body's count of locals and its end. */
const EMPTY_BODY_BYTES = 2;
const VECTORS =
  '(local.set $v (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get $v) (i32x4.dot_i16x8_s (local.get $v) (f64x2.sqrt (local.get $v)))))';

/** A sound policy of exactly that many bytes. */
function padded(total: number): Uint8Array {
  const core = withManifest(assemble(policyText()));
  const missing = total - componentWith(concatenate(core, custom('pad', new Uint8Array(70_000)))).length;
  return componentWith(
    concatenate(core, custom('pad', new Uint8Array(70_000 + missing - sizeOfLengths(missing)))),
  );
}

/** Lengths in LEB128 grow with what they tell. */
function sizeOfLengths(more: number): number {
  return 2 * (leb128(70_000 + more).length - leb128(70_000).length);
}

function withLocals(...groups: readonly (readonly [count: number, type: number])[]): Uint8Array {
  return withBody(leb128(groups.length), ...groups.map(([count, type]) => [...leb128(count), type]), [0x0b]);
}

/** Blocks inside each other, each opened by `opening`: as many as allowed, and one more. */
function nested(what: string, opening: readonly number[]): Hostile[] {
  const blocks = (depth: number): Uint8Array =>
    withBody([0], Array.from({ length: depth }, () => opening).flat(), new Uint8Array(depth + 1).fill(0x0b));
  return [
    {
      name: `as many ${what} inside each other as allowed`,
      policy: () => blocks(blockDepthMax - 1),
      must: 'harmless',
    },
    { name: `${what} one deeper than allowed`, policy: () => blocks(blockDepthMax), must: FORBIDDEN },
  ];
}

/** `count` items beside the sound policy's own: as many as allowed, and one more. */
function bounded(what: string, count: number, item: (i: number) => string): Hostile[] {
  return [
    size(`as many ${what} as allowed`, 'harmless', () => ({ fields: repeat(count, item) })),
    size(`${what}, one more than allowed`, FORBIDDEN, () => ({ fields: repeat(count + 1, item) })),
  ];
}

/** Value types that spell a number. */
function kinds(i: number): string {
  return i.toString(2).replaceAll('0', 'i32 ').replaceAll('1', 'i64 ');
}

/** To be too large, or to take for ever to be read and compiled. */
export const sizes: readonly Hostile[] = [
  size('a function of one byte too many', FORBIDDEN, () => ({
    fields: `(func ${'nop '.repeat(functionBytesMax - EMPTY_BODY_BYTES + NOP_BYTES)})`,
  })),
  size('a function of as many bytes as allowed', 'harmless', () => ({
    fields: `(func ${'nop '.repeat(functionBytesMax - EMPTY_BODY_BYTES)})`,
  })),
  ...bounded('functions', functionsMax - 13, () => '(func)'),
  ...bounded('function types', functionTypesMax - 8, (i) => `(type (func (param ${kinds(i)})))`),
  ...bounded('mutable globals', globalsMax - 1, () => '(global (mut i64) (i64.const 0))'),
  ...bounded('exports', exportsMax - 13, (i) => `(export "x${i}" (func $save))`),
  ...bounded('segments of data', dataSegmentsMax - 5, () => '(data "")'),
  ...bounded('segments of elements', elementSegmentsMax, () => '(elem func)'),
  size('a branch table of 60,000 labels', 'harmless', () => ({
    fields: `(func $far (block $out (br_table ${'$out '.repeat(60_000)} (i32.const 59999))))`,
    decide: `(call $far) ${answerPlan}`,
  })),
  ...nested('blocks', [0x02, 0x40]),
  ...nested('loops', [0x03, 0x40]),
  ...nested('ifs', [0x41, 0, 0x04, 0x40]),
  size('an expression 20,000 operands deep', 'harmless', () => ({
    fields: `(func ${'i32.const 1 '.repeat(20_000)} ${'i32.add '.repeat(19_999)} drop)`,
  })),
  size('a megabyte of vector code', 'harmless', () => ({
    fields: repeat(15, (i) => `(func $v${i} (local $v v128) ${VECTORS.repeat(1900)})`),
    decide: `${repeat(15, (i) => `(call $v${i})`)} ${answerPlan}`,
  })),
  {
    ...size('a megabyte of loops', 'harmless', () => ({
      fields: repeat(
        12,
        () =>
          `(func (local $i i32) ${'(loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))'.repeat(5000)})`,
      ),
    })),
    ...COMPILED_TOO_LONG,
  },
  size('a megabyte of calls', 'harmless', () => ({
    fields: repeat(15, () => `(func (local $i i32) ${'(call $initialize)'.repeat(30_000)})`),
  })),
  size('a function of 1,001 parameters', FORBIDDEN, () => ({
    fields: `(func (param ${'i32 '.repeat(typeValuesMax + 1)}))`,
  })),
  size('a function of 1,001 results', FORBIDDEN, () => ({
    fields: `(func (result ${'i32 '.repeat(typeValuesMax + 1)}) (unreachable))`,
  })),
  { name: 'as many locals as allowed', policy: () => withLocals([localsMax, 0x7b]), must: 'harmless' },
  { name: 'a local more than allowed', policy: () => withLocals([localsMax + 1, 0x7f]), must: FORBIDDEN },
  { name: '4 billion locals', policy: () => withLocals([0xffffffff, 0x7b]), must: FORBIDDEN },
  {
    name: 'locals whose number wraps around 32 bits',
    policy: () => withLocals([0xffffffff, 0x7f], [2, 0x7f]),
    must: FORBIDDEN,
  },
  { name: 'a policy of as many bytes as allowed', policy: () => padded(policyBytesMax), must: 'harmless' },
  {
    name: 'a policy of one byte too many',
    policy: () => padded(policyBytesMax + 1),
    must: 'admission policy-too-large',
  },
  {
    name: 'more custom sections than allowed, without a name',
    policy: () =>
      coreChanged((core) => concatenate(core, ...Array.from({ length: 100_000 }, () => [0, 1, 0]))),
    must: FORBIDDEN,
  },
  {
    name: '100,000 custom sections around the core module',
    policy: () => concatenate(policyOf({}), ...Array.from({ length: 100_000 }, () => [0, 1, 0])),
    must: 'admission component-malformed',
  },
  {
    name: 'debug names that lie',
    policy: () => coreChanged((core) => concatenate(core, custom('name', [1, 255, 255, 255, 255, 15, 0, 0]))),
    must: 'harmless',
  },
  {
    name: 'branch hints that lie',
    policy: () =>
      coreChanged((core) => {
        const hints = custom('metadata.code.branch_hint', [1, 255, 255, 3, 1, 255, 127, 1, 9]);
        return withSections(core, (sections) =>
          sections.flatMap((entry) => (entry.id === 10 ? [hints, entry] : [entry])),
        );
      }),
    must: 'harmless',
  },
  {
    name: 'a source map somewhere on the network',
    policy: () =>
      coreChanged((core) =>
        concatenate(core, custom('sourceMappingURL', Buffer.from('\u0010http://localhost'))),
      ),
    must: 'harmless',
  },
];
