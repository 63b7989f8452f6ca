import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestBytesMax, policyBytesMax } from '../../../runtime/limits.ts';
import { admitPolicy } from '../../../runtime/policy/parse/admit.ts';
import { createShapeTable } from '../../../runtime/policy/parse/component-types.ts';
import { readComponent } from '../../../runtime/policy/parse/component.ts';
import type { Component, Lift } from '../../../runtime/policy/parse/component.ts';
import { readCoreModule } from '../../../runtime/policy/parse/core-module.ts';
import type { CoreModule } from '../../../runtime/policy/parse/core-module.ts';
import { readPolicy, readPolicyFile } from '../../../runtime/policy/parse/read-policy.ts';
import { describeWorld } from '../../../runtime/policy/parse/world.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { MANIFEST, WIT, compile, componentOf, specimenSource } from './specimen.ts';

const PAGES_MAX = 64;
let core: Uint8Array;
let sound: Uint8Array;
const engine = globalThis.WebAssembly;

beforeAll(async () => {
  core = await compile(specimenSource());
  sound = await componentOf(core);
}, timeoutMs(60_000));

/** The reader may not touch the engine: from here on there is none. */
function withoutEngine<T>(run: () => T): T {
  Reflect.deleteProperty(globalThis, 'WebAssembly');
  try {
    return run();
  } finally {
    globalThis.WebAssembly = engine;
  }
}

const read = (bytes: Uint8Array) => withoutEngine(() => readPolicy(bytes, PAGES_MAX));

