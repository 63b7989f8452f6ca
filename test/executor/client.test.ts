import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Socket, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { connectExecutor } from '../../executor/client.ts';
import type { Executor } from '../../executor/executor.ts';
import type { BoundPlan, Outcome } from '../../executor/plan.ts';
import { failure, success } from '../../executor/result.ts';
import type { FrameServer } from '../../executor/wire/frame-server.ts';
import { serveExecutor } from '../../executor/server.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { createFrameReader, encodeFrame } from '../../executor/wire/frames.ts';
import { endProcess, makeFolder, startHolder } from './held-memory.ts';
import { somePlan } from './some-plan.ts';

const MEMBERS = { kind: 'cgroup', path: '/batch' } as const;

const folder = makeFolder();
const open: { close(): unknown }[] = [];
let sockets = 0;

const newSocketPath = () => join(folder.path, `s${sockets++}`);
const later = <T extends { close(): unknown }>(opened: T): T => {
  open.unshift(opened);
  return opened;
};

afterEach(async () => {
  for (const opened of open.splice(0)) await opened.close();
});
afterAll(folder.remove);

function outcomeOf(plan: BoundPlan): Outcome {
  const entries = plan.target.length;
  const verdicts = new Uint8Array(entries).fill(VERDICT['in-place']);
  return {
    epoch: plan.epoch,
    verdicts,
    movedPages: new Uint32Array(entries),
    flows: [],
    frames: {
      ...{ entry: Uint32Array.of(0), from: Float64Array.of(700), to: Float64Array.of(2 ** 33) },
      pages: Uint32Array.of(512),
    },
    calls: 1,
    callNs: 5,
  };
}

/** An executor whose answers show what reached it. */
function answering(submit: Executor['submit'] = async (plan) => success(outcomeOf(plan))): Executor {
  return {
    budgets: async (scope) =>
      scope === 'tenant'
        ? success({ topologyGeneration: 1, members: MEMBERS, nodes: [] })
        : failure('scope-unknown', `no scope ${scope}`),
    check: submit,
    submit,
    async close() {},
  };
}

async function serve(executor: Executor, socketPath: string, connectionsMax = 16): Promise<FrameServer> {
  const server = await serveExecutor({ executor, socketPath, connectionsMax });
  if (!server.ok) throw new Error(server.message);
  return later(server.value);
}

async function connect(socketPath: string): Promise<Executor> {
  const client = await connectExecutor(socketPath);
  if (!client.ok) throw new Error(client.message);
  return later(client.value);
}

async function connectRaw(socketPath: string): Promise<Socket> {
  const socket = createConnection(socketPath);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return later(Object.assign(socket, { close: () => socket.destroy() }));
}

/** All messages until the other side hangs up, or until `count` came. */
async function readMessages(socket: Socket, count = Infinity): Promise<unknown[]> {
  const reader = createFrameReader();
  const messages: unknown[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    for (const message of reader.read(chunk)) messages.push(message.ok ? message.value : message);
    if (messages.length >= count) break;
  }
  return messages;
}

function frameOf(message: unknown): Uint8Array {
  const frame = encodeFrame(message);
  if (!frame.ok) throw new Error(frame.message);
  return frame.value;
}

