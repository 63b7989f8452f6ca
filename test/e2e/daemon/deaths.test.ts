import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { descendants, isAlive, until, type Running } from '../../daemon/daemon-process.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = openStage();
});
afterEach(() => stage.end());

/** A daemon whose executor and sensor are processes of their own: each plays the same machine. */
async function begin() {
  const elsewhere = path.join(stage.folder, 'elsewhere');
  mkdirSync(elsewhere);
  const executor = path.join(elsewhere, 'executor.sock');
  stage.write({ batch: stage.scope() }, { top: { executor } });
  const [services, sensors] = [await stage.serveIn(elsewhere), await stage.serve()];
  const daemon = await stage.run();
  await stage.epochs(2);
  const serveAgain = { executor: () => stage.serveIn(elsewhere), sensor: () => stage.serve() };
  return { daemon, executor: services, sensor: sensors, serveAgain };
}

const hostsOf = ({ child }: Running) => descendants(child.pid!);

describe('epochs fail while it is gone, and go on when it is back:', () => {
  test.each(['executor', 'sensor'] as const)('the %s, by SIGKILL', async (who) => {
    const processes = await begin();
    const before = await stage.of();
    expect(before.fault).toBeUndefined();
    await processes[who].end('SIGKILL');
    await until(async () => (await stage.of()).fault?.code === `${who}-unreachable`, 'epochs fail');
    await stage.epochs(3);
    const during = await stage.of();
    expect(during.fault?.code).toBe(`${who}-unreachable`);
    expect(during.duty).toBe('chosen');
    await processes.serveAgain[who]();
    await until(async () => (await stage.of()).fault === undefined, 'epochs go on');
    const { failed } = (await stage.of()).totals;
    await stage.epochs(3);
    const after = await stage.of();
    expect(after.totals.failed).toBe(failed);
    expect([after.active, after.regions, after.lastSwitch]).toEqual([
      before.active,
      before.regions,
      undefined,
    ]);
    expect((await stage.status()).pid).toBe(processes.daemon.child.pid);
    // Told when it began and when it ended, not every time.
    const lines = processes.daemon.said().split('\n');
    expect(lines.filter((line) => line.includes(`${who}-unreachable`))).toHaveLength(2);
  });
});

test('a policy’s host, by SIGKILL: one epoch is lost, and a fresh host decides', async () => {
  const { daemon } = await begin();
  const [host, ...others] = hostsOf(daemon);
  expect(others).toEqual([]);
  process.kill(host!, 'SIGKILL');
  await until(async () => (await stage.of()).totals.failed > 0, 'an epoch is lost');
  await until(async () => (await stage.of()).fault === undefined, 'a fresh host answers');
  await stage.epochs(3);
  expect(await stage.of()).toMatchObject({ duty: 'chosen', totals: { failed: 1 } });
  expect(isAlive(host!)).toBe(false);
  expect(hostsOf(daemon)).toHaveLength(1);
});

describe('the daemon', () => {
  test('by SIGTERM ends with 0, its hosts before it, and takes its socket away', async () => {
    const { daemon } = await begin();
    await stage.terrace('policy', 'switch', 'hold', '--epochs', '1000', '--no-wait');
    await until(() => hostsOf(daemon).length === 2, 'a second host is there');
    const hosts = hostsOf(daemon);
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(hosts.filter(isAlive)).toEqual([]);
    expect(existsSync(stage.control)).toBe(false);
    expect(daemon.said()).toContain('batch: hold abandoned: the daemon ended');
  });

  test('by SIGTERM while its executor stands still ends all the same', async () => {
    const { daemon, executor } = await begin();
    executor.child.kill('SIGSTOP');
    const began = performance.now();
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(performance.now() - began).toBeLessThan(60_000);
  });

  test('by SIGKILL: its hosts end by themselves, and the next one starts at the same sockets', async () => {
    const { daemon } = await begin();
    const hosts = hostsOf(daemon);
    expect(hosts).toHaveLength(1);
    await daemon.end('SIGKILL');
    await until(() => !hosts.some(isAlive), 'its hosts have ended');
    expect(existsSync(stage.control)).toBe(true);
    const next = await stage.run();
    await stage.epochs(2);
    expect((await stage.status()).pid).toBe(next.child.pid);
    expect((await stage.of()).totals.failed).toBe(0);
  });

  test('refuses to serve where another one does, which goes on', async () => {
    const { daemon } = await begin();
    await expect(stage.run()).rejects.toThrow(/ended with 1: .*terrace: socket-in-use: /s);
    await stage.epochs(2);
    expect((await stage.status()).pid).toBe(daemon.child.pid);
  });
});