describe('a component as wit-component writes it', () => {
  test('is admitted: its manifest and digest are known, and nothing of it ran', () => {
    const answer = read(sound);
    expect(answer).toMatchObject({
      value: { manifest: MANIFEST, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(answer.ok && answer.value.core.subarray(0, 8)).toEqual(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  });
});

describe('what is no policy', () => {
  const refuse = (bytes: Uint8Array, code: string, message = ''): void =>
    void expect(read(bytes)).toMatchObject({ code, message: expect.stringContaining(message) });

  test('a file that is missing, a folder, or too large', () => {
    const folder = mkdtempSync(join(tmpdir(), 'terrace-policy-'));
    expect(readPolicyFile(join(folder, 'none.wasm'))).toMatchObject({ code: 'policy-not-found' });
    expect(readPolicyFile(folder)).toMatchObject({ code: 'policy-not-found' });
    const large = join(folder, 'large.wasm');
    writeFileSync(large, new Uint8Array(policyBytesMax + 1));
    expect(readPolicyFile(large)).toMatchObject({ code: 'policy-too-large' });
    writeFileSync(large, new Uint8Array(policyBytesMax));
    expect(readPolicyFile(large)).toMatchObject({ ok: true });
    refuse(new Uint8Array(policyBytesMax + 1), 'policy-too-large');
  });

  test('a core module, and something else', () => {
    refuse(core, 'not-a-component', 'core Wasm module');
    refuse(new TextEncoder().encode('#!/bin/sh\n'), 'not-a-component');
    refuse(new Uint8Array(0), 'not-a-component');
  });

  test('a component that nests another one, or ends early', () => {
    const nested = [4, 8, 0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
    refuse(Uint8Array.from([...sound, ...nested]), 'component-malformed');
    refuse(sound.subarray(0, sound.length - 1), 'component-malformed', 'too early');
  });

  test('a component that nests types without end neither hangs nor overflows the stack', () => {
    const header = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
    const section = (id: number, body: readonly number[]): number[] => {
      const length = [(body.length & 127) | 128, ((body.length >> 7) & 127) | 128, body.length >> 14];
      return [id, ...length, ...body];
    };
    const instances = Array.from({ length: 100_000 }, () => [0x42, 1, 1]).flat();
    refuse(Uint8Array.from([...header, ...section(7, [1, ...instances])]), 'component-malformed', 'nests');
    // Each record holds the one before twice: as text it would double every time.
    const records = Array.from({ length: 60 }, (_, i) => [0x72, 2, 1, 97, i, 1, 98, i]).flat();
    refuse(
      Uint8Array.from([...header, ...section(7, [61, 0x7d, ...records])]),
      'world-mismatch',
      'exports no function',
    );
  });

  test.each([
    ['without a manifest', null, 'manifest-malformed'],
    ['of another abi', { ...MANIFEST, abi: '2.0' }, 'abi-mismatch'],
    ['of a later minor abi', { ...MANIFEST, abi: '1.1' }, 'abi-mismatch'],
    ['without an abi', { ...MANIFEST, abi: 1 }, 'manifest-malformed'],
    ['with a field too many', { ...MANIFEST, extra: 1 }, 'manifest-malformed'],
    ['that is a list', [], 'manifest-malformed'],
    ['with an unknown column', { ...MANIFEST, columns: ['constructor'] }, 'manifest-malformed'],
    ['with a column twice', { ...MANIFEST, columns: ['pages', 'pages'] }, 'manifest-malformed'],
    ['with a name that steers a terminal', { ...MANIFEST, name: 'a\u001b[2J' }, 'manifest-malformed'],
    ['with a description of two lines', { ...MANIFEST, description: 'a\nb' }, 'manifest-malformed'],
    [
      'with 257 reasons',
      { ...MANIFEST, reasons: Array.from({ length: 257 }, () => 'x') },
      'manifest-malformed',
    ],
    ['with a state without bound', { ...MANIFEST, stateBytesMax: 2 ** 40 }, 'manifest-malformed'],
    [
      'with a setting twice',
      { ...MANIFEST, settings: [MANIFEST.settings[0], MANIFEST.settings[0]] },
      'manifest-malformed',
    ],
    [
      'with a default out of its own range',
      { ...MANIFEST, settings: [{ ...MANIFEST.settings[1], default: -1 }] },
      'manifest-malformed',
    ],
    ['larger than allowed', { ...MANIFEST, reasons: ['x'.repeat(manifestBytesMax)] }, 'manifest-malformed'],
  ])('a policy %s', async (_, manifest, code) => {
    refuse(await componentOf(core, { manifest }), code);
  });

  test('another world: a missing field, another type, another string encoding', async () => {
    const wit = WIT.replace('capacity: u32, room: u32, budget: u32,', 'capacity: u32, room: u32,');
    refuse(await componentOf(core, { wit }), 'world-mismatch', 'begin');
    const signed = WIT.replace('record setting { name: string', 'record setting { nom: string');
    refuse(await componentOf(core, { wit: signed }), 'world-mismatch', 'configure');
    refuse(await componentOf(core, { stringEncoding: 'utf8' }), 'component-malformed', 'utf8');
  });

  test('an export missing', async () => {
    const wit = WIT.replace('export save: func() -> list<u8>;', '');
    refuse(await componentOf(core, { wit }), 'world-mismatch', 'save');
  });

  test('an import beside log, and log of another type', async () => {
    const wit = WIT.replace('import log:', 'import clock: func() -> u64;\n  import log:');
    const source = specimenSource()
      .replace('let mode', "@external('$root', 'clock')\ndeclare function clock(): u64;\nlet mode")
      .replace('epochs++;', 'epochs += <u32>clock();');
    refuse(await componentOf(await compile(source), { wit }), 'import-forbidden', 'clock');
    const chatty = WIT.replace('import log: func(level: u8', 'import log: func(level: u16');
    refuse(await componentOf(core, { wit: chatty }), 'import-forbidden', 'log');
  }, 20_000);

  describe('what needs WASI is told that before anything else', () => {
    const text = (words: string): number[] => [words.length, ...Buffer.from(words)];
    const section = (id: number, payload: readonly number[]): number[] => [id, payload.length, ...payload];
    // Its types come first, and export a resource, which no policy may have either.
    const resources = section(7, [1, 0x42, 1, 4, 0, ...text('error'), 3, 1]);
    const imported = section(10, [1, 0, ...text('wasi:io/error@0.2.0'), 5, 0]);
    const component = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...resources, ...imported];
    const WASI = 'imports "wasi:io/error@0.2.0": it needs WASI, as JavaScript engines';

    test('a component', () => refuse(Uint8Array.from(component), 'import-forbidden', WASI));

    test('a core module, though it is no component', () => {
      const importing = section(2, [1, ...text('wasi_snapshot_preview1'), ...text('fd_write'), 0, 0]);
      const module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, [1, 0x60, 0, 0]), ...importing];
      refuse(Uint8Array.from(module), 'import-forbidden', 'it needs WASI');
    });

    test('one that is too large besides, as engines are', () => {
      const large = new Uint8Array(policyBytesMax + 1);
      large.set(component);
      refuse(large, 'import-forbidden', WASI);
      const file = join(mkdtempSync(join(tmpdir(), 'terrace-policy-')), 'engine.wasm');
      writeFileSync(file, large);
      expect(readPolicyFile(file)).toMatchObject({ code: 'import-forbidden' });
    });
  });

  test('names out of a policy reach nobody unescaped', () => {
    const name = '\u001b[2J\n\u0085\u202e';
    const bytes = [...Buffer.from(name)];
    const hostile = [10, bytes.length + 5, 1, 0, bytes.length, ...bytes, 4, 0];
    const answer = read(Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...hostile]));
    expect(answer).toMatchObject({
      code: 'import-forbidden',
      message: String.raw`the component imports "\u001b[2J\n\u0085\u202e"; a policy may import only ${'`log`'} (component's import section, byte 0xb of the component)`,
    });
  });

  test('any mutation of a sound one is a Result, never an exception', () => {
    const edits = fc.array(
      fc.record({ at: fc.nat(sound.length - 1), value: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() }),
      { minLength: 1, maxLength: 4 },
    );
    withoutEngine(() =>
      fc.assert(
        fc.property(edits, fc.boolean(), (changes, truncate) => {
          const bytes = sound.slice(0, truncate ? changes[0]!.at : sound.length);
          for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
          const answer = readPolicy(bytes, PAGES_MAX);
          expect(answer.ok || answer.message.length > 0).toBe(true);
        }),
        { numRuns: repetitions({ slice: 3000, full: 300_000 }) },
      ),
    );
  });
});

