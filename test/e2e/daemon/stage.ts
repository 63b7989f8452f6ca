import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { DaemonStatus, ScopeStatus, SwitchStatus } from '../../../runtime/control/status.ts';
import { packageRoot } from '../../../runtime/package-root.ts';
import {
  connect,
  startDaemon,
  startServices,
  statusOf,
  until,
  type Running,
} from '../../daemon/daemon-process.ts';

export const EPOCH_MS = 50;
export const TRIAL_EPOCHS = 3;
const PAGES = '256';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with all sockets and files of a daemon, and the processes that were started in it. */
export interface Stage {
  readonly folder: string;
  readonly policies: string;
  readonly config: string;
  readonly control: string;
  /** Keys of a scope, `batch` unless it is said. */
  scope(more?: object, name?: string): object;
  /** Writes the configuration by rename, as editors do, or in place. */
  write(scopes: object, how?: { readonly top?: object; readonly inPlace?: boolean }): void;
  /** Starts services, whose executor and sensors are in that folder; the stage's, unless another is given. */
  serve(...more: readonly string[]): Promise<Running>;
  serveIn(folder: string): Promise<Running>;
  run(): Promise<Running>;
  status(): Promise<DaemonStatus>;
  /** Of `batch`, unless it is said. */
  of(name?: string): Promise<ScopeStatus>;
  /** Resolves when so many epochs more have begun. */
  epochs(count: number, name?: string): Promise<void>;
  /** How the next switch ends, once `action` was done. */
  switched(action: () => unknown, name?: string): Promise<SwitchStatus>;
  /** The command line tool; CONTROL stands for the option of that name. */
  terrace(...args: readonly string[]): Promise<Ended>;
  end(): Promise<void>;
}

export function openStage(): Stage {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrace-daemon-'));
  const [policies, config] = [path.join(folder, 'policies'), path.join(folder, 'terrace.yaml')];
  const control = path.join(folder, 'control/terrace.sock');
  const running: Running[] = [];
  mkdirSync(policies);

  async function keep(started: Promise<Running>): Promise<Running> {
    running.push(await started);
    return running.at(-1)!;
  }

  /** Anew each time, since daemons come and go. */
  async function status(): Promise<DaemonStatus> {
    const client = await connect(control);
    try {
      return await statusOf(client);
    } finally {
      await client.close();
    }
  }

  async function of(name = 'batch'): Promise<ScopeStatus> {
    const found = (await status()).scopes.find(({ scope }) => scope === name);
    if (!found) throw new Error(`there is no scope ${name}`);
    return found;
  }

  const serveIn = (where: string, ...more: readonly string[]) =>
    keep(startServices(where, '--pages', PAGES, ...more));

  return {
    ...{ folder, policies, config, control, status, of, serveIn },
    scope: (more = {}, name = 'batch') => ({
      ...{ cgroup: `/${name}`, sensor: path.join(folder, `sensor-${name}.sock`), policy: 'heat' },
      ...{ epochMs: EPOCH_MS, trialEpochs: TRIAL_EPOCHS, limits: { harmShareMax: 9 } },
      ...more,
    }),
    write(scopes, { top = {}, inPlace = false } = {}) {
      const text = JSON.stringify({
        ...{ executor: path.join(folder, 'executor.sock'), control, policies, ...top, scopes },
      });
      const target = inPlace ? config : `${config}.new`;
      writeFileSync(target, text);
      if (!inPlace) renameSync(target, config);
    },
    serve: (...more) => serveIn(folder, ...more),
    run: () => keep(startDaemon(config)),
    async epochs(count, name) {
      const before = (await of(name)).epoch;
      await until(async () => (await of(name)).epoch >= before + count, `${count} epochs more`);
    },
    async switched(action, name) {
      const before = (await of(name)).lastSwitch?.atMs;
      await action();
      let last: SwitchStatus | undefined;
      await until(async () => {
        last = (await of(name)).lastSwitch;
        return last !== undefined && last.atMs !== before;
      }, 'the switch has ended');
      return last!;
    },
    terrace(...args) {
      const whole = ['runtime/cli/terrace.js', ...args, '--control', control];
      return new Promise((resolve) => {
        execFile(process.execPath, whole, { cwd: packageRoot }, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
        );
      });
    },
    async end() {
      for (const each of running.toReversed()) {
        each.child.kill('SIGCONT');
        await each.end('SIGKILL');
      }
      rmSync(folder, { recursive: true });
    },
  };
}
