import { closeSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../../executor/result.ts';
import {
  faultTextBytesMax,
  globalWordsMax,
  hostStderrBytesMax,
  hostStderrReadBytesMax,
  logLinesMax,
  placesMax,
  planEntriesMax,
  stateBytesMax,
  wishesMax,
} from '../../../runtime/limits.ts';
import { encodeReply } from '../../../runtime/policy/host/channel.ts';
import { startHostProcess, systemTimer } from '../../../runtime/policy/host-process.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import { createReplyReader } from '../../../runtime/policy/reply.ts';
import type { Reply } from '../../../runtime/policy/reply.ts';
import { createSharedFile } from '../../../runtime/policy/shared-file.ts';
import {
  REPLY_AT,
  REPLY_BYTES,
  REPLY_MAGIC,
  REPLY_SECTIONS,
  REPLY_SECTION_NAMES,
  REQUEST,
} from '../../../runtime/policy/wire.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

let component: Uint8Array;
let hostFile: string;

beforeAll(async () => {
  component = await componentOf(await compile(specimenSource()));
  hostFile = await bundleHost();
}, timeoutMs(60_000));

/** Runs `script` in place of the policy host, with the host's flags, and asks it once. */
async function askScript(script: string, deadlineMs = 10_000): Promise<Result<Reply, string>> {
  const file = join(mkdtempSync(join(tmpdir(), 'terrace-fake-')), 'host.mjs');
  writeFileSync(file, script);
  const host = await startHostProcess(launchChild(file), systemTimer);
  if (!host.ok) return host;
  const answer = await host.value.ask(REQUEST.load, deadlineMs);
  await host.value.end();
  return answer;
}

/** A host that is nothing but its pipes. */
async function startFake() {
  const ends = { requests: new PassThrough(), replies: new PassThrough(), diagnostics: new PassThrough() };
  let killed = 0;
  const exited = Promise.withResolvers<string>();
  const kill = (): void => void (killed++, exited.resolve('was ended'));
  const { writable: shared, readOnly } = createSharedFile();
  closeSync(readOnly);
  const confinement = { held: [], missing: [] };
  const launched = { ...ends, shared, kill, exited: exited.promise, confinement };
  const host = await startHostProcess(async () => ({ ok: true, value: launched }), systemTimer);
  if (!host.ok) throw new Error(host.message);
  return { host: host.value, ends, killed: () => killed };
}

const anyLog = { lines: [{ level: 2, text: new TextEncoder().encode('warm') }], dropped: 3 };

describe('what a host may do', () => {
  test('neither files nor network, processes, workers or eval; no environment; the shared file only to read', async () => {
    const probe = `
      import fs from 'node:fs';
      import net from 'node:net';
      import { spawnSync } from 'node:child_process';
      import { Worker } from 'node:worker_threads';
      const attempts = {
        read: () => fs.readFileSync('/etc/hostname'),
        write: () => fs.writeFileSync('/tmp/terrace-probe', ''),
        self: () => fs.readFileSync('/proc/self/maps'),
        reopen: () => fs.openSync('/proc/self/fd/3', 'r+'),
        spawn: () => spawnSync('/bin/true'),
        worker: () => new Worker('0', { eval: true }),
        eval: () => new Function('return 1')(),
        shared: () => fs.writeSync(3, 'x'),
      };
      const done = Object.entries(attempts).filter(([, attempt]) => {
        try { attempt(); return true; } catch { return false; }
      });
      const socket = await new Promise((resolve) => {
        try { net.connect(1, '127.0.0.1').on('error', (e) => resolve(e.code)); } catch (e) { resolve(e.code); }
      });
      const read = fs.readSync(3, new Uint8Array(1), 0, 1, 0);
      fs.writeSync(2, JSON.stringify({ done: done.map(([name]) => name), socket, read, env: process.env }));
      process.exit(9);`;
    expect(await askScript(probe)).toMatchObject({
      code: 'host-failed',
      message: 'the policy host exited with 9: {"done":[],"socket":"ERR_ACCESS_DENIED","read":0,"env":{}}',
    });
  });

  test('the shared file has no name, and its second descriptor cannot write', () => {
    const folder = mkdtempSync(join(tmpdir(), 'terrace-shared-'));
    createSharedFile(folder);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a host that answers badly', () => {
  test.each([
    ['garbage', `process.stdout.write(Buffer.alloc(200, 'x'))`, 'plan-unreadable'],
    ['garbage without end', `for (;;) fs.writeSync(1, Buffer.alloc(65536, 7))`, 'plan-unreadable'],
    ['nothing', `process.exit(3)`, 'host-failed'],
    ['half a header', `fs.writeSync(1, Buffer.from('TRP1'))`, 'host-failed'],
    ['nothing, for ever', `setInterval(() => {}, 1000)`, 'policy-overran'],
  ])('%s', async (_, script, code) => {
    expect(await askScript(`import fs from 'node:fs'; ${script}`, 1000)).toMatchObject({ code });
  });

  test('its complaints are read to the end and remembered to a bound', async () => {
    const answer = await askScript(
      `import fs from 'node:fs'; for (let i = 0; i < 100; i++) fs.writeSync(2, 'é\\u001b'.repeat(10_000)); process.exit(1)`,
    );
    expect(!answer.ok && answer.message.length).toBeLessThan(hostStderrBytesMax + 100);
    expect(!answer.ok && answer.message).not.toContain('\u001b');
  });

  test('complaining without end: it is ended, asked or not', async () => {
    const { host, ends, killed } = await startFake();
    const part = Buffer.alloc(hostStderrReadBytesMax / 4, 'x');
    for (let i = 0; i < 4; i++) ends.diagnostics.write(part);
    await setImmediate();
    expect(killed()).toBe(0);
    ends.diagnostics.write('x');
    await setImmediate();
    expect(killed()).toBe(1);
    expect(await host.ask(REQUEST.load, 1000)).toMatchObject({
      code: 'host-failed',
      message: expect.stringContaining('complained without end: xxx'),
    });
  });

  test('without reading what it is asked: it is ended before that fills our memory', async () => {
    const { host, ends } = await startFake();
    let answer: Result<Reply, string>;
    let asked = 0;
    do {
      const waiting = host.ask(REQUEST.save, 1000);
      ends.replies.write(encodeReply(++asked, 0, { lines: [], dropped: 0 }, {}));
      answer = await waiting;
    } while (answer.ok && asked < 10_000);
    expect(answer).toMatchObject({ code: 'host-failed', message: expect.stringContaining('does not read') });
    expect(ends.requests.writableLength + ends.requests.readableLength).toBeLessThan(2 ** 18);
  });

  test('unasked: it is ended', async () => {
    const { host, ends, killed } = await startFake();
    ends.replies.write('hello');
    await host.end();
    expect(killed()).toBe(1);
    expect(await host.ask(REQUEST.load, 1000)).toMatchObject({ code: 'plan-unreadable' });
  });
});

describe('the reader of replies', () => {
  const reply = encodeReply(5, 0, anyLog, {
    regions: Uint8Array.from({ length: 12 }, (_, i) => i),
    targets: Uint8Array.of(1, 2, 3),
    wishes: new Uint8Array(8).fill(9),
  });

  test('puts a reply together however it was cut, and the next one too', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(reply.length), { maxLength: 10 }), (cuts) => {
        const reader = createReplyReader();
        for (let again = 0; again < 2; again++) {
          const edges = [0, ...cuts.toSorted((a, b) => a - b), reply.length];
          const answers = edges
            .slice(1)
            .map((end, i) => [edges[i]!, end] as const)
            .filter(([start, end]) => end > start)
            .map(([start, end]) => reader.read(reply.subarray(start, end), 5));
          for (const answer of answers.slice(0, -1)) expect(answer).toEqual({ ok: true, value: undefined });
          const last = answers.at(-1)!;
          if (!last.ok || last.value === undefined) throw new Error('incomplete');
          expect(last.value.section('regions')).toEqual(Uint8Array.from({ length: 12 }, (_, i) => i));
          expect(last.value.section('targets')).toEqual(Uint8Array.of(1, 2, 3));
          expect(last.value.section('wishes')).toEqual(new Uint8Array(8).fill(9));
          expect(last.value).toMatchObject({
            log: [{ level: 2, message: 'warm' }],
            logDropped: 3,
            fault: '',
          });
        }
      }),
    );
  });

  test('answers a Result for any bytes, and never holds more than a reply may have', () => {
    const before = process.memoryUsage().arrayBuffers;
    const header = fc.record({
      status: fc.integer({ min: 0, max: 6 }),
      lengths: fc.array(fc.oneof(fc.nat(20), fc.nat(4_294_967_295), fc.constant(planEntriesMax)), {
        minLength: REPLY_SECTION_NAMES.length,
        maxLength: REPLY_SECTION_NAMES.length,
      }),
      lines: fc.nat(logLinesMax + 2),
      rest: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(header, ({ status, lengths, lines, rest }) => {
        const bytes = new Uint8Array(REPLY_BYTES + rest.length);
        const view = new DataView(bytes.buffer);
        view.setUint32(REPLY_AT.magic, REPLY_MAGIC, true);
        view.setUint32(REPLY_AT.sequence, 5, true);
        view.setUint32(REPLY_AT.status, status, true);
        view.setUint32(REPLY_AT.logLines, lines, true);
        lengths.forEach((length, i) => view.setUint32(REPLY_AT.lengths + 4 * i, length, true));
        bytes.set(rest, REPLY_BYTES);
        const answer = createReplyReader().read(bytes, 5);
        expect(answer.ok || answer.code === 'plan-unreadable').toBe(true);
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 30);
      }),
      { numRuns: repetitions({ slice: 1000, full: 100_000 }) },
    );
  });

  test.each([
    ['regions', planEntriesMax],
    ['targets', planEntriesMax],
    ['priorities', planEntriesMax],
    ['reasons', planEntriesMax],
    ['headroom', placesMax],
    ['wishes', wishesMax],
    ['state', stateBytesMax],
    ['globals', globalWordsMax],
    ['fault', faultTextBytesMax],
  ] as const)('takes as many %s as allowed, and not one more', (name, most) => {
    const full = encodeReply(5, 0, anyLog, { [name]: new Uint8Array(most * REPLY_SECTIONS[name]) });
    const answer = createReplyReader().read(full, 5);
    expect(answer.ok && answer.value?.lengths[name]).toBe(most);
    const at = REPLY_AT.lengths + 4 * REPLY_SECTION_NAMES.indexOf(name);
    new DataView(full.buffer).setUint32(at, most + 1, true);
    expect(createReplyReader().read(full, 5)).toMatchObject({ code: 'plan-unreadable' });
  });

  test.each([
    ['another sequence number', REPLY_AT.sequence, 6],
    ['an unknown status', REPLY_AT.status, 99],
    ['one entry more than allowed', REPLY_AT.lengths, planEntriesMax + 1],
    ['more log lines than allowed', REPLY_AT.logLines, logLinesMax + 1],
    ['a log of another length', REPLY_AT.lengths + 4 * REPLY_SECTION_NAMES.indexOf('log'), 5],
  ])('refuses %s', (_, at, value) => {
    const bytes = reply.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    expect(createReplyReader().read(bytes, 5)).toMatchObject({ code: 'plan-unreadable' });
  });
});

