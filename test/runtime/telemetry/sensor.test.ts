import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import { SPACE } from '../../../executor/plan.ts';
import { connectSensor } from '../../../runtime/telemetry/sensor-client.ts';
import { readSample } from '../../../runtime/telemetry/sensor-messages.ts';
import { owner, sampleOf } from '../samples.ts';
import { createProcTree, EXCLUSIVE, PAGES_PER_BLOCK, PRESENT, type ProcTree } from './proc-tree.ts';

let tree: ProcTree;
beforeEach(() => {
  tree = createProcTree();
});
afterEach(() => tree.remove());

function startSensor(...args: readonly string[]) {
  const child = spawn(process.execPath, ['runtime/telemetry/sensor-main.ts', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.setEncoding('utf8');
  return child;
}

describe('the sensor process', () => {
  test('answers samples over its socket and goes when asked to', async () => {
    tree.addProcess(7, ['10000000-10004000 rw-p 00000000 00:00 0 [heap]']);
    tree.setPagemap(7, new Map([[0x10001, PRESENT | EXCLUSIVE | 5n]]));
    tree.setMembers([7]);
    const socket = path.join(tree.root, 'sensor.sock');
    const sensor = startSensor(
      '--root',
      tree.root,
      '--cgroup',
      '/work',
      '--socket',
      socket,
      '--sampling-period',
      '25',
    );
    const [ready] = (await once(sensor.stderr, 'data')) as [string];
    expect(ready).toBe(`terrace-sensor: ready at ${socket}\n`);
    const source = await connectSensor(socket);
    if (!source.ok) throw new Error(source.message);
    expect(await source.value.next()).toMatchObject({
      ok: true,
      value: {
        samplingPeriod: 25,
        owners: [{ pid: 7 }],
        rows: { pageNumber: Float64Array.of(0x10001), node: Uint8Array.of(0) },
      },
    });
    sensor.kill('SIGTERM');
    await once(sensor, 'exit');
    expect(await source.value.next()).toMatchObject({ ok: false, code: 'sensor-unreachable' });
    await source.value.close();
  });

  test('answers physical samples', async () => {
    const flags = new BigUint64Array(1_024).fill(BigInt(FRAME_LOW.buddy));
    flags.fill(BigInt(FRAME_LOW.lru), 5, 7);
    tree.write('sys/kernel/mm/page_idle/bitmap', '\0'.repeat(2 * (PAGES_PER_BLOCK / 8)));
    tree.write('proc/kpageflags', '');
    writeFileSync(path.join(tree.root, 'proc/kpageflags'), flags);
    const socket = path.join(tree.root, 'sensor.sock');
    const sensor = startSensor(
      ...['--root', tree.root, '--socket', socket, '--source', 'idle-pages', '--nodes', '0'],
    );
    await once(sensor.stderr, 'data');
    const source = await connectSensor(socket);
    if (!source.ok) throw new Error(source.message);
    await source.value.next();
    expect(await source.value.next()).toMatchObject({
      ok: true,
      value: {
        space: SPACE.physical,
        owners: [],
        rows: { pageNumber: Float64Array.of(5, 6), coverage: Uint8Array.of(255, 255) },
      },
    });
    tree.write('sys/devices/system/node/online', '1\n');
    expect(await source.value.next()).toMatchObject({ ok: false, code: 'node-missing' });
    sensor.kill('SIGTERM');
    await once(sensor, 'exit');
    await source.value.close();
  });

  const idle = ['--socket', '/nowhere/s', '--source', 'idle-pages'];
  test.each([
    [[], 'arguments-missing'],
    [['--socket', '/nowhere/s', '--uid', '5', '--source', 'guess'], 'arguments-invalid'],
    [['--socket', '/nowhere/s', '--uid', '5', '--mode', 'full'], 'arguments-invalid'],
    [[...idle, '--uid', '5'], 'arguments-invalid'],
    [[...idle, '--cgroup', 'work'], 'arguments-invalid'],
    [[...idle, '--nodes', '3-1'], 'arguments-invalid'],
    [[...idle, '--nodes', ''], 'arguments-invalid'],
    [[...idle, '--mode', 'half'], 'arguments-invalid'],
    [[...idle, '--sampling-share', '0.5'], 'arguments-invalid'],
    [[...idle, '--mode', 'sampled', '--sampling-share', '0'], 'arguments-invalid'],
    [[...idle, '--mode', 'sampled', '--sampling-share', '1.1'], 'arguments-invalid'],
    [[...idle, '--regions', 'pages'], 'arguments-invalid'],
    [[...idle, '--seed', '1.5'], 'arguments-invalid'],
    [[...idle, '--root', '/nowhere'], 'idle-tracking-missing'],
    [['--socket', '/nowhere/s', '--cgroup', '/a', '--uid', '5'], 'arguments-missing'],
    [['--socket', '/nowhere/s', '--uid', '5', '--sampling-period', '0'], 'arguments-invalid'],
    [['--what'], 'arguments-unknown'],
    [['--socket', '/nowhere/s', '--uid', '5'], 'socket-unusable'],
  ])('%j: one clear line and exit code 2', async (args, code) => {
    const sensor = startSensor(...args);
    let printed = '';
    sensor.stderr.on('data', (text: string) => (printed += text));
    const [exitCode] = (await once(sensor, 'close')) as [number];
    expect(printed).toMatch(new RegExp(`^terrace-sensor: ${code}: .+\\n$`));
    expect(exitCode).toBe(2);
  });
});

describe('readSample', () => {
  const physical = {
    ...sampleOf(
      [
        { owner: 0, page: 8, pages: 8 },
        { owner: 0, page: 16 },
      ],
      [],
    ),
    space: 1,
  };

  test('takes frames, which have no owners', () => {
    expect(readSample(physical)).toEqual(physical);
  });

  test.each([
    ['frames with owners', { ...physical, owners: [owner(1)] }],
    ['frames of an owner', { ...physical, rows: { ...physical.rows, owner: Uint16Array.of(0, 1) } }],
    ['overlapping frames', { ...physical, rows: { ...physical.rows, pages: Uint32Array.of(9, 1) } }],
    ['frames out of order', { ...physical, rows: { ...physical.rows, pageNumber: Float64Array.of(16, 8) } }],
    ['virtual pages without owners', { ...physical, space: 0 }],
  ])('refuses %s', (_, sample) => {
    expect(readSample(sample)).toBeUndefined();
  });

  const good = sampleOf([
    { owner: 0, page: 1 },
    { owner: 0, page: 3, pages: 2 },
    { owner: 2, page: 1 },
  ]);

  test('takes a sample as sources make them', () => {
    expect(readSample(good)).toEqual(good);
  });

  test.each([
    ['unsorted pages', { ...good, rows: { ...good.rows, pageNumber: Float64Array.of(3, 1, 1) } }],
    ['overlapping pages', { ...good, rows: { ...good.rows, pages: Uint32Array.of(3, 2, 1) } }],
    ['an owner out of range', { ...good, rows: { ...good.rows, owner: Uint16Array.of(0, 0, 3) } }],
    ['owners out of order', { ...good, rows: { ...good.rows, owner: Uint16Array.of(1, 1, 0) } }],
    ['an empty region', { ...good, rows: { ...good.rows, pages: Uint32Array.of(1, 0, 1) } }],
    ['a broken page number', { ...good, rows: { ...good.rows, pageNumber: Float64Array.of(1, 2.5, 1) } }],
    ['columns of different lengths', { ...good, rows: { ...good.rows, node: new Uint8Array(2) } }],
    ['a column of another type', { ...good, rows: { ...good.rows, node: new Uint16Array(3) } }],
    ['no sampling period', { ...good, samplingPeriod: 0 }],
    ['no rows', { ...good, rows: undefined }],
    ['no owner references', { ...good, owners: [1, 2, 3] }],
  ])('refuses %s', (_, sample) => {
    expect(readSample(sample)).toBeUndefined();
  });

  test('anything else is refused without an exception', () => {
    fc.assert(fc.property(fc.anything(), (value) => readSample(value) === undefined));
  });
});
