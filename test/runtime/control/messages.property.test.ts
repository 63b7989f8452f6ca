import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oneLine } from '../../../executor/one-line.ts';
import { isFields } from '../../../executor/wire/envelope.ts';
import { decodeBody, encodeFrame } from '../../../executor/wire/frames.ts';
import { defaultControlSocket } from '../../../runtime/control/default-socket.ts';
import { CONTROL_FAULTS, readAnswer, readControlRequest } from '../../../runtime/control/messages.ts';
import { readDaemonStatus } from '../../../runtime/control/read-status.ts';
import type { DaemonStatus, PolicyStatus, ScopeStatus } from '../../../runtime/control/status.ts';
import type { ShadowStatus, SwitchStatus, TrialStatus } from '../../../runtime/control/status.ts';
import {
  controlMessageBytesMax,
  controlNameUnitsMax,
  controlTextUnitsMax,
  settingsMax,
  textUnitsMax,
  trialEpochsMax,
} from '../../../runtime/limits.ts';
import { repetitions } from '../../proof.ts';
import { someScope, someStatus } from './some-status.ts';

const runs = { numRuns: repetitions({ slice: 1_000, full: 100_000 }) };

/** To the other process and back. */
function carry(message: unknown): unknown {
  const frame = encodeFrame(message, controlMessageBytesMax);
  const body = frame.ok ? decodeBody(frame.value.subarray(4)) : frame;
  if (!body.ok) throw new Error(body.message);
  return body.value;
}

const plain = fc.string({ unit: 'binary', maxLength: 40 }).map(oneLine);
const name = plain.filter((text) => text !== '' && !/[/]|\.(wasm|ts)$/.test(text));
const file = name.map((text) => `/${text}.wasm`);
const value = fc.oneof(fc.boolean(), fc.integer(), plain);
const settings = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,12}$/), value), {
    maxLength: settingsMax,
    selector: ([key]) => key,
  })
  .map((entries) => Object.fromEntries(entries));
const scoped = fc.record(
  { kind: fc.constantFrom('rollback', 'pause', 'resume'), scope: name },
  { requiredKeys: ['kind'] },
);
const request = fc.oneof(
  fc.record({ kind: fc.constantFrom('status', 'reload') }),
  scoped,
  fc.record(
    {
      kind: fc.constant('switch'),
      policy: fc.oneof(name, file),
      ...{ scope: name, settings, trialEpochs: fc.nat(trialEpochsMax) },
    },
    { requiredKeys: ['kind', 'policy'] },
  ),
);

