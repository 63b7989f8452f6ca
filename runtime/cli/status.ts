import type { Command } from 'commander';
import type { Failure, Result } from '../../executor/result.ts';
import type { ControlClient } from '../control/client.ts';
import type { DaemonStatus } from '../control/status.ts';
import { controlOption, stopAtInterrupt, withDaemon, type ControlFlags } from './daemon.ts';
import { drawStatus } from './status-screen.ts';
import type { Screen, Terminal } from './terminal.ts';

const REDRAW_MS = 1000;
/** Where nobody says how wide a line may be. */
const COLUMNS_DEFAULT = 100;
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

interface StatusFlags extends ControlFlags {
  readonly watch?: true;
  readonly json?: true;
}

/** `terrace status`: what a daemon does now, once or every second. */
export function addStatusVerb(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('show what a running daemon does, scope by scope')
    .option('--watch', 'every second, until interrupted')
    .option('--json', 'print one line of JSON, each time, and nothing else')
    .addOption(controlOption())
    .action((flags: StatusFlags) =>
      withDaemon(flags, terminal, (daemon) =>
        flags.watch ? watch(daemon, flags, terminal) : showOnce(daemon, flags, terminal),
      ),
    );
}

async function showOnce(
  daemon: ControlClient,
  flags: StatusFlags,
  terminal: Terminal,
): Promise<Failure | undefined> {
  const status = await daemon.status();
  if (!status.ok) return status;
  terminal.out(describe(status.value, flags, terminal));
  return undefined;
}

/** Outlives the daemon: what takes its place at the same socket is shown in turn. */
async function watch(daemon: ControlClient, flags: StatusFlags, terminal: Terminal): Promise<undefined> {
  const interrupted = stopAtInterrupt(daemon, terminal);
  const show = flags.json ? createLines(flags, terminal) : createScreens(flags, terminal);
  while (!interrupted.aborted) {
    const status = await daemon.status();
    if (!interrupted.aborted) show(status);
    await terminal.sleep(REDRAW_MS, interrupted);
  }
}

type Show = (status: Result<DaemonStatus>) => void;

/** One below the other; that the daemon went away is said once. */
function createLines(flags: StatusFlags, terminal: Terminal): Show {
  let isAway = false;
  return (status) => {
    if (status.ok) terminal.out(describe(status.value, flags, terminal));
    else if (!isAway) terminal.err(describeAway(status));
    isAway = !status.ok;
  };
}

/** Each over the one before, where that is possible. */
function createScreens(flags: StatusFlags, terminal: Terminal): Show {
  const lines = createLines(flags, { ...terminal, out: (text) => terminal.out(`${text}\n`) });
  return (status) => {
    const screen = terminal.screen();
    if (screen === undefined) return lines(status);
    const text = status.ok ? describe(status.value, flags, terminal) : describeAway(status);
    const drawn = fitRows(text, screen).replaceAll('\n', `${CLEAR_LINE}\n`);
    terminal.out(`${HOME}${drawn}${CLEAR_BELOW}`);
  };
}

function describe(status: DaemonStatus, { json }: StatusFlags, terminal: Terminal): string {
  if (json) return `${JSON.stringify(status)}\n`;
  const columns = terminal.screen()?.columns ?? COLUMNS_DEFAULT;
  return drawStatus(status, { columns, colour: terminal.colour, nowMs: terminal.nowMs() });
}

function describeAway({ code, message }: Failure): string {
  return `terrace: ${code}: ${message}\nwaiting for it; interrupt to leave\n`;
}

/** The cursor stands one line below the text. */
function fitRows(text: string, { rows }: Screen): string {
  const lines = text.split('\n').slice(0, -1);
  if (lines.length < rows) return text;
  const hidden = lines.length - (rows - 2);
  return `${lines.slice(0, rows - 2).join('\n')}\n… ${hidden} lines more; make the terminal taller\n`;
}
