import { failure, type Failure } from '../../executor/result.ts';
import type { ControlClient } from '../control/client.ts';
import type { ScopeStatus, ShadowStatus, SwitchStatus, TrialStatus } from '../control/status.ts';
import { formatCount, formatGain, nameOf } from './amounts.ts';
import { findScope, stopAtInterrupt } from './daemon.ts';
import type { Terminal } from './terminal.ts';

const POLL_MS = 200;
/** Polls that may show neither the switch nor its end: a second. */
const SILENT_POLLS_MAX = 5;

export interface Followed {
  readonly daemon: ControlClient;
  readonly terminal: Terminal;
  /** As it was asked for. */
  readonly policy: string;
  /** The scope as it was before the switch was asked for. */
  readonly before: ScopeStatus;
}

/** The shadow as it was last seen, and the scope then and just before it began. */
interface Seen {
  readonly shadow: ShadowStatus;
  readonly now: ScopeStatus;
  readonly before: ScopeStatus;
}

/** Tells how a switch comes along until it has ended; it goes on whether it is followed or not. */
export async function followSwitch(followed: Followed): Promise<Failure | undefined> {
  const { daemon, terminal, policy, before } = followed;
  const interrupted = stopAtInterrupt(daemon, terminal);
  const progress = createProgress(terminal);
  let seen: Seen | undefined;
  let silent = 0;
  for (let last = before; ; await terminal.sleep(POLL_MS, interrupted)) {
    const status = await daemon.status();
    if (interrupted.aborted) return leave(progress, terminal);
    const found = status.ok ? findScope(status.value, before.scope) : status;
    if (!found.ok) return stop(progress, found);
    const now = found.value;
    if (now.trial?.policy === policy) {
      const { shadow } = now.trial;
      if (shadow) seen = { shadow, now, before: seen?.before ?? last };
      progress.show(describeTrial(now.trial));
      silent = 0;
    } else {
      const end = findEnd(before, now, policy);
      if (end) return conclude(end, seen, progress, terminal);
      if (++silent >= SILENT_POLLS_MAX) return stop(progress, lost(policy));
    }
    last = now;
  }
}

/** How the switch ended; undefined while nothing is told of it. */
function findEnd(
  before: ScopeStatus,
  { trial, lastSwitch }: ScopeStatus,
  policy: string,
): SwitchStatus | undefined {
  const isNew = lastSwitch !== undefined && !isSame(lastSwitch, before.lastSwitch);
  if (isNew && lastSwitch.policy === policy) return lastSwitch;
  const other =
    trial?.policy ?? (isNew && lastSwitch.outcome !== 'superseded' ? lastSwitch.policy : undefined);
  if (other === undefined) return undefined;
  return { policy, outcome: 'superseded', message: `${other} was switched to instead`, atMs: 0 };
}

function isSame(one: SwitchStatus, other: SwitchStatus | undefined): boolean {
  return one.atMs === other?.atMs && one.policy === other.policy && one.outcome === other.outcome;
}

function conclude(
  { outcome, code, message }: SwitchStatus,
  seen: Seen | undefined,
  progress: Progress,
  terminal: Terminal,
): Failure | undefined {
  progress.end();
  if (seen) terminal.out(drawDifference(seen));
  if (outcome !== 'switched') return failure(code ?? `switch-${outcome}`, message);
  terminal.out(`switched: ${message}\n`);
  return undefined;
}

function leave(progress: Progress, terminal: Terminal): undefined {
  progress.end();
  terminal.out('the switch goes on; `terrace status` tells of it, `terrace policy rollback` abandons it\n');
}

function stop(progress: Progress, failed: Failure): Failure {
  progress.end();
  return failed;
}

function lost(policy: string): Failure {
  return failure('switch-lost', `the daemon tells nothing of a switch to ${policy}; see terrace status`);
}

function describeTrial({ policy, stage, epochsWanted, shadow }: TrialStatus): string {
  if (stage === 'preparing' || !shadow) return `preparing ${policy}`;
  const { epochs, slowdown, activeSlowdown } = shadow;
  const slowdowns = `slowdown ${slowdown.toFixed(3)}, active's ${activeSlowdown.toFixed(3)}`;
  return `shadow ${formatCount(epochs)}/${formatCount(epochsWanted)}: ${slowdowns}, ${formatGain(shadow)}`;
}

/** Both policies over the same epochs. */
function drawDifference({ shadow, now, before }: Seen): string {
  const since = (count: keyof ScopeStatus['totals']): number => now.totals[count] - before.totals[count];
  const label = `${formatCount(shadow.epochs)} epochs`;
  const names = [label, nameOf(shadow), nameOf(now.active)];
  const width = Math.max(...names.map((name) => name.length));
  const { movedPages, promotedPages, demotedPages } = shadow;
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(width)} ${cells.map((cell) => cell.padStart(11)).join(' ')}\n`;
  const numbers = (slowdown: number, ...pages: readonly number[]): string[] => [
    slowdown.toFixed(3),
    ...pages.map(formatCount),
  ];
  return [
    '\n',
    line(label, ['slowdown', 'pages moved', 'promoted', 'demoted']),
    line(nameOf(shadow), numbers(shadow.slowdown, movedPages, promotedPages, demotedPages)),
    line(
      nameOf(now.active),
      numbers(shadow.activeSlowdown, since('movedPages'), since('promotedPages'), since('demotedPages')),
    ),
    `${formatGain(shadow)}; ${formatCount(shadow.elsewherePages)} pages would be elsewhere\n\n`,
  ].join('');
}

interface Progress {
  show(text: string): void;
  end(): void;
}

/** One line that changes, where there is a screen; else a line for each change. */
function createProgress(terminal: Terminal): Progress {
  let shown = '';
  let isOpen = false;
  return {
    show(text) {
      if (text === shown) return;
      shown = text;
      const screen = terminal.screen();
      isOpen = screen !== undefined;
      terminal.out(screen ? `\r${text.slice(0, screen.columns - 1)}\x1b[K` : `${text}\n`);
    },
    end() {
      if (isOpen) terminal.out('\n');
      isOpen = false;
    },
  };
}
