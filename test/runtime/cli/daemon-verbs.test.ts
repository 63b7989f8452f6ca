import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../runtime/package-root.ts';
import { EXIT } from '../../../runtime/cli/terminal.ts';
import type { ScopeStatus } from '../../../runtime/control/status.ts';
import { someScope, someStatus, type Recorder } from '../control/some-status.ts';
import { createServedDaemon } from './served-daemon.ts';
import { captureTerminal, type CapturedTerminal } from './some-terminal.ts';

const { socketPath, renew, start, stop, run, remove } = createServedDaemon();
let daemon: Recorder;

const setScopes = (...scopes: readonly ScopeStatus[]): void => {
  daemon.now = someStatus(...scopes);
};

beforeEach(async () => void (daemon = await renew()));
afterEach(stop);
afterAll(remove);

/** One JSON value a line. */
const readLines = (terminal: CapturedTerminal): unknown[] =>
  terminal
    .stdout()
    .split(/(?<=\n)/)
    .map((line) => JSON.parse(line));

describe('terrace status', () => {
  test('--json prints what the daemon tells, as one line', async () => {
    const terminal = await run(['status', '--json']);
    expect(readLines(terminal)).toEqual([daemon.now]);
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('without a daemon is one line and a failure', async () => {
    await stop();
    const terminal = await run(['status']);
    expect(terminal.stderr()).toMatch(/^terrace: daemon-unreachable: .*terrace run --config FILE\n$/);
    expect(terminal.stdout()).toBe('');
    expect(terminal.exitCode()).toBe(EXIT.failed);
  });

  test('says everything of a scope', async () => {
    const terminal = await run(['status']);
    expect(terminal.stdout()).toBe(
      [
        'terrace       0.1.0, pid 4711, up for 3d 4h; /etc/terrace/terrace.json, read 2h 13m ago',
        '',
        'batch         epoch 276,480, one every 1 s; 3 late, 0 dropped, 0 failed; 48,211 regions',
        '              moved 1,234,567 pages: 600,000 promoted, 634,567 demoted; 12 entries refused',
        '  active      heat@1.0.0  68656174312e  for 2h 14m, on duty',
        "              slowdown 1.250, hold's 1.694; fuel 12,345,678 an epoch",
        '',
      ].join('\n'),
    );
  });

  test('--watch prints one screen below the other where none can be drawn over', async () => {
    const terminal = captureTerminal([() => setScopes(someScope('other'))]);
    await run(['status', '--watch'], terminal);
    expect(terminal.stdout()).toMatch(/^terrace .*\n\nbatch [^]*\n\nterrace .*\n\nother [^]*\n\n$/);
    expect(terminal.stdout()).not.toContain('\x1b');
    expect(terminal.slept).toEqual([1000, 1000]);
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('--watch --json prints a line each time', async () => {
    const terminal = captureTerminal([() => {}, () => {}]);
    await run(['status', '--watch', '--json'], terminal);
    expect(readLines(terminal)).toEqual([daemon.now, daemon.now, daemon.now]);
  });

  test('--watch says once that the daemon went away, and goes on when one is back', async () => {
    const terminal = captureTerminal([stop, () => {}, start]);
    await run(['status', '--watch', '--json'], terminal);
    expect(readLines(terminal)).toEqual([daemon.now, daemon.now]);
    expect(terminal.stderr()).toMatch(
      /^terrace: daemon-unreachable: .*\nwaiting for it; interrupt to leave\n$/,
    );
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('--watch does not wait for an answer that is under way when it is interrupted', async () => {
    const terminal = captureTerminal();
    daemon.status = () => {
      terminal.interrupt();
      return daemon.now;
    };
    await run(['status', '--watch'], terminal);
    expect([terminal.stdout(), terminal.stderr(), terminal.exitCode()]).toEqual(['', '', EXIT.done]);
  });

  test('--watch leaves a daemon that never answers when it is interrupted', async () => {
    await stop();
    const terminal = captureTerminal();
    const silent = createServer((socket) => socket.once('data', terminal.interrupt).on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
    await run(['status', '--watch'], terminal);
    expect([terminal.stdout(), terminal.stderr(), terminal.exitCode()]).toEqual(['', '', EXIT.done]);
    silent.close();
  });

  test('--watch draws over the screen before, no line longer or lower than fits', async () => {
    const scopes = Array.from({ length: 20 }, (_, i) => someScope(`scope-${i}`));
    setScopes(...scopes);
    const terminal = captureTerminal([stop], { columns: 80, rows: 24 });
    await run(['status', '--watch'], terminal);
    const [nothing, first, away] = terminal.stdout().split('\x1b[H');
    expect(nothing).toBe('');
    const lines = first!.replaceAll('\x1b[K', '').replace('\x1b[J', '').split('\n');
    expect(lines).toHaveLength(24);
    expect(lines[22]).toMatch(/^… \d+ lines more; make the terminal taller$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(away).toContain('daemon-unreachable');
    expect(away!.endsWith('\x1b[J')).toBe(true);
  });
});

describe('terrace pause, resume, reload and policy rollback', () => {
  test.each([
    [['pause'], ['pause', undefined]],
    [
      ['pause', 'batch'],
      ['pause', 'batch'],
    ],
    [['resume'], ['resume', undefined]],
    [
      ['resume', 'batch'],
      ['resume', 'batch'],
    ],
    [['reload'], ['reload']],
    [
      ['policy', 'rollback'],
      ['rollback', undefined],
    ],
    [
      ['policy', 'rollback', '--scope', 'batch'],
      ['rollback', 'batch'],
    ],
  ])('%j asks for %j and prints the answer', async (args, asked) => {
    const terminal = await run(args);
    expect(daemon.asked).toEqual([asked]);
    expect(terminal.stdout()).toBe(`${asked[0]} it is\n`);
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('a refusal is one line with its code', async () => {
    const terminal = await run(['pause', 'nowhere']);
    expect(terminal.stderr()).toBe('terrace: scope-unknown: there is no scope nowhere\n');
    expect(terminal.exitCode()).toBe(EXIT.failed);
  });
});

describe('as a process', () => {
  function launch(...args: readonly string[]) {
    const whole = ['runtime/cli/terrace.js', ...args, '--control', socketPath];
    return spawn(process.execPath, whole, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  test('a verb ends once it is answered', async () => {
    const child = launch('pause', 'batch');
    child.stdout.resume();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(daemon.asked).toEqual([['pause', 'batch']]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends --watch in good order', async (signal) => {
    const child = launch('status', '--watch', '--json');
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
