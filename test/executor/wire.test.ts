import fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { describe, expect, test } from 'vitest';
import { BOUNDS } from '../../executor/limits.ts';
import { readReply } from '../../executor/wire/envelope.ts';
import { FAULTS, readBudgets, readOutcome, readRequest } from '../../executor/messages.ts';
import type { Budgets, Outcome } from '../../executor/plan.ts';
import { FRAME_DEPTH_MAX, scanFrame } from '../../executor/wire/scan-frame.ts';
import { createFrameReader, decodeBody, encodeFrame } from '../../executor/wire/frames.ts';
import { somePlan } from './some-plan.ts';
import { repetitions } from '../proof.ts';

const bytesMax = 4_096;

function encode(message: unknown): Uint8Array {
  const frame = encodeFrame(message);
  if (!frame.ok) throw new Error(frame.message);
  return frame.value;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, next = 0; at < bytes.length; next++) {
    const size = Math.max(1, sizes[next % sizes.length] ?? 1);
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

// MessagePack keeps -0 only where a double is written anyway.
const someDouble = fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0));
const column = fc.oneof(
  fc.uint8Array(),
  fc.uint16Array(),
  fc.uint32Array(),
  fc.int32Array(),
  fc.float64Array({ noNaN: true }),
);
const leaf = fc.oneof(fc.integer(), someDouble, fc.boolean(), fc.string(), fc.constant(null), column);
const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), leaf).map((fields) => ({ ...fields }));
const message = fc.oneof(leaf, record, fc.array(record));

describe('frames', () => {
  test('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (messages, sizes) => {
          const reader = createFrameReader();
          const stream = Buffer.concat(messages.map(encode));
          const out = cut(stream, sizes.length ? sizes : [1]).flatMap((chunk) => [...reader.read(chunk)]);
          expect(out).toEqual(messages.map((value) => ({ ok: true, value })));
          expect(reader.heldBytes).toBe(0);
        },
      ),
    );
  });

  test('typed arrays keep their kind and are aligned', () => {
    const plan = somePlan(1_000);
    const decoded = decodeBody(encode(plan).subarray(4));
    expect(decoded).toEqual({ ok: true, value: plan });
    expect((decoded as { value: typeof plan }).value.pageNumber).toBeInstanceOf(Float64Array);
  });

  test('of random bytes: a result, never an exception, never more held than a frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 60 }), (chunks) => {
        const reader = createFrameReader(bytesMax);
        for (const chunk of chunks) {
          for (const result of reader.read(chunk)) expect(typeof result.ok).toBe('boolean');
          expect(reader.heldBytes).toBeLessThanOrEqual(bytesMax + 4);
        }
      }),
    );
  });

  test('of random bytes under a fitting length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        const prefix = new Uint8Array(new Uint32Array([body.length]).buffer);
        const results = [...createFrameReader().read(Buffer.concat([prefix, body]))];
        expect(results).toHaveLength(1);
      }),
      { numRuns: repetitions({ slice: 2_000, full: 200_000 }) },
    );
  });

  test('with one byte changed decode or fail, and never become a request with holes', () => {
    const body = encode({ id: 1, kind: 'submit', plan: somePlan(20) }).subarray(4);
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) => {
        const broken = body.slice();
        broken[at] = byte;
        const decoded = decodeBody(broken);
        const request = decoded.ok ? readRequest(decoded.value) : decoded;
        if (!request.ok || request.value.kind === 'budgets') return;
        const { owner, pageNumber, target } = request.value.plan;
        expect([owner.length, target.length]).toEqual([pageNumber.length, pageNumber.length]);
      }),
      { numRuns: repetitions({ slice: 3_000, full: 300_000 }) },
    );
  });

  test('cut short are refused at every length', () => {
    const body = encode({ id: 1, kind: 'check', plan: somePlan(3) }).subarray(4);
    for (let length = 0; length < body.length; length++)
      expect(decodeBody(body.subarray(0, length))).toMatchObject({ ok: false, code: 'frame-malformed' });
    expect(decodeBody(Buffer.concat([body, Uint8Array.of(0)]))).toMatchObject({ ok: false });
  });

  test('of the largest length pass, one byte more is refused before it arrives', () => {
    const fits = encode('x'.repeat(bytesMax - 3));
    expect(fits).toHaveLength(4 + bytesMax);
    expect([...createFrameReader(bytesMax).read(fits)]).toMatchObject([{ ok: true }]);
    expect(encodeFrame('x'.repeat(bytesMax - 3), bytesMax)).toMatchObject({ ok: true });
    expect(encodeFrame('x'.repeat(bytesMax - 2), bytesMax)).toMatchObject({
      ok: false,
      code: 'frame-too-large',
    });
    const reader = createFrameReader(bytesMax);
    const prefix = encode('x'.repeat(bytesMax - 2)).subarray(0, 4);
    expect([...reader.read(prefix)]).toMatchObject([{ ok: false, code: 'frame-too-large' }]);
    // The stream is lost: nothing after it is taken for a frame.
    expect([...reader.read(encode(1))]).toEqual([]);
  });

  test('nest to the bound and no deeper', () => {
    expect(decodeBody(encode(nest(FRAME_DEPTH_MAX)).subarray(4))).toMatchObject({ ok: true });
    expect(decodeBody(encode(nest(FRAME_DEPTH_MAX + 1)).subarray(4))).toMatchObject({ ok: false });
    const deep = new Uint8Array(1_000_000).fill(0x91);
    expect(decodeBody(deep)).toMatchObject({ ok: false, code: 'frame-malformed' });
  });

  test.each([
    ['an array that promises 2^32 - 1 items', [0xdd, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a map that promises 2^32 - 1 pairs', [0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1]],
    ['a string longer than the frame', [0xdb, 0xff, 0xff, 0xff, 0xff, 65]],
    ['the unused type', [0xc1]],
    ['a record definition', [0xd4, 0x72, 0x40]],
    // Of these the first data byte would pass for a kind of typed array.
    ['a record definition below', [0xd4, 0x72, 5]],
    ['a reference', [0xd6, 0x69, 0, 0, 0, 1]],
    ['a timestamp', [0xd6, 0xff, 0, 0, 0, 1]],
    ['a set', [0xc7, 2, 0x73, 1, 1]],
    ['a regular expression', [0xc7, 3, 0x78, 0xa1, 0x61, 0xa0]],
    ['a typed array of no kind', [0xd5, 0x74, 11, 0]],
    ['nothing', []],
  ])('with %s are refused', (_, bytes) => {
    expect(scanFrame(Uint8Array.from(bytes))).toMatchObject({ ok: false, code: 'frame-malformed' });
  });

  test('promising more than their bytes are refused at the header, not after a walk', () => {
    for (const header of [0xdd, 0xdf])
      expect(scanFrame(Uint8Array.of(header, 0xff, 0xff, 0xff, 0xff, 1, 1))).toMatchObject({
        message: expect.stringContaining('promises more'),
      });
  });

  test('with half an element are refused', () => {
    // Kind 6 = Uint32Array, five bytes.
    expect(decodeBody(Uint8Array.of(0xc7, 6, 0x74, 6, 1, 2, 3, 4, 5))).toMatchObject({ ok: false });
  });

  test('the scan passes whatever the encoder writes', () => {
    const packr = new Packr({ useRecords: false, moreTypes: true });
    fc.assert(
      fc.property(message, (value) => {
        expect(scanFrame(packr.pack(value))).toEqual({ ok: true, value: true });
      }),
    );
  });
});

