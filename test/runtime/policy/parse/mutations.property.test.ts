import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { zooFolder } from '../../../../runtime/policy/open.ts';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import { readPolicy } from '../../../../runtime/policy/parse/read-policy.ts';
import { repetitions, timeoutMs } from '../../../proof.ts';
import { OPCODES, UNREACHABLE, around, immediateOf, isAdmitted } from './canonical.ts';
import { END, I32, isValid, moduleAround } from './wasm.ts';
import type { Bytes } from './wasm.ts';

const PAGES_MAX = 1024;
const ZOO = ['heat', 'heat-scalar', 'hold'];
const PLACE = /\((.+, )?byte 0x[0-9a-f]+ of the (component|core module)\)$/;
const CODE = /^[a-z]+(-[a-z]+)+$/;
/** What a refusal says where V8 would have taken the module. */
const OF_OUR_OWN = ['module-forbidden', 'import-forbidden'];

/** What V8 says of modules that we admit and it refuses; anything else would mean that we read them differently. */
const LEFT_TO_V8 =
  /\btype|invalid alignment|not enough arguments|expected \d+ elements on the stack|undeclared reference|maximum|start-arity and end-arity/;

const zoo = ZOO.map((name) => readFileSync(join(zooFolder, `${name}.wasm`)));
let core: Uint8Array<ArrayBuffer>;
beforeAll(() => {
  const policy = readPolicy(zoo[0]!, PAGES_MAX);
  if (!policy.ok) throw new Error(policy.message);
  core = policy.value.core.slice();
});

interface Edit {
  /** Where, as a part of the whole. */
  readonly at: number;
  readonly how: 'set' | 'flip' | 'insert' | 'remove' | 'repeat' | 'cut';
  readonly value: number;
}

const HOW: Readonly<Record<Edit['how'], (bytes: Uint8Array, at: number, value: number) => Uint8Array>> = {
  set: (bytes, at, value) => bytes.with(at, value),
  flip: (bytes, at, value) => bytes.with(at, bytes[at]! ^ (1 << (value % 8))),
  insert: (bytes, at, value) =>
    Buffer.concat([bytes.subarray(0, at), Uint8Array.of(value), bytes.subarray(at)]),
  remove: (bytes, at, value) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (value % 8))]),
  repeat: (bytes, at, value) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - Math.min(at, value))]),
  cut: (bytes, at) => bytes.subarray(0, at),
};

const edit = (...how: readonly Edit['how'][]): fc.Arbitrary<Edit> =>
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom(...how),
    value: fc.oneof(fc.constantFrom(0, 1, 0x0b, 0x40, 0x70, 0x7f, 0x80, 0xfc, 0xfd, 0xff), fc.nat(255)),
  });