describe('a core module as a policy may not have it', () => {
  test('a start section of AssemblyScript’s making', async () => {
    const started = await compile(specimenSource(), []);
    expect(read(await componentOf(started))).toMatchObject({ code: 'module-forbidden' });
  }, 20_000);
});

describe('admission', () => {
  let component: Component;
  let module: CoreModule;
  const shapes = createShapeTable();
  beforeAll(() => {
    const components = readComponent(sound, shapes);
    if (!components.ok) throw new Error(components.message);
    component = components.value;
    const modules = readCoreModule(component.core);
    if (!modules.ok) throw new Error(modules.message);
    module = modules.value;
  });
  const admit = (changed: Partial<Component>, changedModule: Partial<CoreModule> = {}, pages = PAGES_MAX) =>
    admitPolicy({ ...component, ...changed }, { ...module, ...changedModule }, describeWorld(shapes), pages);
  const withOptions = (name: string, options: Partial<Lift['options']>): Partial<Component> => {
    const lift = component.lifts.get(name)!;
    return {
      lifts: new Map([...component.lifts, [name, { ...lift, options: { ...lift.options, ...options } }]]),
    };
  };

  test('holds memory to its limit', () => {
    expect(admit({})).toEqual({ ok: true, value: undefined });
    const memories = [{ minimum: 3, maximum: undefined, place: 'here' }];
    expect(admit({}, { memories }, 3)).toMatchObject({ ok: true });
    expect(admit({}, { memories }, 2)).toMatchObject({
      code: 'module-forbidden',
      message: 'the core module starts with 3 pages of memory; 2 are allowed (here)',
    });
    expect(admit({}, { memories: [] })).toMatchObject({ code: 'module-forbidden' });
    const exports = new Map([...module.exports].filter(([name]) => name !== 'memory'));
    expect(admit({}, { exports })).toMatchObject({ code: 'module-forbidden' });
  });

  test('holds a component to the one way in which the host passes values', () => {
    const elsewhere = { instance: component.main + 1, name: 'memory' };
    const stranger = { instance: component.main, name: 'other' };
    for (const changed of [
      withOptions('begin', { memory: elsewhere }),
      withOptions('begin', { memory: undefined }),
      withOptions('observe', { realloc: stranger }),
      withOptions('decide', { postReturn: stranger }),
      withOptions('configure', { encoding: 'latin1+utf16' }),
      {
        lowers: component.lowers.map((lower) => ({
          ...lower,
          options: { ...lower.options, memory: elsewhere },
        })),
      },
      { lifts: new Map([...component.lifts, ['save', { ...component.lifts.get('save')!, core: stranger }]]) },
    ])
      expect(admit(changed)).toMatchObject({ code: 'component-malformed' });
  });

  test('holds the core functions to the types of their exports', () => {
    const retyped = (name: string): Partial<CoreModule> => {
      const { index } = module.exports.get(name)!;
      return { functions: module.functions.with(index, { params: [], results: [], signature: 'i64 ->' }) };
    };
    for (const name of ['begin', 'observe', 'cabi_post_decide', 'cabi_realloc', '_initialize'])
      expect(admit({}, retyped(name)), name).toMatchObject({ code: 'component-malformed' });
    expect(
      admit({ lifts: new Map([...component.lifts, ['more', component.lifts.get('save')!]]) }),
    ).toMatchObject({
      code: 'world-mismatch',
    });
  });
});

afterAll(() => expect(globalThis.WebAssembly).toBe(engine));
