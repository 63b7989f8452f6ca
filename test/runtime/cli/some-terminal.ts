import { createTerminal, type Screen, type Terminal } from '../../../runtime/cli/terminal.ts';
import { NOW_MS } from '../control/some-status.ts';

export interface CapturedTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Milliseconds that were slept, one by one. */
  readonly slept: readonly number[];
  readonly interrupt: () => void;
}

/** Keeps what is printed. Each sleep ends at once and lets the next of `events` happen; after the last it is interrupted. */
export function captureTerminal(events: readonly (() => unknown)[] = [], screen?: Screen): CapturedTerminal {
  const [stdout, stderr, slept]: [string[], string[], number[]] = [[], [], []];
  const interrupt = new AbortController();
  const coming = [...events];
  const terminal = createTerminal({
    stdout: { write: (text) => stdout.push(text), ...(screen && { isTTY: true, ...screen }) },
    stderr: { write: (text) => stderr.push(text) },
    noColour: true,
    nowMs: () => NOW_MS,
    interrupted: () => interrupt.signal,
    onHangUp() {},
    async sleep(ms) {
      slept.push(ms);
      const next = coming.shift();
      if (next) await next();
      else interrupt.abort();
    },
  });
  return {
    ...terminal,
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
    slept,
    interrupt: () => interrupt.abort(),
  };
}