function change(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array<ArrayBuffer> {
  let changed = bytes;
  for (const { at, how, value } of edits)
    if (changed.length > 0) changed = HOW[how](changed, Math.floor(at * (changed.length - 1)), value);
  return Uint8Array.from(changed);
}

function whyInvalid(module: Uint8Array<ArrayBuffer>): string | undefined {
  if (isValid(module)) return undefined;
  try {
    return String(new WebAssembly.Module(module));
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whatever it was, the answer is one line that says what and where. */
function expectTold(answer: {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
}): void {
  if (answer.ok) return;
  expect(answer.code).toMatch(CODE);
  expect(answer.message).toMatch(PLACE);
  expect(answer.message).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
}

describe('any bytes at all are answered with a result, which says where', () => {
  const runs = { numRuns: repetitions({ slice: 2000, full: 500_000 }) };
  const headers = fc.constantFrom(
    [],
    [0, 0x61, 0x73, 0x6d],
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0],
  );

  test(
    'random bytes, behind any header',
    () => {
      fc.assert(
        fc.property(headers, fc.uint8Array({ maxLength: 300 }), (header, bytes) => {
          const whole = Uint8Array.from([...header, ...bytes]);
          expectTold(readPolicy(whole, PAGES_MAX));
          expectTold(readCoreModule(whole));
        }),
        runs,
      );
    },
    timeoutMs(60_000),
  );

  test(
    'components of the zoo, changed and cut',
    () => {
      const edits = fc.array(edit('set', 'flip', 'insert', 'remove', 'repeat', 'cut'), {
        minLength: 1,
        maxLength: 4,
      });
      fc.assert(
        fc.property(fc.constantFrom(...zoo), edits, (component, changes) => {
          expectTold(readPolicy(change(component, changes), PAGES_MAX));
        }),
        runs,
      );
    },
    timeoutMs(60_000),
  );

  test('a component of the zoo, cut at every length up to its core module', () => {
    const [component] = zoo;
    for (let length = 0; length < 2000; length++) {
      const answer = readPolicy(component!.subarray(0, length), PAGES_MAX);
      expect(answer.ok).toBe(false);
      expectTold(answer);
    }
  });
});

describe('what V8 takes, we take or refuse by a name of our own; what it refuses besides is types', () => {
  function agree(module: Uint8Array<ArrayBuffer>, counts: { valid: number; admitted: number }): void {
    const answer = readCoreModule(module);
    expectTold(answer);
    if (answer.ok) counts.admitted++;
    const invalid = whyInvalid(module);
    if (invalid === undefined) counts.valid++;
    if (invalid !== undefined && answer.ok) expect(invalid).toMatch(LEFT_TO_V8);
    if (invalid === undefined && !answer.ok) expect([...OF_OUR_OWN, answer.message]).toContain(answer.code);
  }

  test(
    'the core module of heat, a byte or two of it changed',
    () => {
      const counts = { valid: 0, admitted: 0 };
      const edits = fc.array(edit('set', 'flip'), { minLength: 1, maxLength: 2 });
      const numRuns = repetitions({ slice: 1000, full: 100_000 });
      fc.assert(
        fc.property(edits, (changes) => agree(change(core, changes), counts)),
        { numRuns },
      );
      expect(counts.valid).toBeGreaterThan(numRuns / 20);
      expect(counts.admitted).toBeGreaterThan(numRuns / 20);
    },
    timeoutMs(60_000),
  );

  test(
    'small modules with every section, changed anywhere',
    () => {
      const counts = { valid: 0, admitted: 0 };
      const small = moduleAround([0x41, 0, 0x04, 0x40, 0x05, 0x20, 0, 0x24, 0, END, END], [1, 3, I32]);
      const edits = fc.array(edit('set', 'flip', 'remove', 'repeat'), { minLength: 1, maxLength: 3 });
      const numRuns = repetitions({ slice: 20_000, full: 2_000_000 });
      fc.assert(
        fc.property(edits, (changes) => agree(change(small, changes), counts)),
        { numRuns },
      );
      expect(counts.valid).toBeGreaterThan(numRuns / 100);
    },
    timeoutMs(60_000),
  );

  test(
    'functions of instructions in any order, changed anywhere',
    () => {
      const counts = { valid: 0, admitted: 0 };
      const instructions = OPCODES.flatMap((opcode): Bytes[] => {
        const immediate = isAdmitted(opcode) ? immediateOf(opcode) : undefined;
        return immediate === undefined ? [] : [around(opcode, immediate).slice(0, -1)];
      });
      const code = fc.array(fc.constantFrom(...instructions), { minLength: 1, maxLength: 6 });
      const edits = fc.array(edit('set', 'flip', 'insert', 'remove', 'repeat'), { maxLength: 2 });
      const numRuns = repetitions({ slice: 20_000, full: 2_000_000 });
      fc.assert(
        fc.property(code, edits, (parts, changes) => {
          const changed = change(Uint8Array.from([UNREACHABLE, ...parts.flat(), END]), changes);
          agree(moduleAround([...changed]), counts);
        }),
        { numRuns },
      );
      expect(counts.valid).toBeGreaterThan(numRuns / 10);
    },
    timeoutMs(60_000),
  );
});
