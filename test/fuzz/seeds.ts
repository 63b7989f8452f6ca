import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame } from '../../executor/wire/frames.ts';
import { zooFolder } from '../../runtime/policy/open.ts';
import { encodeReply } from '../../runtime/policy/host/channel.ts';
import { readPolicy } from '../../runtime/policy/parse/read-policy.ts';
import { FRAME, appendFrame } from '../../runtime/policy/recording/frames.ts';
import { encodeSettings } from '../../runtime/policy/settings-payload.ts';
import { REQUEST_BYTES, STATUS } from '../../runtime/policy/wire.ts';
import { somePlan } from '../executor/some-plan.ts';
import { CORPUS } from '../runtime/policy/hostile/corpus.ts';
import { MANIFEST } from '../runtime/policy/specimen.ts';
import { encodePgt2 } from '../runtime/trace/encode-pgt.ts';
import { seedCodes } from './seed-codes.ts';

/** A byte that targets take for the size of pieces. */
const PIECE = 16;

/** What a target's first run begins with: whatever the project itself writes, and what is known to be hostile. */
export const SEEDS: Readonly<Record<string, () => readonly Uint8Array[]>> = {
  policy: components,
  core: () => components().flatMap(coreOf),
  code: seedCodes,
  reply: replies,
  host: answers,
  wire: messages,
  recording: () => [recording()],
  json: texts,
  trace: traces,
};

function zoo(): Uint8Array[] {
  return readdirSync(zooFolder)
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => readFileSync(join(zooFolder, file)));
}

function components(): Uint8Array[] {
  const hostile = Object.values(CORPUS).flatMap((group) => group.map(({ policy }) => policy()));
  return [...zoo(), ...hostile];
}

function coreOf(component: Uint8Array): Uint8Array[] {
  const policy = readPolicy(component, 65_536);
  return policy.ok ? [policy.value.core] : [];
}

function replies(): Uint8Array[] {
  const log = { lines: [{ level: 2, text: Buffer.from('hot') }], dropped: 1 };
  const rows = { regions: Buffer.alloc(12, 1), targets: Buffer.of(1, 0, 1) };
  const full = {
    ...{ ...rows, priorities: Buffer.alloc(6), reasons: Buffer.alloc(3), headroom: Buffer.alloc(8) },
    wishes: Buffer.alloc(8),
  };
  const bodies = [
    rows,
    full,
    { fault: Buffer.from('unreachable') },
    { state: Buffer.alloc(9), globals: Buffer.alloc(16) },
  ];
  return bodies.map((body) =>
    Buffer.concat([[PIECE], encodeReply(7, STATUS.ok, log, body)].map((b) => Buffer.from(b))),
  );
}

/** A pointer, a number of settings, and memory: lists of nothing, a plan of one region, settings. */
function answers(): Uint8Array[] {
  const { settings } = MANIFEST;
  const payload = encodeSettings(
    settings,
    Object.fromEntries(settings.map((each) => [each.name, each.default])),
  );
  const plan = Buffer.alloc(80);
  [64, 1, 68, 1].forEach((word, i) => plan.writeUInt32LE(word, i * 4));
  const head = (count: number): Buffer => Buffer.of(0, 0, 0, 0, count, 0, 0, 0);
  return [
    Buffer.concat([head(0), Buffer.alloc(48)]),
    Buffer.concat([head(0), plan]),
    Buffer.concat([head(settings.length), payload]),
  ];
}

