import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BELTS, readReport, REPORT_BOUNDS } from '../../../executor/confinement.ts';
import { LAUNCH_BOUNDS } from '../../../executor/launch/limits.ts';
import { readExit, readRequest, readStarted } from '../../../executor/launch/messages.ts';
import { createFrameReader, encodeFrame } from '../../../executor/wire/frames.ts';
import { repetitions } from '../../proof.ts';

const runs = { numRuns: repetitions({ slice: 2_000, full: 200_000 }) };
const kind = fc.oneof(fc.constantFrom('start', 'opened', 'kill'), fc.string());
const host = fc.oneof(fc.nat(), fc.constant(undefined), fc.anything());
const nearly = fc.record({ id: fc.oneof(fc.nat(10), fc.anything()), kind, host }, { requiredKeys: [] });
const anything = fc.oneof(fc.anything(), nearly, fc.record({ id: fc.nat(5), kind, host, uid: fc.nat() }));

describe('the reader of requests', () => {
  test('takes the three requests and nothing else, whatever comes', () => {
    fc.assert(
      fc.property(anything, (message) => {
        const request = readRequest(message);
        if (!request.ok) return void expect(request.code).toBe('request-unknown');
        const { value } = request;
        const [named] = [Object.keys(value).toSorted().join()];
        expect(named).toBe(value.kind === 'start' ? 'kind' : 'host,kind');
        if (value.kind !== 'start') expect(Number.isSafeInteger(value.host) && value.host >= 0).toBe(true);
        expect(Object.keys(message as object).toSorted()).toEqual(
          expect.arrayContaining([...Object.keys(value), 'id']),
        );
      }),
      runs,
    );
  });

  test.each([
    { kind: 'start' },
    { id: 0, kind: 'start' },
    { id: 1, kind: 'start', host: 1 },
    { id: 1, kind: 'start', uid: 0 },
    { id: 1, kind: 'start', memoryBytesMax: 2 ** 40 },
    { id: 1, kind: 'kill' },
    { id: 1, kind: 'kill', host: -1 },
    { id: 1, kind: 'kill', host: 1.5 },
    { id: 1, kind: 'kill', host: '1' },
    { id: 1, kind: 'kill', pid: 1 },
    { id: 1, kind: 'exec', host: 1 },
  ])('refuses %j', (message) => {
    expect(readRequest(message)).toMatchObject({ ok: false, code: 'request-unknown' });
  });

  test('every request fits its frame, and a byte more is refused before it is decoded', () => {
    for (const request of [
      { id: 2 ** 32 - 1, kind: 'start' },
      { id: 2 ** 32 - 1, kind: 'opened', host: Number.MAX_SAFE_INTEGER },
    ]) {
      const frame = encodeFrame(request, LAUNCH_BOUNDS.requestBytesMax);
      expect(frame.ok && readRequest(request).ok).toBe(true);
    }
    const prefix = (bytes: number) => new Uint8Array(Uint32Array.of(bytes).buffer);
    const read = (bytes: number) => [...createFrameReader(LAUNCH_BOUNDS.requestBytesMax).read(prefix(bytes))];
    expect(read(LAUNCH_BOUNDS.requestBytesMax)).toEqual([]);
    expect(read(LAUNCH_BOUNDS.requestBytesMax + 1)).toMatchObject([{ ok: false, code: 'frame-too-large' }]);
  });

  test('any bytes at all become requests or a failure', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
        const bytes = new Uint8Array([...new Uint8Array(Uint32Array.of(body.length).buffer), ...body]);
        for (const message of createFrameReader(LAUNCH_BOUNDS.requestBytesMax).read(bytes))
          expect(typeof (message.ok ? readRequest(message.value) : message).ok).toBe('boolean');
      }),
      runs,
    );
  });
});

describe('what the launcher says', () => {
  const reason = 'x'.repeat(REPORT_BOUNDS.reasonLengthMax);
  const report = { held: ['landlock'], missing: [{ belt: 'cgroup', why: reason }], landlockAbi: 6 };

  test('is read back whole', () => {
    const paths = { requests: '/a', replies: '/b', diagnostics: '/c', shared: '/d' };
    expect(readStarted({ host: 3, paths, report })).toEqual({ host: 3, paths, report });
    const exit = { host: 3, code: null, signal: 'SIGKILL', outOfMemory: true };
    expect(readExit({ event: 'exited', ...exit })).toEqual(exit);
  });

  test.each([
    { ...report, held: ['belt'] },
    { ...report, held: 'landlock' },
    { ...report, held: [...BELTS, 'user'] },
    { ...report, missing: [{ belt: 'cgroup' }] },
    { ...report, missing: [{ belt: 'cgroup', why: `${reason}x` }] },
    { ...report, landlockAbi: '6' },
    null,
  ])('no such report: %j', (value) => {
    expect(readReport(value)).toBeUndefined();
  });

  test('whatever comes is that or undefined', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        for (const read of [readReport, readStarted, readExit]) expect(read(value)).toBeUndefined();
      }),
      runs,
    );
  });
});
