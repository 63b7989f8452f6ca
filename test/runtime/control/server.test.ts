import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { failure, success, type Result } from '../../../executor/result.ts';
import { createFrameReader, encodeFrame } from '../../../executor/wire/frames.ts';
import { connectControl, type ControlClient } from '../../../runtime/control/client.ts';
import { serveControl, type ControlServer } from '../../../runtime/control/server.ts';
import { controlMessageBytesMax, controlTextUnitsMax } from '../../../runtime/limits.ts';
import { createRecorder, someScope, someShadow, somePolicy, someStatus } from './some-status.ts';

const root = mkdtempSync(path.join(tmpdir(), 'terrace-control-'));
const open: { close(): unknown }[] = [];
let folders = 0;

afterEach(async () => {
  for (const opened of open.splice(0).toReversed()) await opened.close();
});
afterAll(() => rmSync(root, { recursive: true }));

const newFolder = () => path.join(root, `f${folders++}`);
const socketIn = (folder: string) => path.join(folder, 'terrace.sock');

function kept<T extends { close(): unknown }>(opened: Result<T>): T {
  if (!opened.ok) throw new Error(opened.message);
  open.push(opened.value);
  return opened.value;
}

const idle = () => createRecorder(someStatus(someScope('batch')));

async function serve(socketPath: string, operator = idle()): Promise<ControlServer> {
  return kept(await serveControl({ socketPath, operator }));
}

async function connect(socketPath: string): Promise<ControlClient> {
  return kept(await connectControl(socketPath));
}

describe('a served operator', () => {
  test('is asked what the client asks, and answers it', async () => {
    const at = socketIn(newFolder());
    const operator = idle();
    await serve(at, operator);
    const client = await connect(at);
    expect(await client.status()).toEqual(success(operator.now));
    const request = {
      scope: 'batch',
      policy: '/a/b.wasm',
      settings: { hot: 2, on: true, note: 'é' },
      trialEpochs: 0,
    };
    expect(await client.switchPolicy(request)).toEqual(success('switch it is'));
    expect(await client.switchPolicy({ policy: 'heat@1.0.0' })).toEqual(success('switch it is'));
    expect(await client.rollback('batch')).toEqual(success('rollback it is'));
    expect(await client.pause()).toEqual(success('pause it is'));
    expect(await client.resume('batch')).toEqual(success('resume it is'));
    expect(await client.reload()).toEqual(success('reload it is'));
    expect(await client.pause('nowhere')).toEqual(failure('scope-unknown', 'there is no scope nowhere'));
    expect(operator.asked).toEqual([
      ['switch', request],
      ['switch', { policy: 'heat@1.0.0' }],
      ['rollback', 'batch'],
      ['pause', undefined],
      ['resume', 'batch'],
      ['reload'],
      ['pause', 'nowhere'],
    ]);
  });

  test('is not asked what is malformed', async () => {
    const at = socketIn(newFolder());
    const operator = idle();
    await serve(at, operator);
    const client = await connect(at);
    expect(await client.switchPolicy({ policy: 'here.wasm' })).toMatchObject({ code: 'request-malformed' });
    expect(operator.asked).toEqual([]);
  });

  test('a request or a status beyond a message is refused, and the next one is answered', async () => {
    const at = socketIn(newFolder());
    const operator = idle();
    await serve(at, operator);
    const client = await connect(at);
    const tooLarge = { ok: false, code: 'frame-too-large' };
    expect(await client.switchPolicy({ policy: 'a'.repeat(controlMessageBytesMax) })).toMatchObject(tooLarge);
    const small = operator.now;
    const refused = 'x'.repeat(controlMessageBytesMax);
    operator.now = { ...small, config: { ...small.config, refused } };
    expect(await client.status()).toMatchObject(tooLarge);
    operator.now = small;
    expect(await client.status()).toEqual(success(small));
  });

  test('the server itself reads no more than a message', async () => {
    const at = socketIn(newFolder());
    await serve(at);
    const answered = await talkRaw(
      at,
      Uint8Array.of(...new Uint8Array(Uint32Array.of(controlMessageBytesMax + 1).buffer)),
    );
    expect(answered).toMatchObject([{ id: 0, ok: false, code: 'frame-too-large' }]);
  });

  test('many scopes with shadows and long texts fit a message', async () => {
    const at = socketIn(newFolder());
    const fault = { code: 'trapped', message: 'x'.repeat(controlTextUnitsMax) };
    const shadows = ['a', 'b', 'c'].map((name) => someShadow(somePolicy(name, '1.0.0'), { fault }));
    const scopes = Array.from({ length: 32 }, (_, i) => someScope(`scope-${i}`, { shadows, fault }));
    const operator = createRecorder(someStatus(...scopes));
    await serve(at, operator);
    expect(await (await connect(at)).status()).toEqual(success(operator.now));
  });
});