function messages(): Uint8Array[] {
  const plan = { ...somePlan(3), headroom: [{ node: 0, pages: 9 }] };
  const rows = {
    ...{ owner: new Uint16Array(2), pageNumber: Float64Array.of(4, 9), pages: Uint32Array.of(2, 1) },
    ...{ node: new Uint8Array(2), accesses: new Uint32Array(2), writes: new Uint32Array(2) },
    ...{ flags: new Uint8Array(2), coverage: new Uint8Array(2).fill(255) },
  };
  const frames = {
    entry: Uint32Array.of(1),
    from: Float64Array.of(7),
    to: Float64Array.of(8),
    pages: Uint32Array.of(1),
  };
  const outcome = {
    ...{ epoch: 1, verdicts: Uint8Array.of(1, 2), movedPages: Uint32Array.of(1, 0), calls: 1, callNs: 1000 },
    ...{ flows: [{ from: 1, to: 0, pages: 1 }], frames },
  };
  const node = {
    node: 0,
    tier: 0,
    hasCpus: true,
    capacity: 9,
    room: 8,
    budget: 7,
    latencyNs: 0,
    bandwidthMib: 0,
    moveCostNs: 8.5,
  };
  const paths = { requests: '/run/a', replies: '/run/b', diagnostics: '/run/c', shared: '/run/d' };
  const report = { held: ['seccomp'], missing: [{ belt: 'user', why: 'no root' }], landlockAbi: 4 };
  const ok = (value: unknown): object => ({ id: 1, ok: true, value });
  const all: readonly unknown[] = [
    { id: 1, kind: 'budgets', scope: 'tenant' },
    { id: 2, kind: 'check', plan },
    { id: 3, kind: 'submit', plan: { ...plan, owners: [], space: new Uint8Array(3).fill(1) } },
    ok({ topologyGeneration: 5, members: { kind: 'uid', uid: 0 }, nodes: [node] }),
    ok(outcome),
    { id: 1, kind: 'next' },
    ok({ lengthMs: 100, samplingPeriod: 1, space: 0, owners: plan.owners, rows }),
    { id: 1, kind: 'start' },
    { id: 2, kind: 'kill', host: 1 },
    ok({ host: 1, paths, report }),
    { event: 'exited', host: 1, code: null, signal: 'SIGKILL', outOfMemory: true },
    { id: 1, ok: false, code: 'permission-missing', message: 'no' },
  ];
  return all.flatMap((message) => {
    const frame = encodeFrame(message);
    if (!frame.ok) throw new Error(frame.message);
    return [
      Buffer.concat([Buffer.of(PIECE), frame.value]),
      Buffer.concat([Buffer.of(PIECE), frame.value.subarray(4)]),
    ];
  });
}

function recording(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-seed-'));
  const [path, request] = [join(folder, 'a.trec'), new Uint8Array(REQUEST_BYTES)];
  const file = openSync(path, 'wx');
  const hash = '0123456789abcdef'.repeat(4);
  const start = {
    name: 'hold',
    version: '1.0.0',
    digest: hash,
    settings: { a: 1 },
    memoryPagesMax: 16,
    node: 'v26.1.0',
  };
  appendFrame(file, FRAME.start, start, [Buffer.alloc(16)]);
  appendFrame(file, FRAME.checkpoint, { memoryPages: 2, pages: [0], globals: 1 }, [Buffer.alloc(8)]);
  appendFrame(file, FRAME.request, {}, [request]);
  appendFrame(file, FRAME.answer, { status: 0, fuel: 9, hash });
  appendFrame(file, FRAME.answer, { status: 'policy-overran', fuel: 0, hash: '' });
  closeSync(file);
  const bytes = readFileSync(path);
  rmSync(folder, { recursive: true });
  return bytes;
}

function texts(): Uint8Array[] {
  const members = { kind: 'cgroup', path: '/a' };
  const all = [
    {
      readable: ['/usr/lib'],
      user: { uid: 9, gid: 9 },
      cgroup: '/c',
      descriptorsMax: 64,
      required: ['seccomp'],
    },
    {
      ...{ folder: '/run/t', runtime: { uid: 990, gid: 991 }, hosts: { uidFirst: 1000, countMax: 8 } },
      ...{
        cgroup: { parent: '/c', memoryBytesMax: 2 ** 30, pidsMax: 32 },
        node: '/n',
        host: '/h',
        flags: ['--x'],
      },
    },
    {
      scopes: {
        web: {
          members,
          nodes: { '0': { pagesMax: 9 }, '1': {} },
          pairs: [[0, 1]],
          pagesPerEpochMax: 4,
          bytesPerSecondMax: 9,
        },
      },
      ...{
        reservePages: { '0': 1 },
        headroomPagesMax: 6,
        protectedPids: [1],
        protectedCgroups: ['/s'],
        protectedUids: [0],
      },
      ...{
        backends: ['move_phys_pages', 'move_pages'],
        movePhysPages: { number: 480 },
        walkReverseMap: true,
      },
      ...{ callLatencyTargetMs: 20, allow: { mlocked: true }, partialHuge: 'round' },
      ...{ journal: { path: '/j', bytesMax: 2 ** 20 }, topology: { '3': { tier: 2, latencyNs: 900 } } },
    },
    MANIFEST,
  ];
  return all.map((each) => Buffer.from(JSON.stringify(each)));
}

/** Of two pages; twice the same; one page, and a range, behind the last that can be. */
function traces(): Uint8Array[] {
  const row = { pageNumber: 5, loads: 300, stores: 1 };
  const far = Array.from({ length: 9 }, (_, i) => ({ ...row, pageNumber: (i + 1) * (2 ** 49 - 1) }));
  const range = { pageNumber: 1, pages: 2 };
  const epochs = [
    { rows: [row, { ...row, pageNumber: 7 }], freed: [range] },
    { rows: [row, row], freed: [] },
    { rows: far, freed: [] },
    { rows: [], freed: far.map(({ pageNumber }) => ({ pageNumber, pages: 1 })) },
  ];
  return epochs.map((epoch) => encodePgt2([epoch, { rows: [], freed: [] }]));
}
