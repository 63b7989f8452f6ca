import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectSensor } from '../../../runtime/telemetry/sensor-client.ts';
import { readSample } from '../../../runtime/telemetry/sensor-messages.ts';
import { sampleOf } from '../samples.ts';
import { createProcTree, EXCLUSIVE, PRESENT, type ProcTree } from './proc-tree.ts';

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

  test.each([
    [[], 'arguments-missing'],
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