/** Sends bytes and collects what is answered until the other side hangs up. */
async function talkRaw(at: string, bytes: Uint8Array): Promise<unknown[]> {
  const socket = createConnection(at);
  open.push({ close: () => socket.destroy() });
  socket.write(bytes);
  const reader = createFrameReader();
  const messages: unknown[] = [];
  for await (const chunk of socket as AsyncIterable<Uint8Array>)
    for (const message of reader.read(chunk)) messages.push(message.ok ? message.value : message);
  return messages;
}

describe('the folder', () => {
  const mode = (at: string) => lstatSync(at).mode & 0o7777;
  const attempt = (folder: string, uid?: number) =>
    serveControl({ socketPath: socketIn(folder), operator: idle(), ...(uid !== undefined && { uid }) });

  test('is made for its owner alone, and the socket goes when the server does', async () => {
    const folder = newFolder();
    const server = await serve(socketIn(folder));
    expect(mode(folder)).toBe(0o700);
    expect(mode(socketIn(folder))).toBe(0o660);
    await server.close();
    expect(existsSync(socketIn(folder))).toBe(false);
    await serve(socketIn(folder));
  });

  test.each([0o700, 0o710, 0o750, 0o770, 0o2750])('of mode %o is taken as it is', async (wanted) => {
    const folder = newFolder();
    mkdirSync(folder);
    chmodSync(folder, wanted);
    await serve(socketIn(folder));
    expect(mode(folder)).toBe(wanted);
  });

  test.each([0o701, 0o702, 0o704, 0o755, 0o777, 0o1777])('of mode %o is too open', async (wanted) => {
    const folder = newFolder();
    mkdirSync(folder);
    chmodSync(folder, wanted);
    const refused = await attempt(folder);
    expect(refused).toMatchObject({ ok: false, code: 'control-folder-open' });
    expect(refused).toMatchObject({ message: expect.stringContaining(`chmod o= ${folder}`) });
    expect(existsSync(socketIn(folder))).toBe(false);
  });

  test('belongs to nobody else', async () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o700 });
    if (process.getuid!() === 0) chownSync(folder, 4242, 4242);
    const owner = lstatSync(folder).uid;
    expect(await attempt(folder, owner + 1)).toMatchObject({ ok: false, code: 'control-folder-open' });
    kept(await attempt(folder, owner));
  });

  test('is a folder, not a link to one, and not made out of nothing', async () => {
    const [folder, link, file] = [newFolder(), newFolder(), newFolder()];
    mkdirSync(folder, { mode: 0o700 });
    symlinkSync(folder, link);
    writeFileSync(file, '');
    for (const at of [link, file, path.join(newFolder(), 'below')])
      expect(await attempt(at)).toMatchObject({ ok: false, code: 'control-folder-unusable' });
  });

  test('of a daemon that runs stays its own', async () => {
    const folder = newFolder();
    await serve(socketIn(folder));
    expect(await attempt(folder)).toMatchObject({ ok: false, code: 'socket-in-use' });
  });
});

describe('a client', () => {
  test('finds no daemon, and says how to start one', async () => {
    const found = await connectControl(socketIn(newFolder()));
    expect(found).toMatchObject({ ok: false, code: 'daemon-unreachable' });
    expect(found).toMatchObject({ message: expect.stringContaining('terrace run --config FILE') });
  });

  test('outlives a daemon, and asks the next one', async () => {
    const at = socketIn(newFolder());
    const first = await serve(at);
    const client = await connect(at);
    expect(await client.pause()).toMatchObject({ ok: true });
    await first.close();
    expect(await client.pause()).toMatchObject({ ok: false, code: 'daemon-unreachable' });
    await serve(at);
    expect(await client.pause()).toMatchObject({ ok: true });
  });

  test.each([
    ['another shape', success({ ...someStatus(), pid: 'four' })],
    ['a code that is none', failure('weather', 'rain')],
  ])('takes %s for no daemon', async (_, reply) => {
    const at = await imitate(reply);
    expect(await (await connect(at)).status()).toMatchObject({ ok: false, code: 'daemon-unreachable' });
  });

  test('makes the words of a refusal one line', async () => {
    const at = await imitate(failure('closing', 'soon\n\x1b[2J'));
    expect(await (await connect(at)).pause()).toEqual(failure('closing', 'soon  [2J'));
  });
});

/** Something at a socket that answers everything alike. */
async function imitate(reply: Result<unknown>): Promise<string> {
  const at = `${newFolder()}.sock`;
  const server = createServer((socket: Socket) => {
    const reader = createFrameReader();
    socket.on('data', (chunk: Uint8Array) => {
      for (const message of reader.read(chunk)) {
        const { id } = (message as { value: { id: number } }).value;
        const frame = encodeFrame({ id, ...reply });
        if (frame.ok) socket.write(frame.value);
      }
    });
    open.push({ close: () => socket.destroy() });
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  open.push({ close: () => server.close() });
  return at;
}
