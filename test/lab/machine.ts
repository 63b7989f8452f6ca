import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { machineArguments } from './topology.ts';
import type { MachineTopology } from './topology.ts';

export type MachineFault =
  | 'qemu-missing'
  | 'guest-timeout'
  /** It powered off before its driver began: nothing of Terrace had run yet. */
  | 'guest-not-booted'
  | 'guest-failed';

/**
 * What the guest's time follows. `host`: real time, one host thread per CPU, so that programs truly run at once.
 * `instructions`: 2 ns of guest time for each instruction, CPUs by turns; slower, but what the guest measures does not
 * depend on what else the host is doing.
 */
export type GuestClock = 'host' | 'instructions';

export interface MachineSpec {
  readonly kernel: string;
  readonly image: string;
  readonly topology: MachineTopology;
  /** Appended to the kernel's command line. */
  readonly kernelArguments: readonly string[];
  readonly clock: GuestClock;
  readonly timeoutMs: number;
}

/** What one run of a guest left behind. */
export interface GuestReport {
  /** The values of its `LAB {json}` lines, in order. */
  readonly records: readonly Record<string, unknown>[];
  /** Uptime at which its driver started. */
  readonly bootMs: number;
  readonly wallMs: number;
  /** The console: kernel messages and whatever was written to standard error. */
  readonly console: string;
}

/** Arguments of QEMU's software emulation; `shift` is the binary logarithm of the ns per instruction. */
const CLOCKS: Readonly<Record<GuestClock, readonly string[]>> = {
  host: ['-accel', 'tcg,thread=multi'],
  instructions: ['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=off'],
};

/**
 * Without protection keys: where V8 finds them it guards its code pages by them, and the one crash of Node under
 * emulation that told why was V8 no longer knowing its own code pages.
 */
const PROCESSOR = 'max,-pku';
const QEMU = 'qemu-system-x86_64';
const CONSOLE_LINES_MAX = 4_000;
/** A kernel's last words take some thirty lines. */
const CONSOLE_TAIL_LINES = 40;

/**
 * The machine's devices: no network, no disk, two serial ports. The first is the console, for the kernel and for
 * people; the second carries results alone, so that no kernel message can fall into the middle of one.
 */
function deviceArguments(spec: MachineSpec): string[] {
  const words = [
    'console=ttyS0',
    'panic=-1',
    'quiet',
    'loglevel=4',
    'mitigations=off',
    'nowatchdog',
    'random.trust_cpu=on',
  ];
  const commandLine = [...words, 'memhp_default_state=online_movable', ...spec.kernelArguments].join(' ');
  const processor = [...CLOCKS[spec.clock], '-cpu', PROCESSOR, ...machineArguments(spec.topology)];
  const devices = ['-nodefaults', '-nographic', '-no-reboot', '-net', 'none', '-monitor', 'none'];
  return [...processor, ...devices, '-kernel', spec.kernel, '-initrd', spec.image, '-append', commandLine];
}

/** A shell on the guest's console, attached to the caller's terminal; ends when the guest powers off. */
export function openShell(spec: Omit<MachineSpec, 'timeoutMs'>): Promise<Result<number, MachineFault>> {
  const args = [...deviceArguments({ ...spec, timeoutMs: 0 }), '-serial', 'mon:stdio'];
  return new Promise((resolve) => {
    const child = spawn(QEMU, args, { stdio: 'inherit' });
    child.once('error', () => resolve(missing()));
    child.once('close', (status) => resolve(success(status ?? 1)));
  });
}

/** Boots the machine, collects its records as they come, and waits for its power-off. */
export function runMachine(
  spec: MachineSpec,
  onRecord: (record: Record<string, unknown>) => void = () => {},
): Promise<Result<GuestReport, MachineFault>> {
  const started = performance.now();
  const results = ['-chardev', 'socket,id=results,fd=3', '-serial', 'stdio', '-serial', 'chardev:results'];
  const child = spawn(QEMU, [...deviceArguments(spec), ...results], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const log = collectLines([child.stdout as Readable, child.stderr as Readable]);
  const answer = collectRecords(child, onRecord);
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, spec.timeoutMs);
    child.once('error', () => {
      clearTimeout(timer);
      resolve(missing());
    });
    child.once('close', () => {
      clearTimeout(timer);
      const tail = log.slice(-CONSOLE_TAIL_LINES).join('\n');
      if (late)
        return resolve(
          failure('guest-timeout', `no power-off within ${spec.timeoutMs} ms; its console ended:\n${tail}`),
        );
      if (answer.status === undefined && answer.bootMs === 0)
        return resolve(failure('guest-not-booted', `the kernel ended early; its console ended:\n${tail}`));
      if (answer.status !== 0)
        return resolve(
          failure(
            'guest-failed',
            `the driver ended with ${answer.status ?? 'no status'}; the console ended:\n${tail}`,
          ),
        );
      const wallMs = Math.round(performance.now() - started);
      resolve(success({ records: answer.records, bootMs: answer.bootMs, wallMs, console: log.join('\n') }));
    });
  });
}

function missing(): Result<never, MachineFault> {
  return failure('qemu-missing', `${QEMU} is not installed: apt-get install qemu-system-x86`);
}

function collectLines(streams: readonly Readable[]): string[] {
  const lines: string[] = [];
  for (const stream of streams)
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line.replaceAll('\r', ''));
      if (lines.length > CONSOLE_LINES_MAX) lines.shift();
    });
  return lines;
}

interface Answer {
  readonly records: Record<string, unknown>[];
  bootMs: number;
  status: number | undefined;
}

function collectRecords(child: ChildProcess, onRecord: (record: Record<string, unknown>) => void): Answer {
  const answer: Answer = { records: [], bootMs: 0, status: undefined };
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
    const [, kind, text] = /^LAB(-BOOT|-RC)?[ =](.*?)\r?$/.exec(line) ?? [];
    if (kind === '-BOOT') answer.bootMs = Math.round(Number(text) * 1000);
    else if (kind === '-RC') answer.status = Number(text);
    else if (text !== undefined) {
      const record = JSON.parse(text) as Record<string, unknown>;
      answer.records.push(record);
      onRecord(record);
    }
  });
  return answer;
}
