import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  hostMemoryPagesMax,
  recordingHeadBytesMax,
  recordingPayloadBytesMax,
} from '../../../runtime/limits.ts';
import { encodeReply } from '../../../runtime/policy/host/channel.ts';
import { fillMeans } from '../../../runtime/policy/host-means.ts';
import type { HostProcess } from '../../../runtime/policy/host-process.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import { zooFolder } from '../../../runtime/policy/open.ts';
import { dumpInstance } from '../../../runtime/policy/recording/checkpoint.ts';
import { FRAME, appendFrame, createFrameReader } from '../../../runtime/policy/recording/frames.ts';
import { recordHost } from '../../../runtime/policy/recording/record-host.ts';
import { createRecorder } from '../../../runtime/policy/recording/recorder.ts';
import { openReplay } from '../../../runtime/policy/recording/replay.ts';
import type { ReplayedStep } from '../../../runtime/policy/recording/replay.ts';
import { createReplyReader } from '../../../runtime/policy/reply.ts';
import type { RunningHost } from '../../../runtime/policy/running-host.ts';
import { createSharedFile } from '../../../runtime/policy/shared-file.ts';
import {
  DUMP_PAGES_MAX,
  REPLY_AT,
  REQUEST,
  REQUEST_AT,
  REQUEST_BYTES,
  STATUS,
  WASM_PAGE_BYTES,
} from '../../../runtime/policy/wire.ts';
import { bundleHost } from './specimen.ts';

const scratch = mkdtempSync(join(tmpdir(), 'terrace-forged-'));
const file = join(scratch, 'forged.trec');
const hold = readFileSync(join(zooFolder, 'hold.wasm'));
const START = {
  ...{ name: 'hold', version: '1.0.0', digest: createHash('sha256').update(hold).digest('hex') },
  ...{ settings: {}, memoryPagesMax: 16, node: 'v26.1.0' },
};
let hostFile: string;

beforeAll(async () => void (hostFile = await bundleHost()));
afterAll(() => rmSync(scratch, { recursive: true }));

function withFile<T>(flags: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(file, flags);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Replays a recording of `hold`, of one `save`, whose heads say this. */
async function replayForged(start: object, answer: object): Promise<ReplayedStep | string> {
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  request.setUint32(REQUEST_AT.kind, REQUEST.save, true);
  request.setFloat64(REQUEST_AT.fuel, 1e6, true);
  withFile('w', (descriptor) => {
    appendFrame(descriptor, FRAME.start, { ...START, ...start }, [hold]);
    appendFrame(descriptor, FRAME.request, {}, [new Uint8Array(request.buffer)]);
    appendFrame(descriptor, FRAME.answer, answer);
  });
  const replay = await openReplay(file, fillMeans({ launch: launchChild(hostFile) }));
  if (!replay.ok) return replay.code;
  const step = await replay.value.step();
  await replay.value.close();
  return step.ok ? step.value! : step.code;
}

describe('a recording of anybody', () => {
  const answer = { status: 'policy-overran', fuel: 0, hash: '' };

  test('tells nothing but what its frames are for', async () => {
    const step = await replayForged({}, { ...answer, more: '\u009b31m' });
    expect(step).toMatchObject({ request: 'save', replayed: { status: STATUS.ok }, isSame: false });
    expect((step as ReplayedStep).recorded).toEqual(answer);
  });

  test.each([
    ['another name', { name: 'heat' }],
    ['another version', { version: '2.0.0' }],
    ['another digest', { digest: 'f'.repeat(64) }],
    ['a Node that steers terminals', { node: 'v26.1.0\u001b[2J' }],
    ['memory beyond all bounds', { memoryPagesMax: hostMemoryPagesMax + 1 }],
  ])('is refused with %s than its policy has', async (_, start) => {
    expect(await replayForged(start, answer)).toBe('recording-corrupt');
  });

  test.each([
    ['a fault that steers terminals', { status: 'x\u001b[2J' }],
    ['a hash that does', { hash: '\u001b[2J' }],
    ['a fault without end', { status: 'x'.repeat(33) }],
  ])('is refused with %s', async (_, forged) => {
    expect(await replayForged({}, { ...answer, ...forged })).toBe('recording-corrupt');
  });

  test('is refused with settings that its policy does not have', async () => {
    expect(await replayForged({ settings: { more: 1 } }, answer)).toBe('setting-unknown');
  });

  test('has heads up to the bound', () => {
    const head = (bytes: number) => ({ x: 'x'.repeat(bytes - '{"x":""}'.length) });
    withFile('w+', (descriptor) => {
      appendFrame(descriptor, FRAME.start, head(recordingHeadBytesMax));
      expect(createFrameReader(descriptor).next()).toMatchObject({ ok: true, value: { kind: FRAME.start } });
      expect(() => appendFrame(descriptor, FRAME.start, head(recordingHeadBytesMax + 1))).toThrow(
        'are allowed',
      );
      const length = Buffer.alloc(4);
      length.writeUInt32LE(recordingHeadBytesMax + 1);
      writeSync(descriptor, length, 0, 4, 8);
      expect(createFrameReader(descriptor).next()).toMatchObject({
        message: expect.stringContaining('the head of a frame is too long'),
      });
    });
  });

  test('makes no room for a frame beyond the bound, and no writer writes one', () => {
    withFile('w', (descriptor) => appendFrame(descriptor, FRAME.start, {}));
    const header = readFileSync(file).subarray(0, 24);
    const before = process.resourceUsage().maxRSS;
    for (const [bytes, message] of [
      [recordingPayloadBytesMax, undefined],
      [recordingPayloadBytesMax + 1, expect.stringContaining('a frame is too long')],
    ] as const) {
      header.writeDoubleLE(bytes, 16);
      withFile('w+', (descriptor) => {
        writeSync(descriptor, header);
        // A file that ends before the frame does, which no room is made for either; then a sparse one.
        if (message !== undefined) truncateSync(file, bytes + 1000);
        const frame = createFrameReader(descriptor).next();
        expect(frame.ok ? undefined : frame.message).toEqual(message);
      });
    }
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200_000);
    const large = { length: recordingPayloadBytesMax + 1 } as Uint8Array;
    expect(() => withFile('w', (descriptor) => appendFrame(descriptor, FRAME.request, {}, [large]))).toThrow(
      'are allowed',
    );
  });
});