test(
  'no descriptor is left behind, however a policy ends',
  async () => {
    const launch = launchChild(hostFile);
    const open = (): number => readdirSync('/proc/self/fd').length;
    const modes = ['echo', 'trap', 'refuse', 'lengths-lie', 'trap-in-configure'];
    const use = async (mode: string): Promise<void> => {
      const policy = await loadPolicy({ policy: component, settings: { mode }, launch });
      if (!policy.ok) return;
      await policy.value.evaluate(snapshotOf(10));
      await policy.value.close();
    };
    for (const mode of modes) await use(mode);
    const before = open();
    for (let i = 0; i < repetitions({ slice: 20, full: 200 }); i++) await use(modes[i % modes.length]!);
    expect(open()).toBe(before);
  },
  timeoutMs(120_000),
);

test(
  'a mutated component that is still admitted ends in a Result within its deadlines',
  async () => {
    const launch = launchChild(hostFile);
    const limits = { loadDeadlineMs: 3000, epochDeadlineMs: 300, memoryPagesMax: 64 };
    const bytes = fc.array(fc.tuple(fc.nat(component.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(bytes, async (edits) => {
        const mutant = component.slice();
        for (const [at, value] of edits) mutant[at] = value;
        const policy = await loadPolicy({ policy: mutant, launch, limits });
        if (!policy.ok) return;
        await policy.value.evaluate(snapshotOf(100));
        await policy.value.close();
      }),
      { numRuns: repetitions({ slice: 40, full: 5000 }) },
    );
  },
  timeoutMs(120_000),
);
