import { libc } from './libc.ts';

const syscallPread = 17;

/**
 * long syscall(long number, int fd, void *buf, size_t count, off_t offset)
 *
 * SAFETY: pread(2), by number as all calls here are. node:fs has it too, but adds half a microsecond to each,
 * as much as a sparse read of these files takes; frames scattered over memory need one read each.
 * Lifetimes: `buf` is pinned by koffi until this synchronous call returns.
 * Sizes: `readEntries` below never asks for more bytes than the array it passes has.
 * errno: not looked at; a memory that is gone and one that may not be read both give nothing.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'int', 'void *', 'size_t', 'int64']);

/**
 * Reads 8-byte entries from number `first` on into lanes, low and high by turns. Answers whole entries read; 0
 * at the end of the file, which is also what a dead memory answers.
 */
export function readEntries(fd: number, into: Uint32Array, first: number, count: number): number {
  if (!(first >= 0) || into.length === 0) return 0;
  const bytes = 8 * Math.min(count, into.length >>> 1);
  const read = Number(syscall(syscallPread, fd, into, bytes, first * 8));
  return read > 0 ? Math.floor(read / 8) : 0;
}
