import koffi from 'koffi';
import { lastErrno, libc } from './libc.ts';

const syscallSeccomp = 317;

/**
 * long syscall(long number, unsigned operation, unsigned flags, struct sock_fprog *program)
 *
 * SAFETY: seccomp(2) with SECCOMP_SET_MODE_FILTER. `program` is 16 bytes that hold the address of the
 * instructions; both arrays live until this synchronous call has returned, and the kernel keeps a copy.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'uint32', 'uint32', 'void *']);

const SET_MODE_FILTER = 1;
const INSTRUCTION_BYTES = 8;

/** Puts the calling thread, and all it becomes, behind a filter for good. Needs no-new-privileges. errno, or 0. */
export function installFilter(instructions: Uint8Array): number {
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, instructions.length / INSTRUCTION_BYTES, true);
  program.setBigUint64(8, BigInt(koffi.address(instructions)), true);
  return syscall(syscallSeccomp, SET_MODE_FILTER, 0, new Uint8Array(program.buffer)) === -1 ? lastErrno() : 0;
}
