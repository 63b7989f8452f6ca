import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { descendants, startDaemon, until, type Running } from '../../daemon/daemon-process.ts';
import { build, counter } from '../../runtime/reload/versions.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = openStage();
});
afterEach(() => stage.end());

async function begin(scopes: object, served = 'batch'): Promise<Running> {
  stage.write(scopes);
  await stage.serve('--scopes', served);
  return stage.run();
}

describe('the file is changed', () => {
  test('settings are switched to: by SIGHUP, by an edit in place, and by a rename', async () => {
    const daemon = await begin({ batch: stage.scope() });
    await stage.epochs(1);
    const first = (await stage.of()).active;
    const horizon = (value: number) => ({ batch: stage.scope({ settings: { horizon: value } }) });
    const hashes = new Set([first.settingsHash]);
    for (const [i, change] of [
      () => daemon.child.kill('SIGHUP'),
      () => stage.write(horizon(12), { inPlace: true }),
      () => stage.write(horizon(13)),
    ].entries()) {
      const end = await stage.switched(() => {
        if (i === 0) stage.write(horizon(11));
        change();
      });
      expect(end).toMatchObject({
        policy: 'heat',
        outcome: 'switched',
        message: expect.stringContaining('took over'),
      });
      hashes.add((await stage.of()).active.settingsHash);
      expect(hashes.size).toBe(i + 2);
    }
    expect((await stage.of()).totals.failed).toBe(0);
    expect((await stage.status()).config.loadedMs).toBeGreaterThan((await stage.status()).startedMs);
  });

  test('scopes come and go, with their hosts; the others do not notice', async () => {
    const daemon = await begin({ batch: stage.scope() }, 'batch,web');
    await stage.epochs(3);
    const before = await stage.of();
    stage.write({ batch: stage.scope(), web: stage.scope({ policy: 'hold' }, 'web') });
    await until(async () => (await stage.status()).scopes.length === 2, 'there are two scopes');
    await stage.epochs(2, 'web');
    expect((await stage.of('web')).totals.failed).toBe(0);
    expect(descendants(daemon.child.pid!)).toHaveLength(2);
    stage.write({ web: stage.scope({ policy: 'hold' }, 'web') });
    await until(async () => (await stage.status()).scopes.length === 1, 'there is one');
    await until(() => descendants(daemon.child.pid!).length === 1, 'and one host');
    stage.write({ web: stage.scope({ policy: 'hold' }, 'web'), batch: stage.scope() });
    await until(async () => (await stage.status()).scopes.length === 2, 'it is back');
    await stage.epochs(2);
    const { active, totals } = await stage.of();
    expect(active.sinceMs).toBeGreaterThan(before.active.sinceMs);
    expect(totals.failed).toBe(0);
  });

  test('a faulty one changes nothing and status says why, until it is mended', async () => {
    await begin({ batch: stage.scope() });
    await stage.epochs(1);
    const before = await stage.of();
    const refused = async () => (await stage.status()).config.refused;
    stage.write({ batch: stage.scope({ settings: { horizon: 'soon' }, epochMs: 60 }) });
    await until(async () => (await refused()) !== undefined, 'it is refused');
    expect(await refused()).toMatch(/terrace\.yaml:1:\d+ scopes\.batch\.settings\.horizon: /);
    const asked = await stage.terrace('reload');
    expect(asked).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^terrace: config-refused: nothing has changed: setting-invalid: /),
    });
    await stage.epochs(2);
    const { active, epochMs, lastSwitch } = await stage.of();
    expect([active, epochMs, lastSwitch]).toEqual([before.active, 50, undefined]);
    stage.write({ batch: stage.scope({ epochMs: 60 }) }, { top: { decisions: stage.folder } });
    await until(
      async () => /decisions is absent/.test((await refused()) ?? ''),
      'refused for another reason',
    );
    stage.write({ batch: stage.scope({ epochMs: 60 }) });
    await until(async () => (await refused()) === undefined, 'it is in force');
    expect(await stage.of()).toMatchObject({ epochMs: 60, active: before.active });
  });
});

describe('the folder of policies', () => {
  const drop = async (name: string, bytes: Uint8Array | string): Promise<void> => {
    writeFileSync(path.join(stage.folder, name), bytes);
    renameSync(path.join(stage.folder, name), path.join(stage.policies, name));
  };

  test('a new version is switched to, a broken one is not', async () => {
    await drop('counter@1.0.0.wasm', await build(...counter('1.0.0')));
    await begin({ batch: stage.scope({ policy: 'counter', settings: { moves: 2 } }) });
    await stage.epochs(2);
    const newer = await build(...counter('1.1.0'));
    const end = await stage.switched(() => drop('counter@1.1.0.wasm', newer));
    expect(end.message).toMatch(/^counter@1\.1\.0 decides instead of counter@1\.0\.0; it took over 8 bytes/);
    await drop('counter@1.2.0.wasm', 'not Wasm');
    await until(async () => (await stage.status()).config.refused !== undefined, 'it is refused');
    expect((await stage.status()).config.refused).toContain('scopes.batch.policy: ');
    await stage.epochs(3);
    const { active, totals, duty } = await stage.of();
    expect([active.version, totals.failed, duty]).toEqual(['1.1.0', 0, 'chosen']);
    rmSync(path.join(stage.policies, 'counter@1.2.0.wasm'));
    await until(async () => (await stage.status()).config.refused === undefined, 'nothing is wrong any more');
    expect((await stage.of()).active).toEqual(active);
  });

  test('a source is built in the background', async () => {
    const source = (version: string) =>
      `import { Plan, Snapshot } from './sdk';\nexport const version = '${version}';\n` +
      'export function evaluate(_snapshot: Snapshot, _plan: Plan): void {}\n';
    await drop('idle.ts', source('1.0.0'));
    await begin({ batch: stage.scope({ policy: 'idle' }) });
    await stage.epochs(2);
    const end = await stage.switched(async () => {
      await drop('idle.ts', source('1.0.1'));
      // The loop goes on meanwhile.
      await stage.epochs(3);
    });
    expect(end.message).toMatch(/^idle@1\.0\.1 decides instead of idle@1\.0\.0; /);
    expect((await stage.of()).totals.failed).toBe(0);
  });
});

test('scopes that overlap are refused at the start, with the reason', async () => {
  const inner = { ...stage.scope({}, 'web'), cgroup: '/batch/inner' };
  stage.write({ batch: stage.scope(), web: inner });
  await expect(startDaemon(stage.config)).rejects.toThrow(
    /ended with 1: terrace: scopes-overlap: .*terrace\.yaml:1:\d+ /,
  );
});

test('a control folder that is open to others is no place to serve in; no host is left behind', async () => {
  const folder = path.join(stage.folder, 'open');
  mkdirSync(folder, { mode: 0o777 });
  stage.write({ batch: stage.scope() }, { top: { control: path.join(folder, 'c.sock') } });
  await stage.serve();
  await expect(startDaemon(stage.config)).rejects.toThrow(/ended with 1: terrace: control-folder-open: /);
});
