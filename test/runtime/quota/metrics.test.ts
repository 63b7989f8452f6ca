import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { metricBytesMax } from '../../../runtime/limits.ts';
import { openMetric } from '../../../runtime/quota/metrics.ts';
import { createMetricFiles, meminfoOf, PRESSURE, type MetricFiles } from './metric-files.ts';

let files: MetricFiles;
beforeEach(() => (files = createMetricFiles()));
afterEach(() => files.remove());

const shareOf = (metric: 'free-share' | 'used-share', node: number) =>
  openMetric({ metric, node, target: 0.1 }, files.root);
const stalls = () => openMetric({ metric: 'psi-memory-some', target: 0.1 }, files.root);

const MISSING = { ok: false, code: 'quota-metric-missing' };

describe('the memory of a node', () => {
  test('is free or used', () => {
    files.setMemory(0, 1000, 900);
    files.setMemory(1, 1000, 250);
    expect(shareOf('free-share', 1)(0)).toEqual({ ok: true, value: 0.25 });
    expect(shareOf('used-share', 1)(0)).toEqual({ ok: true, value: 0.75 });
  });

  test.each([
    ['has no memory', 'Node 3 MemTotal:              0 kB\nNode 3 MemFree:               0 kB\n'],
    ['says no total', 'Node 3 MemFree:              10 kB\n'],
    ['says nothing free', 'Node 3 MemTotal:             10 kB\n'],
    ['says what cannot be', 'Node 3 MemTotal:             10 kB\nNode 3 MemFree:              11 kB\n'],
    ['says nothing', ''],
  ])('a node that %s is a failure that names the file and what to do', (_, text) => {
    files.write(meminfoOf(3), text);
    const read = shareOf('free-share', 3)(0);
    expect(read).toMatchObject(MISSING);
    expect(read).toHaveProperty(
      'message',
      expect.stringMatching(/node3\/meminfo .*; name a node that has memory/),
    );
  });

  test('no such node', () => {
    expect(shareOf('used-share', 7)(0)).toMatchObject(MISSING);
  });

  test('is looked for in so many bytes and no more', () => {
    const lines = 'Node 3 MemTotal:             10 kB\nNode 3 MemFree:               5 kB\n';
    files.write(meminfoOf(3), lines.padStart(metricBytesMax));
    expect(shareOf('free-share', 3)(0)).toEqual({ ok: true, value: 0.5 });
    files.write(meminfoOf(3), lines.padStart(metricBytesMax + 3));
    expect(shareOf('free-share', 3)(0)).toMatchObject(MISSING);
  });
});

describe('memory pressure', () => {
  test('is the share of time stalled since the last look', () => {
    const read = stalls();
    files.setStalledUs(5_000_000);
    expect(read(1000)).toEqual({ ok: true, value: undefined });
    files.setStalledUs(5_100_000);
    expect(read(2000)).toEqual({ ok: true, value: 0.1 });
    expect(read(4000)).toEqual({ ok: true, value: 0 });
    files.setStalledUs(9_100_000);
    expect(read(6000)).toEqual({ ok: true, value: 1 });
  });

  test('no time has passed, or less than none: nothing can be said yet', () => {
    const read = stalls();
    files.setStalledUs(0);
    read(1000);
    files.setStalledUs(500_000);
    expect(read(1000)).toEqual({ ok: true, value: undefined });
    expect(read(500)).toEqual({ ok: true, value: undefined });
    files.setStalledUs(1_000_000);
    expect(read(1500)).toEqual({ ok: true, value: 0.5 });
  });

  test('a counter that was set back stalls nobody', () => {
    const read = stalls();
    files.setStalledUs(900_000);
    read(1000);
    files.setStalledUs(0);
    expect(read(2000)).toEqual({ ok: true, value: 0 });
  });

  test.each(['', 'full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n', 'some avg10=0.00\n'])(
    'a file that is there and says %j is as good as none',
    (text) => {
      files.write(PRESSURE, text);
      expect(stalls()(0)).toMatchObject({ ...MISSING, message: expect.stringContaining('psi=1') });
    },
  );

  test('a file that cannot be read at all is a failure too', () => {
    expect(stalls()(0)).toMatchObject(MISSING);
    files.write(`${PRESSURE}/some`, 'a folder');
    expect(stalls()(0)).toMatchObject(MISSING);
  });
});
