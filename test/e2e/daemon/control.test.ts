import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageVersion } from '../../../runtime/package-root.ts';
import { descendants, until, type Running } from '../../daemon/daemon-process.ts';
import { build, counter, writeVersion } from '../../runtime/reload/versions.ts';
import { openStage, TRIAL_EPOCHS } from './stage.ts';

const stage = openStage();
let daemon: Running;

beforeAll(async () => {
  stage.write({ batch: stage.scope(), web: stage.scope({ policy: 'hold' }, 'web') });
  await stage.serve('--scopes', 'batch,web');
  for (const version of ['1.0.0', '2.0.0'])
    await writeVersion(stage.policies, `counter@${version}`, ...counter(version));
  writeFileSync(path.join(stage.folder, 'moody.wasm'), await build('moody'));
  daemon = await stage.run();
});
afterAll(() => stage.end());

const policySwitch = (policy: string, ...more: readonly string[]) =>
  stage.terrace('policy', 'switch', policy, '--scope', 'batch', ...more);
const whoDecides = async () => {
  const { active, lastGood } = await stage.of();
  return [active.name, active.version, lastGood?.name];
};

test('status tells of a daemon that has just started', async () => {
  await until(async () => (await stage.of()).totals.movedPages > 0, 'something has moved');
  const { version, pid, startedMs, config, scopes } = await stage.status();
  expect({ version, pid }).toEqual({ version: packageVersion, pid: daemon.child.pid });
  expect(Date.now() - startedMs).toBeGreaterThan(0);
  expect(config).toEqual({ file: stage.config, loadedMs: startedMs });
  const [batch, web] = scopes;
  expect(batch).toMatchObject({
    ...{ scope: 'batch', paused: false, epochMs: 50, regions: 256, duty: 'chosen', shadows: [] },
    active: { name: 'heat', version: '1.0.0', digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    totals: { failed: 0 },
  });
  expect(batch!.active.sinceMs).toBeGreaterThanOrEqual(startedMs);
  const { movedPages, promotedPages, demotedPages } = batch!.totals;
  expect(promotedPages + demotedPages).toBe(movedPages);
  expect(batch!.fuel).toBeGreaterThan(0);
  expect(batch!.slowdowns!.policy).toBeGreaterThanOrEqual(1);
  expect(batch!.slowdowns!.hold).toBeGreaterThan(1);
  for (const each of [batch!, web!]) {
    expect([each.fault, each.lastGood, each.trial, each.lastSwitch]).toEqual(Array(4).fill(undefined));
    // One that is under way may be late already.
    expect(each.late).toBeLessThanOrEqual(each.epoch + 1);
  }
  expect(web).toMatchObject({ scope: 'web', active: { name: 'hold' }, totals: { movedPages: 0, failed: 0 } });
  expect(descendants(daemon.child.pid!)).toHaveLength(2);
  const { code, stdout } = await stage.terrace('status');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/active +heat@1\.0\.0/)]);
});

test('two scopes do not know of each other', async () => {
  const before = await stage.of('web');
  expect((await stage.terrace('pause', 'batch')).code).toBe(0);
  await stage.epochs(2);
  expect([(await stage.of()).paused, (await stage.of('web')).paused]).toEqual([true, false]);
  await stage.terrace('resume', 'batch');
  await stage.epochs(2, 'web');
  const { active, lastSwitch, totals } = await stage.of('web');
  expect([active, lastSwitch, totals.failed]).toEqual([before.active, undefined, before.totals.failed]);
  const unnamed = await stage.terrace('policy', 'rollback');
  expect(unnamed).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^terrace: scope-unknown: .*batch, web\n$/),
  });
});

describe('terrace policy switch', () => {
  test('tries another policy, switches, keeps the host of the former one; rollback goes back', async () => {
    const { code, stdout } = await policySwitch('counter@1.0.0', '--set', 'moves=2');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/\nswitched: counter@1\.0\.0 decides instead of heat@1\.0\.0; /),
    ]);
    expect(stdout).toMatch(new RegExp(`^preparing|^shadow \\d/${TRIAL_EPOCHS}: slowdown`, 'm'));
    expect(await whoDecides()).toEqual(['counter', '1.0.0', 'heat']);
    const next = await policySwitch('counter@2.0.0', '--set', 'moves=2');
    expect(next.stdout).toMatch(/it took over 8 bytes of state, version 1/);
    await until(() => descendants(daemon.child.pid!).length === 3, 'the host of heat has gone');
    expect((await stage.terrace('policy', 'rollback', '--scope', 'batch')).code).toBe(0);
    await until(async () => (await stage.of()).active.version === '1.0.0', 'the former one decides');
    await stage.epochs(2);
    expect(await stage.of()).toMatchObject({ duty: 'chosen', lastSwitch: { outcome: 'rolled-back' } });
    await policySwitch('heat', '--epochs', '0');
    await stage.epochs(2);
    expect((await stage.of()).totals.failed).toBe(0);
  });

  const inFolder = (name: string, bytes: string) => {
    const file = path.join(stage.folder, name);
    writeFileSync(file, bytes);
    return file;
  };

  test.each([
    ['not-a-component', () => [inFolder('broken.wasm', 'not Wasm')]],
    ['policy-not-found', () => ['nonsense']],
    ['setting-invalid', () => ['heat', '--set', 'horizon=-1']],
    ['setting-unknown', () => ['heat', '--set', 'speed=3']],
    ['policy-in-force', () => ['heat']],
    ['policy-trapped', () => [path.join(stage.folder, 'moody.wasm'), '--set', 'from=0']],
  ])('%s: it is refused and the old one goes on', async (code, args) => {
    if ((await stage.of()).active.name !== 'heat') await policySwitch('heat', '--epochs', '0');
    const before = await stage.of();
    const [policy, ...more] = args() as [string];
    const ended = await policySwitch(policy, ...more);
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`^terrace: ${code}: `)),
    });
    await stage.epochs(2);
    const after = await stage.of();
    expect(after).toMatchObject({ duty: 'chosen', lastSwitch: { outcome: 'refused', code } });
    expect([after.active, after.trial, after.totals.failed]).toEqual([
      before.active,
      undefined,
      before.totals.failed,
    ]);
  });
});

test('pause stops moving and nothing else; resume lets it go on', async () => {
  await policySwitch('counter@1.0.0', '--set', 'moves=2', '--epochs', '0');
  await stage.terrace('pause');
  await until(async () => (await stage.of()).fault?.code === 'paused', 'it is paused');
  const before = await stage.of();
  await stage.epochs(5);
  const during = await stage.of();
  expect(during.totals).toEqual(before.totals);
  expect(during).toMatchObject({ paused: true, fault: { code: 'paused' }, regions: 256 });
  expect((await stage.terrace('resume')).code).toBe(0);
  await until(async () => (await stage.of()).totals.movedPages > before.totals.movedPages, 'it moves again');
  expect((await stage.of()).fault).toBeUndefined();
});
