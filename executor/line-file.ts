import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export interface LineFileOptions {
  readonly path: string;
  /** A file that would grow beyond this is renamed to `path`.1, replacing the one before. */
  readonly bytesMax: number;
  /** A longer line is refused. */
  readonly lineBytesMax: number;
}

/** A bounded file of lines that others may read while it grows. */
export interface LineFile {
  /** Answers why the line was not written, in words that follow the file's name; never throws. */
  append(line: string): string | undefined;
  /** Takes no line from then on. */
  close(): void;
}

/** Opened at the first line; a torn line (full disk) is closed off before the next one. */
export function createLineFile({ path, bytesMax, lineBytesMax }: LineFileOptions): LineFile {
  let file: number | undefined;
  let bytes = 0;
  let torn = false;
  let ended = false;

  function open(): number {
    const opened = openSync(path, 'a', 0o640);
    bytes = fstatSync(opened).size;
    return opened;
  }

  function close(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }

  function rotate(): number {
    close();
    renameSync(path, `${path}.1`);
    return open();
  }

  return {
    append(line) {
      if (ended) return 'takes no more lines: it was closed';
      const text = Buffer.from(`${torn ? '\n' : ''}${line}\n`);
      if (text.length > lineBytesMax)
        return `takes no line of ${text.length} bytes, ${lineBytesMax} are allowed`;
      try {
        file ??= open();
        if (bytes > 0 && bytes + text.length > bytesMax) file = rotate();
        const written = writeSync(file, text);
        bytes += written;
        torn = written < text.length;
        return torn ? 'took only part of a line; free its disk' : undefined;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return `cannot be written (${reason}); mend its folder or disk`;
      }
    },
    close() {
      ended = true;
      close();
    },
  };
}