describe('the reader of requests', () => {
  test('takes every request as it was sent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), request, (id, sent) => {
        expect(readControlRequest(carry({ id, ...sent }))).toEqual({ ok: true, value: sent });
      }),
      runs,
    );
  });

  test('refuses everything else with a code, whatever comes', () => {
    const field = fc.oneof(fc.anything(), plain, fc.nat());
    const nearly = fc.record(
      {
        id: fc.oneof(fc.nat(3), fc.anything()),
        kind: fc.oneof(fc.constantFrom('status', 'switch', 'pause', 'toString'), fc.anything()),
        ...{ scope: field, policy: field, settings: field, trialEpochs: field, other: field },
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), nearly), (message) => {
        const read = readControlRequest(message);
        if (!read.ok) {
          expect(read.code).toMatch(/^request-(unknown|malformed)$/);
          return void expect(oneLine(read.message)).toBe(read.message);
        }
        if (!isFields(message)) throw new Error('read from nothing');
        const { id: _, ...rest } = message;
        expect(read.value).toEqual(rest);
      }),
      runs,
    );
  });

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`setting${i}`, i]));
  const a = (length: number) => 'a'.repeat(length);

  test.each([
    { kind: 'pause', scope: a(controlNameUnitsMax) },
    { kind: 'switch', policy: a(controlTextUnitsMax) },
    { kind: 'switch', policy: 'heat', settings: many(settingsMax) },
    { kind: 'switch', policy: 'heat', settings: { note: a(textUnitsMax) } },
    { kind: 'switch', policy: 'heat', settings: { [a(controlNameUnitsMax)]: 1 } },
    { kind: 'switch', policy: 'heat', trialEpochs: trialEpochsMax },
  ])('takes what just fits, case %#', (fields) => {
    expect(readControlRequest({ id: 1, ...fields })).toMatchObject({ ok: true });
  });

  test.each([
    ['scope', { kind: 'pause', scope: a(controlNameUnitsMax + 1) }],
    ['scope', { kind: 'pause', scope: 'a\nb' }],
    ['scope', { kind: 'pause', scope: '' }],
    ['scope', { kind: 'status', scope: 'batch' }],
    ['needs a policy', { kind: 'switch' }],
    ['policy', { kind: 'switch', policy: a(controlTextUnitsMax + 1) }],
    ['absolute path', { kind: 'switch', policy: 'here/heat.wasm' }],
    ['absolute path', { kind: 'switch', policy: 'heat.ts' }],
    ['settings', { kind: 'switch', policy: 'heat', settings: many(settingsMax + 1) }],
    ['settings', { kind: 'switch', policy: 'heat', settings: { note: a(textUnitsMax + 1) } }],
    ['settings', { kind: 'switch', policy: 'heat', settings: { [a(controlNameUnitsMax + 1)]: 1 } }],
    ['settings', { kind: 'switch', policy: 'heat', settings: { speed: Number.NaN } }],
    ['trialEpochs', { kind: 'switch', policy: 'heat', trialEpochs: trialEpochsMax + 1 }],
    ['trialEpochs', { kind: 'switch', policy: 'heat', trialEpochs: 1.5 }],
  ])('refuses what does not, and says that it is %s', (what, fields) => {
    const read = readControlRequest({ id: 1, ...fields });
    expect(read).toMatchObject({ ok: false, code: 'request-malformed' });
    expect(read).toMatchObject({ message: expect.stringContaining(what) });
  });

  test.each([{ kind: 'status' }, { id: 0, kind: 'status' }, { id: 1, kind: 'exec' }, { id: 1 }])(
    'does not know %j',
    (message) => {
      expect(readControlRequest(message)).toMatchObject({ ok: false, code: 'request-unknown' });
    },
  );
});

const count = fc.maxSafeNat();
const amount = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const fault = fc.record({ code: plain, message: plain });
const policyFields = {
  ...{ name: plain, version: plain, digest: fc.oneof(hash, fc.constant('')) },
  ...{ settingsHash: hash, sinceMs: amount },
};
const policy: fc.Arbitrary<PolicyStatus> = fc.record(policyFields);

