import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../runtime/package-root.ts';
import { endProcess } from '../../executor/held-memory.ts';
import { excuse, makeStage, RUNTIME, until } from '../../executor/launch/launcher-process.ts';

const stage = makeStage();
const open: Started[] = [];
afterEach(async () => {
  for (const { child } of open.splice(0)) await endProcess(child);
});
afterAll(stage.remove);

interface Started {
  readonly child: ChildProcess;
  said(): string;
}

function start(args: readonly string[], user: object = {}): Started {
  const child = spawn(process.execPath, [join(packageRoot, 'runtime/cli/terrace.js'), 'launch', ...args], {
    ...{ cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...user },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (part: Buffer) => (said += part.toString()));
  const started = { child, said: () => said };
  open.push(started);
  return started;
}

const ended = async ({ child }: Started): Promise<number | null> =>
  ((await once(child, 'close')) as [number | null])[0];

describe('terrace launch', () => {
  test('--help says what else does the job', async () => {
    const help = start(['--help']);
    expect(await ended(help)).toBe(0);
    expect(help.said()).toContain('--config <file>');
    expect(help.said()).toContain('systemd');
  });

  test('needs a file', async () => {
    const lacking = start([]);
    expect(await ended(lacking)).toBe(2);
    expect(lacking.said()).toContain('--config');
  });

  test.skipIf(excuse !== undefined)('needs root', async () => {
    const launch = start(['--config', stage.config({ host: '/none' })], RUNTIME);
    expect(await ended(launch)).toBe(2);
    expect(launch.said()).toMatch(/^terrace-launcher: permission-missing: /);
  });

  test.skipIf(excuse !== undefined)(
    'becomes the launcher: one process, its signals and its status',
    async () => {
      const limits = join(stage.path, 'limits.json');
      const nobody = {
        members: { kind: 'uid', uid: 4_000_000_000 },
        ...{ nodes: { 0: {} }, pagesPerEpochMax: 1 },
      };
      writeFileSync(limits, JSON.stringify({ scopes: { nobody } }), { mode: 0o600 });
      const executor = {
        ...{ limits, socket: join(stage.folder, 'e.sock') },
        journal: join(stage.path, 'journal'),
      };
      const config = stage.config({ host: '/none', services: { executor } });
      const launch = start(['--config', config]);
      await until(() => launch.said().includes('terrace-launcher: ready at'));
      expect(readFileSync(`/proc/${launch.child.pid}/cmdline`, 'utf8').split('\0')[1]).toMatch(
        /executor\/launch\.ts$/,
      );
      launch.child.kill('SIGTERM');
      expect(await ended(launch)).toBe(0);
      expect(stage.files()).toEqual([]);

      const again = start(['--config', config]);
      await until(() => again.said().includes('terrace-launcher: ready at'));
      again.child.kill('SIGKILL');
      // Its standard error is closed once nobody is left who could write to it.
      await ended(again);
      expect(existsSync(executor.socket)).toBe(false);
    },
  );
});