describe('a spare buffer', () => {
  const large = (length: number) => ({ value: { rows: { column: new Uint32Array(length).fill(7) } } });
  const reuse = (value: object, spare?: ArrayBufferLike) => {
    const frame = encodeFrame(value, BOUNDS.frameBytesMax, spare);
    if (!frame.ok) throw new Error(frame.message);
    return frame.value;
  };

  test('is written over by the next frame, which reads the same', () => {
    const first = reuse(large(100_000));
    const second = reuse(large(90_000), first.buffer);
    expect(second.buffer).toBe(first.buffer);
    expect(decodeBody(second.subarray(4))).toEqual({ ok: true, value: large(90_000) });
  });

  test('too small is left alone', () => {
    const first = reuse(large(10));
    const before = first.slice();
    const second = reuse(large(100_000), first.buffer);
    expect(second.buffer).not.toBe(first.buffer);
    expect(first).toEqual(before);
    expect(decodeBody(second.subarray(4))).toEqual({ ok: true, value: large(100_000) });
  });
});

describe('requests', () => {
  const plan = somePlan(2);

  test('are the three known ones', () => {
    expect(readRequest({ id: 1, kind: 'budgets', scope: 'a' })).toMatchObject({ ok: true });
    expect(readRequest({ id: 2, kind: 'check', plan })).toMatchObject({ ok: true, value: { plan } });
    expect(readRequest({ id: 3, kind: 'submit', plan })).toMatchObject({ ok: true, value: { plan } });
  });

  test.each([
    ['an unknown kind', { id: 1, kind: 'exec' }],
    ['no id', { kind: 'budgets', scope: 'a' }],
    ['the id of nothing', { id: 0, kind: 'budgets', scope: 'a' }],
    ['a fraction as id', { id: 1.5, kind: 'budgets', scope: 'a' }],
    ['a list', [1]],
    ['nothing', null],
  ])('with %s are unknown', (_, value) => {
    expect(readRequest(value)).toMatchObject({ ok: false, code: 'request-unknown' });
  });

  test.each([
    ['no column', { pages: undefined }],
    ['a column of another kind', { pages: new Float64Array(2) }],
    ['a column of another length', { priority: new Uint16Array(3) }],
    ['a list for a column', { target: [0, 0] }],
    ['an owner without a pid', { owners: [{ startTimeTicks: 1, stackStart: '1' }] }],
    ['a negative epoch', { epoch: -1 }],
    ['headroom that is no number', { headroom: [{ node: 0, pages: '1' }] }],
    ['no scope', { scope: 7 }],
  ])('with %s in the plan are malformed', (_, change) => {
    const result = readRequest({ id: 1, kind: 'submit', plan: { ...plan, ...change } });
    expect(result).toMatchObject({ ok: false, code: 'plan-malformed' });
  });

  test('keep nothing but the known fields of a plan', () => {
    const request = readRequest({ id: 1, kind: 'check', plan: { ...plan, force: true }, extra: 1 });
    expect(request.ok && Object.keys(request.value)).toEqual(['kind', 'plan']);
    expect(request.ok && 'plan' in request.value && 'force' in request.value.plan).toBe(false);
  });
});

