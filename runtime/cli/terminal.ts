import type { Failure } from '../../executor/result.ts';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** Characters that fit, as it is now. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** Time, and the interrupt of whoever is waiting, for verbs that go on until they are stopped. */
export interface Patience {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** From the first call on an interrupt no longer ends the process, but aborts this; a second one ends it. */
  readonly interrupted: () => AbortSignal;
  /** Calls back at every hang-up (SIGHUP), which then ends nothing. */
  readonly onHangUp: (action: () => void) => void;
  /** Resolves early once that is aborted. */
  readonly sleep: (ms: number, interrupted: AbortSignal) => Promise<void>;
}

/** What a verb may do to the outside: print, wait, and say how it ended. */
export interface Terminal extends Patience {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colour: boolean;
  /** Undefined where nothing printed can be drawn over: in a file or a pipe. */
  readonly screen: () => Screen | undefined;
  /** Prints one line, `terrace: CODE: MESSAGE`, and makes the exit code a failure's. */
  fail(failure: Failure): void;
  exitCode(): number;
}

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface TerminalMeans extends Patience {
  readonly stdout: Output;
  readonly stderr: { write(text: string): unknown };
  readonly noColour: boolean;
}

const SCREEN_DEFAULT: Screen = { columns: 80, rows: 24 };

export function createTerminal({ stdout, stderr, noColour, ...patience }: TerminalMeans): Terminal {
  let code: number = EXIT.done;
  return {
    ...patience,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    colour: stdout.isTTY === true && !noColour,
    screen() {
      if (stdout.isTTY !== true) return undefined;
      // A terminal that does not tell its size says 0.
      return {
        columns: stdout.columns || SCREEN_DEFAULT.columns,
        rows: stdout.rows || SCREEN_DEFAULT.rows,
      };
    },
    fail(failure) {
      stderr.write(`terrace: ${failure.code}: ${failure.message}\n`);
      code = EXIT.failed;
    },
    exitCode: () => code,
  };
}
