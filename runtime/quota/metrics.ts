import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { failure, success, type Result } from '../../executor/result.ts';
import { metricBytesMax } from '../limits.ts';
import type { Goal } from './quota.ts';

export type MetricFault = 'quota-metric-missing';

/** Reads a metric as a share from 0 to 1; undefined = it needs a second look. */
export type Metric = (nowMs: number) => Result<number | undefined, MetricFault>;

/** @param root of the file system that has /proc and /sys; `/` live */
export function openMetric(goal: Goal, root: string): Metric {
  if (goal.metric === 'psi-memory-some') return openStalls(root);
  const { metric, node } = goal;
  return () => {
    const free = readFreeShare(root, node);
    return free.ok && metric === 'used-share' ? success(1 - free.value) : free;
  };
}

/** Source: /sys/devices/system/node/nodeN/meminfo. A node may have CPUs and no memory. */
function readFreeShare(root: string, node: number): Result<number, MetricFault> {
  const file = join(root, `sys/devices/system/node/node${node}/meminfo`);
  const text = readStart(file);
  const totalKib = Number(/ MemTotal: +(\d+) kB/.exec(text)?.[1] ?? 0);
  const freeKib = Number(/ MemFree: +(\d+) kB/.exec(text)?.[1] ?? Number.NaN);
  if (totalKib > 0 && freeKib <= totalKib) return success(freeKib / totalKib);
  return missing(file, 'MemTotal and MemFree', 'name a node that has memory');
}

/**
 * The share of time since the last look in which some task waited for memory. Where pressure is not counted the
 * file may be there all the same and refuse to be read. Source: /proc/pressure/memory, proc_pressure(5), in µs.
 */
function openStalls(root: string): Metric {
  const file = join(root, 'proc/pressure/memory');
  let last: { readonly stalledUs: number; readonly atMs: number } | undefined;
  return (nowMs) => {
    const total = /^some .*total=(\d+)/m.exec(readStart(file))?.[1];
    if (total === undefined)
      return missing(file, 'a line "some … total="', 'boot with psi=1 and a kernel that has CONFIG_PSI');
    const before = last;
    last = { stalledUs: Number(total), atMs: nowMs };
    if (!before || nowMs <= before.atMs) return success(undefined);
    const share = (last.stalledUs - before.stalledUs) / 1000 / (nowMs - before.atMs);
    return success(Math.min(1, Math.max(0, share)));
  };
}

function missing(file: string, what: string, advice: string) {
  return failure(
    'quota-metric-missing',
    `${file} does not say ${what}, so the quota keeps its rate; ${advice}, or take the goal out`,
  );
}

/** One read: it answers files of /proc and /sys whole. Empty where it cannot be read; anything but a system error is a bug. */
function readStart(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = Buffer.alloc(metricBytesMax);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