/** Answers every request like a dump of `pages` pages, of which it hands over `statePages`. */
function createLiar(pages: number, statePages: number) {
  let asked = 0;
  const ask: HostProcess['ask'] = async () => {
    asked++;
    const state = new Uint8Array(statePages * WASM_PAGE_BYTES).fill(1);
    const bytes = encodeReply(1, STATUS.ok, { lines: [], dropped: 0 }, { state });
    new DataView(bytes.buffer).setUint32(REPLY_AT.memoryPages, pages, true);
    const reply = createReplyReader().read(bytes, 1);
    if (!reply.ok || reply.value === undefined) throw new Error('no reply');
    return { ok: true, value: reply.value };
  };
  return { ask, asked: () => asked };
}

describe('a checkpoint of a host that lies', () => {
  test.each([
    ['more memory than there can be', 2 ** 32 - 1, DUMP_PAGES_MAX, 'plan-unreadable'],
    ['less than it says', 100, 99, 'plan-unreadable'],
    ['all there can be', 1000, DUMP_PAGES_MAX, 'recording-full'],
    ['none', 0, 0, undefined],
  ])('%s', async (_, pages, statePages, code) => {
    const liar = createLiar(pages, statePages);
    const bytesMax = 2 * DUMP_PAGES_MAX * WASM_PAGE_BYTES;
    const bounds = { deadlineMs: 1000, memoryPagesMax: 1000, bytesMax };
    const dumped = await dumpInstance(liar as unknown as HostProcess, bounds);
    expect(dumped.ok ? undefined : dumped.code).toBe(code);
    expect(liar.asked()).toBeLessThanOrEqual(3);
  });

  test('that stalls every part of it is ended at one deadline for all', async () => {
    const { writable: shared, readOnly } = createSharedFile();
    const gone = Promise.withResolvers<{ ok: false; code: 'host-failed'; message: string }>();
    const { ask } = createLiar(0, 0);
    let ended = 0;
    const host = {
      shared,
      startLog: [],
      ask: (kind: number) => (kind === REQUEST.dump ? gone.promise : ask(kind, 0)),
      end: async () => {
        ended++;
        gone.resolve({ ok: false, code: 'host-failed', message: 'ended' });
      },
    } as unknown as RunningHost;
    const deadlines: number[] = [];
    const timer = (ms: number, action: () => void) => {
      deadlines.push(ms);
      setImmediate(action);
      return () => {};
    };
    const faults: string[] = [];
    const recording = {
      ...{ recorder: createRecorder(join(scratch, 'stalled')), answersMax: 1, bytesMax: 1e6 },
      onFault: (message: string) => void faults.push(message),
    };
    const recorded = recordHost(host, recording, START, hold, {
      ...fillMeans({ limits: { loadDeadlineMs: 77 } }),
      timer,
    });
    await recorded.ask(REQUEST.epoch, 1000);
    await recorded.ask(REQUEST.save, 1000);
    expect({ ended, deadlines }).toEqual({ ended: 1, deadlines: [77] });
    expect(faults).toEqual([expect.stringContaining('a checkpoint took longer than 77 ms')]);
    closeSync(shared);
    closeSync(readOnly);
  });
});