describe('a client', () => {
  test('carries requests, outcomes and refusals', async () => {
    const path = newSocketPath();
    await serve(answering(), path);
    const client = await connect(path);
    const plan = somePlan(3);
    expect(await client.budgets('tenant')).toEqual(
      success({ topologyGeneration: 1, members: MEMBERS, nodes: [] }),
    );
    expect(await client.budgets('other')).toEqual(failure('scope-unknown', 'no scope other'));
    expect(await client.check(plan)).toEqual(success(outcomeOf(plan)));
    expect(await client.submit(plan)).toEqual(success(outcomeOf(plan)));
  });

  test('answers many requests made at once, in order', async () => {
    const path = newSocketPath();
    const seen: number[] = [];
    await serve(
      answering(async (plan) => {
        seen.push(plan.target.length);
        return success(outcomeOf(plan));
      }),
      path,
    );
    const client = await connect(path);
    const sizes = [5, 1, 4, 2, 3];
    const outcomes = await Promise.all(sizes.map((size) => client.submit(somePlan(size))));
    expect(outcomes.map((outcome) => outcome.ok && outcome.value.verdicts.length)).toEqual(sizes);
    expect(seen).toEqual(sizes);
  });

  test('finds no executor', async () => {
    expect(await connectExecutor(newSocketPath())).toMatchObject({ ok: false, code: 'executor-unreachable' });
  });

  test('refuses a plan beyond the frame without sending it', async () => {
    const path = newSocketPath();
    await serve(answering(), path);
    const client = await connect(path);
    expect(await client.submit(somePlan(2_000_000))).toMatchObject({ ok: false, code: 'frame-too-large' });
    expect(await client.submit(somePlan(1))).toMatchObject({ ok: true });
  });

  test('reports a connection that breaks mid-request once, then connects anew', async () => {
    const path = newSocketPath();
    let submits = 0;
    const dying = createServer((socket) => {
      socket.once('data', () => {
        submits++;
        socket.destroy();
      });
    });
    dying.listen(path);
    await once(dying, 'listening');
    const client = await connect(path);
    expect(await client.submit(somePlan(1))).toMatchObject({ ok: false, code: 'executor-unreachable' });
    expect(submits).toBe(1);
    dying.close();
    await once(dying, 'close');
    expect(await client.submit(somePlan(1))).toMatchObject({ ok: false, code: 'executor-unreachable' });
    await serve(answering(), path);
    expect(await client.submit(somePlan(1))).toMatchObject({ ok: true });
  });

  test.each([
    ['noise', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a reply to nothing asked', frameOf({ id: 77, ok: true, value: 1 })],
    ['an outcome for another plan', frameOf({ id: 1, ok: true, value: outcomeOf(somePlan(9)) })],
    ['a fault that is none', frameOf({ id: 1, ok: false, code: 'constructor', message: '' })],
  ])('takes %s for no executor', async (_, reply) => {
    const path = newSocketPath();
    const stranger = later(
      createServer((socket) => void socket.on('error', () => {}).once('data', () => socket.write(reply))),
    );
    stranger.listen(path);
    await once(stranger, 'listening');
    const client = await connect(path);
    expect(await client.submit(somePlan(1))).toMatchObject({ ok: false, code: 'executor-unreachable' });
  });

  test('is of no use once closed', async () => {
    const path = newSocketPath();
    await serve(answering(), path);
    const client = await connect(path);
    await client.close();
    expect(await client.budgets('tenant')).toMatchObject({ ok: false, code: 'executor-unreachable' });
  });
});

describe('a server', () => {
  test('answers one request at a time, whoever asks', async () => {
    const path = newSocketPath();
    let running = 0;
    let most = 0;
    await serve(
      answering(async (plan) => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        return success(outcomeOf(plan));
      }),
      path,
    );
    const clients = await Promise.all([connect(path), connect(path), connect(path)]);
    await Promise.all(clients.flatMap((client) => [client.submit(somePlan(1)), client.submit(somePlan(1))]));
    expect(most).toBe(1);
  });

  test('refuses what it does not know, and goes on', async () => {
    const path = newSocketPath();
    await serve(answering(), path);
    const socket = await connectRaw(path);
    socket.write(frameOf({ id: 5, kind: 'pause' }));
    socket.write(frameOf({ id: 6, kind: 'submit', plan: { ...somePlan(1), pages: null } }));
    socket.write(frameOf({ id: 7, kind: 'budgets', scope: 'tenant' }));
    expect(await readMessages(socket, 3)).toMatchObject([
      { id: 5, ok: false, code: 'request-unknown' },
      { id: 6, ok: false, code: 'plan-malformed' },
      { id: 7, ok: true },
    ]);
  });

  test.each([
    ['a frame too large', Uint8Array.of(0xff, 0xff, 0xff, 0x7f), 'frame-too-large'],
    ['a frame that does not decode', Uint8Array.of(1, 0, 0, 0, 0xc1), 'request-unknown'],
  ])('says why and hangs up on %s', async (_, bytes, code) => {
    const path = newSocketPath();
    await serve(answering(), path);
    const socket = await connectRaw(path);
    socket.write(bytes);
    expect(await readMessages(socket)).toMatchObject([{ id: 0, ok: false, code }]);
  });

  test('turns away connections beyond its bound', async () => {
    const path = newSocketPath();
    await serve(answering(), path, 2);
    const first = await connect(path);
    const second = await connect(path);
    const socket = await connectRaw(path);
    expect(await readMessages(socket)).toEqual([]);
    expect(await first.budgets('tenant')).toMatchObject({ ok: true });
    expect(await second.budgets('tenant')).toMatchObject({ ok: true });
  });

  test('takes the place of a dead one, never of a living one or of a file', async () => {
    const path = newSocketPath();
    await serve(answering(), path);
    expect(await serveExecutor({ executor: answering(), socketPath: path })).toMatchObject({
      code: 'socket-in-use',
    });
    const file = join(folder.path, 'file');
    writeFileSync(file, 'precious');
    expect(await serveExecutor({ executor: answering(), socketPath: file })).toMatchObject({
      code: 'socket-unusable',
    });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    const nowhere = join(folder.path, 'none', 's');
    expect(await serveExecutor({ executor: answering(), socketPath: nowhere })).toMatchObject({
      code: 'socket-unusable',
    });
  });

  test('finishes the request under way before it closes', async () => {
    const path = newSocketPath();
    const server = await serve(
      answering(async (plan) => {
        await new Promise(setImmediate);
        return success(outcomeOf(plan));
      }),
      path,
    );
    const client = await connect(path);
    const outcome = client.submit(somePlan(1));
    await client.budgets('tenant');
    const second = client.submit(somePlan(2));
    await new Promise(setImmediate);
    await server.close();
    expect(await outcome).toMatchObject({ ok: true });
    const last = await second;
    expect(last.ok || last.code === 'executor-unreachable').toBe(true);
    expect(existsSync(path)).toBe(false);
  });
});