/** Any of the optional fields may be absent. */
function withOptional<R extends object, O extends object>(
  required: { [K in keyof R]: fc.Arbitrary<R[K]> },
  optional: { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<R & Partial<O>> {
  const some = fc.record(optional, { requiredKeys: [] }) as fc.Arbitrary<Partial<O>>;
  return fc
    .tuple(fc.record(required) as fc.Arbitrary<R>, some)
    .map(([always, sometimes]) => ({ ...always, ...sometimes }));
}

const shadow: fc.Arbitrary<ShadowStatus> = withOptional(
  {
    ...policyFields,
    ...{ epochs: count, missed: count, failed: count, slowdown: amount, activeSlowdown: amount },
    ...{ movedPages: count, promotedPages: count, demotedPages: count, elsewherePages: count, fuel: count },
  },
  { fault },
);
const trial: fc.Arbitrary<TrialStatus> = withOptional(
  { policy: plain, stage: fc.constantFrom('preparing', 'shadow'), epochsWanted: count },
  { shadow },
);
const lastSwitch: fc.Arbitrary<SwitchStatus> = withOptional(
  {
    policy: plain,
    outcome: fc.constantFrom('switched', 'refused', 'superseded', 'abandoned', 'rolled-back'),
    ...{ message: plain, atMs: amount },
  },
  { code: plain },
);
const scope: fc.Arbitrary<ScopeStatus> = withOptional(
  {
    ...{ scope: plain, paused: fc.boolean(), epoch: count, epochMs: amount, late: count, dropped: count },
    ...{ regions: count, duty: fc.constantFrom('chosen', 'last-good', 'hold'), active: policy },
    shadows: fc.array(shadow, { maxLength: 3 }),
    totals: fc.record({
      ...{ movedPages: count, promotedPages: count, demotedPages: count, refused: count, failed: count },
    }),
  },
  {
    ...{ lastGood: policy, trial, lastSwitch, fault, fuel: count },
    slowdowns: fc.record({ policy: amount, hold: amount }),
  },
);
const status: fc.Arbitrary<DaemonStatus> = fc.record({
  ...{ version: plain, pid: count, startedMs: amount },
  config: withOptional({ file: plain, loadedMs: amount }, { refused: plain }),
  scopes: fc.array(scope, { maxLength: 3 }),
});

/** Every place in a value that a path of keys leads to. */
function placesIn(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, field]) => placesIn(field, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

describe('the reader of a status', () => {
  test('reads every status as it was sent', () => {
    fc.assert(
      fc.property(status, (sent) => {
        const { value } = carry({ id: 1, ok: true, value: sent }) as { value: unknown };
        expect(readDaemonStatus(value)).toEqual(sent);
      }),
      runs,
    );
  });

  test('reads none where one field is of another type, wherever it is', () => {
    fc.assert(
      fc.property(status, fc.nat(), (sent, choice) => {
        const places = placesIn(sent);
        const broken = replaced(
          sent,
          places[choice % places.length]!,
          () => 'of no type that has a place here',
        );
        expect(readDaemonStatus(broken)).toBeUndefined();
      }),
      runs,
    );
  });

  test('whatever comes is a status or undefined, and never another field', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => void expect(readDaemonStatus(value)).toBeUndefined()),
      runs,
    );
    const more = { ...someStatus(someScope('batch')), more: 1 };
    expect(readDaemonStatus(more)).toEqual(someStatus(someScope('batch')));
  });

  test('texts come out as one line that steers no terminal, cut to their bound', () => {
    const fault = { code: 'a\u202Eb', message: `\x1b[2J${'x'.repeat(controlTextUnitsMax)}` };
    const read = readDaemonStatus(someStatus(someScope('bat\nch', { fault })));
    const [scope] = read!.scopes;
    expect(scope).toMatchObject({ scope: 'bat ch', fault: { code: 'a b' } });
    expect(scope!.fault!.message).toBe(` [2J${'x'.repeat(controlTextUnitsMax - 4)}`);
    expect(
      readDaemonStatus(someStatus(someScope('a'.repeat(controlNameUnitsMax + 1))))!.scopes[0]!.scope,
    ).toBe('a'.repeat(controlNameUnitsMax));
    expect(readAnswer('a\r\nb')).toBe('a  b');
    expect(readAnswer(1)).toBeUndefined();
  });
});

test('the page on control names every code, request and bound', () => {
  const page = readFileSync(new URL('../../../docs/control.md', import.meta.url), 'utf8');
  for (const code of CONTROL_FAULTS) expect(page).toContain(`\`${code}\``);
  for (const kind of ['status', 'switch', 'rollback', 'pause', 'resume', 'reload'])
    expect(page).toMatch(new RegExp(`^\\| \`${kind}\` \\|`, 'm'));
  for (const bound of [controlMessageBytesMax, controlNameUnitsMax, controlTextUnitsMax, settingsMax])
    expect(page).toContain(String(bound));
  expect(page).toContain(defaultControlSocket);
});
