import type { Failure } from '../../executor/result.ts';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** What a verb may do to the outside: print, and say how it ended. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colour: boolean;
  /** Prints one line, `terrace: CODE: MESSAGE`, and makes the exit code a failure's. */
  fail(failure: Failure): void;
  exitCode(): number;
}

export interface TerminalStreams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  readonly noColour: boolean;
}

export function createTerminal({ stdout, stderr, noColour }: TerminalStreams): Terminal {
  let code: number = EXIT.done;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    colour: stdout.isTTY === true && !noColour,
    fail(failure) {
      stderr.write(`terrace: ${failure.code}: ${failure.message}\n`);
      code = EXIT.failed;
    },
    exitCode: () => code,
  };
}