const main = join(import.meta.dirname, '../../executor/main.ts');

interface Executing {
  readonly child: ChildProcess;
  /** Everything it said until it was ready or ended. */
  readonly said: string;
}

async function startMain(args: readonly string[]): Promise<Executing> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  later({ close: () => endProcess(child) });
  let said = '';
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    said += chunk.toString();
    if (said.includes('ready at')) break;
  }
  return { child, said };
}

function writeLimits(scopes: unknown): string {
  const path = join(folder.path, `limits${sockets++}.json`);
  writeFileSync(path, JSON.stringify({ scopes }));
  return path;
}

describe('the executor process', () => {
  test.each([
    ['without arguments', [], 'arguments-missing'],
    ['with a foreign argument', ['--force'], 'arguments-unknown'],
    [
      'without a limits file',
      ['--limits', '/none.json', '--socket', '/none', '--journal', '/none'],
      'file-missing',
    ],
  ])('%s: one line, exit 2', async (_, args, code) => {
    const { child, said } = await startMain(args);
    if (child.exitCode === null) await once(child, 'exit');
    expect(said).toMatch(new RegExp(`^terrace-executor: ${code}: .+\n$`));
    expect(child.exitCode).toBe(2);
  });

  test.each([
    ['no JSON', 'scopes:'],
    ['an unknown key', '{"scopes":{},"scpoes":{}}'],
  ])('with limits that are %s: one line, exit 2', async (_, text) => {
    const path = join(folder.path, 'bad.json');
    writeFileSync(path, text);
    const args = ['--limits', path, '--socket', newSocketPath(), '--journal', join(folder.path, 'j')];
    const { child, said } = await startMain(args);
    if (child.exitCode === null) await once(child, 'exit');
    expect(said).toMatch(/^terrace-executor: limits-malformed: .+\n$/);
    expect(child.exitCode).toBe(2);
  });

  // Frame numbers and kpageflags need rights that only root is sure to have.
  test.skipIf(process.getuid?.() !== 0)('budgets, checks and submits over its socket', async () => {
    const holder = later(Object.assign(await startHolder(join(folder.path, 'held')), { close: () => {} }));
    later({ close: () => holder.end() });
    const group = readFileSync(`/proc/${holder.ref.pid}/cgroup`, 'utf8').match(/^0::(.*)$/m)?.[1] ?? '/';
    const scope = { members: { kind: 'cgroup', path: group }, nodes: { 0: {} }, pagesPerEpochMax: 1_000 };
    const elsewhere = {
      members: { kind: 'uid', uid: 4_242 },
      nodes: { 0: { pagesMax: 10 } },
      pagesPerEpochMax: 1_000,
    };
    const [socketPath, journal] = [newSocketPath(), join(folder.path, 'journal')];
    const limits = writeLimits({ tenant: scope, elsewhere });
    const { child, said } = await startMain([
      '--limits',
      limits,
      '--socket',
      socketPath,
      '--journal',
      journal,
    ]);
    expect(said).toMatch(/^terrace-executor: ready at .+\n$/);
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);

    const client = await connect(socketPath);
    const budgets = await client.budgets('tenant');
    if (!budgets.ok) throw new Error(budgets.message);
    expect(budgets.value.nodes[0]).toMatchObject({ node: 0, tier: 0, hasCpus: true, budget: 1_000 });
    expect(await client.budgets('elsewhere')).toMatchObject({ ok: true });
    expect(await client.budgets('none')).toMatchObject({ ok: false, code: 'scope-unknown' });

    const { topologyGeneration } = budgets.value;
    const plan = somePlan(64, { owner: holder.ref, firstPage: holder.pages.plain, topologyGeneration });
    for (const outcome of [await client.check(plan), await client.submit(plan)]) {
      if (!outcome.ok) throw new Error(outcome.message);
      expect(new Set(outcome.value.verdicts)).toEqual(new Set([VERDICT['in-place']]));
      expect(outcome.value.flows).toEqual([]);
    }
    const verdictOf = async (change: Partial<BoundPlan>) => {
      const outcome = await client.submit({ ...plan, ...change });
      return outcome.ok ? [...new Set(outcome.value.verdicts)] : outcome.code;
    };
    expect(await verdictOf({ scope: 'elsewhere' })).toEqual([VERDICT['out-of-scope']]);
    expect(await verdictOf({ topologyGeneration: topologyGeneration ^ 1 })).toBe('stale-topology');
    await holder.end();
    expect(await verdictOf({})).toEqual([VERDICT['owner-gone']]);

    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(socketPath)).toBe(false);
    expect(
      readFileSync(journal, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"end"')).length,
    ).toBeGreaterThan(0);
    expect(await client.budgets('tenant')).toMatchObject({ ok: false, code: 'executor-unreachable' });
  });
});