describe('replies', () => {
  const outcome: Outcome = {
    ...{ epoch: 1, verdicts: Uint8Array.of(1, 2), movedPages: Uint32Array.of(1, 0) },
    ...{ flows: [{ from: 1, to: 0, pages: 1 }], calls: 1, callNs: 1_000 },
    frames: {
      ...{ entry: Uint32Array.of(0), from: Float64Array.of(700), to: Float64Array.of(2 ** 33) },
      pages: Uint32Array.of(1),
    },
  };
  const budgets: Budgets = {
    topologyGeneration: 5,
    members: { kind: 'cgroup', path: '/batch' },
    nodes: [
      {
        ...{ node: 0, tier: 0, hasCpus: true, capacity: 9, room: 8, budget: 7 },
        ...{ latencyNs: 0, bandwidthMib: 0, moveCostNs: 812.5 },
      },
    ],
  };

  test('are read as they were written', () => {
    expect(readOutcome(outcome, 2)).toEqual(outcome);
    expect(readBudgets(budgets)).toEqual(budgets);
  });

  test('with moves of frames that cannot be are none', () => {
    const { frames } = outcome;
    const broken = [
      { ...frames, entry: Uint32Array.of(2) },
      { ...frames, entry: new Uint32Array(2) },
      { ...frames, from: Float64Array.of(-1) },
      { ...frames, from: Uint32Array.of(1) },
      { ...frames, to: Float64Array.of(0.5) },
      { ...frames, to: Float64Array.of(BOUNDS.pageNumberMax) },
      { ...frames, pages: Uint32Array.of(0) },
      { ...frames, pages: [1] },
      undefined,
    ];
    for (const each of broken) expect(readOutcome({ ...outcome, frames: each }, 2)).toBeUndefined();
  });

  test.each([
    [BOUNDS.frameMovesMax, true],
    [BOUNDS.frameMovesMax + 1, false],
  ])('with %i moves of frames are read: %s', (rows, ok) => {
    const frames = {
      ...{ entry: new Uint32Array(rows), from: new Float64Array(rows), to: new Float64Array(rows) },
      pages: new Uint32Array(rows).fill(1),
    };
    expect(readOutcome({ ...outcome, frames }, 2) !== undefined).toBe(ok);
  });

  test('with verdicts for another plan are none', () => {
    expect(readOutcome(outcome, 3)).toBeUndefined();
    expect(readOutcome({ ...outcome, movedPages: Uint32Array.of(1) }, 2)).toBeUndefined();
    expect(readOutcome({ ...outcome, flows: [{ from: 0 }] }, 2)).toBeUndefined();
    expect(readBudgets({ ...budgets, nodes: [{ ...budgets.nodes[0], room: -1 }] })).toBeUndefined();
    expect(
      readBudgets({ ...budgets, nodes: [{ ...budgets.nodes[0], moveCostNs: Infinity }] }),
    ).toBeUndefined();
    for (const members of [
      undefined,
      {},
      { kind: 'uid', uid: -1 },
      { kind: 'cgroup', path: '/'.repeat(4097) },
    ])
      expect(readBudgets({ ...budgets, members })).toBeUndefined();
  });

  test('belong to the request of their id', () => {
    expect(readReply({ id: 4, ok: true, value: 1 }, 4, FAULTS)).toEqual({ ok: true, value: 1 });
    expect(readReply({ id: 3, ok: true, value: 1 }, 4, FAULTS)).toBeUndefined();
    expect(readReply({ id: 0, ok: true, value: 1 }, 4, FAULTS)).toBeUndefined();
    const refusal = { id: 0, ok: false, code: 'frame-too-large', message: 'm' };
    expect(readReply(refusal, 4, FAULTS)).toEqual({ ok: false, code: 'frame-too-large', message: 'm' });
    expect(readReply({ ...refusal, code: 'toString' }, 4, FAULTS)).toBeUndefined();
    expect(readReply('hello', 4, FAULTS)).toBeUndefined();
  });
});

test('a plan of the largest size fits into a frame', () => {
  const bytesPerEntry = 2 + 1 + 8 + 4 + 1 + 2;
  expect(BOUNDS.planEntriesMax * bytesPerEntry).toBeLessThan(BOUNDS.frameBytesMax / 1.2);
});
