import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { ERRNO } from '../../errno.ts';
import { failure, success, type Result } from '../../result.ts';
import { lastErrno, libc } from '../libc.ts';
import { describeFunctions, FUNCTION_TYPES } from './function-types.ts';

const syscallBpf = 321;

/**
 * long syscall(long number, int cmd, union bpf_attr *attr, unsigned int size)
 *
 * SAFETY: bpf(2) by number, since glibc has no wrapper. `syscall` is variadic in C; on x86-64 its arguments
 * travel exactly as a fixed list of integers and pointers does.
 * Lifetimes: `attr` is pinned by koffi until this synchronous call returns. All that the kernel reaches through
 * addresses in it lies behind it in the same buffer (see `createAttributes`), so the pin holds that too; the
 * kernel keeps none of the addresses.
 * Sizes: `size` is that of `attr` alone; the kernel refuses bytes beyond those it knows unless they are zero.
 * errno: read directly after a return of -1.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'int', 'void *', 'uint32']);

/** Commands, types and flags of include/uapi/linux/bpf.h. */
const COMMAND = { mapCreate: 0, programLoad: 5, programRun: 10, btfLoad: 18 } as const;
const MAP_TYPE_ARRAY = 2;
const MAP_MMAPABLE = 1 << 10;
const PROGRAM_TYPE_SYSCALL = 31;
const PROGRAM_SLEEPABLE = 1 << 4;
const LOG_LEVEL = 1;

const ATTRIBUTE_BYTES = 144;
const RUN_BYTES = 80;
const FUNCTION_INFO_BYTES = 8;
/** The verifier breaks off with EAGAIN when a signal comes. */
const attemptsMax = 8;
/** A log of a program that is refused can be long; what it was refused for stands at its end. */
const LOG_BYTES = 4 * 2 ** 20;

export type BpfFault = 'permission-missing' | 'bpf-missing' | 'program-refused';

export interface Program {
  /** Instructions, 8 bytes each. */
  readonly code: Uint8Array;
  /** Where the function for bpf_loop starts, in instructions. */
  readonly callbackAt?: number;
}

/** An array map of one value of that many bytes, which both sides see; its descriptor. */
export function createMap(bytes: number): Result<number, BpfFault> {
  const { block, view } = createAttributes(0);
  view.setUint32(0, MAP_TYPE_ARRAY, true);
  view.setUint32(4, 4, true);
  view.setUint32(8, bytes, true);
  view.setUint32(12, 1, true);
  view.setUint32(16, MAP_MMAPABLE, true);
  return call(COMMAND.mapCreate, block, 'a map');
}

/** Hands a program to the verifier; its descriptor. Nothing of it runs yet. */
export function loadProgram(program: Program): Result<number, BpfFault> {
  const btf = program.callbackAt === undefined ? success(-1) : loadTypes();
  if (!btf.ok) return btf;
  const { block } = createLoad(program, btf.value, 0);
  const loaded = call(COMMAND.programLoad, block, 'the program');
  const said = loaded.ok || loaded.code !== 'program-refused' ? '' : readLog(program, btf.value);
  if (btf.value >= 0) closeSync(btf.value);
  return said === '' || loaded.ok ? loaded : failure(loaded.code, `${loaded.message} (${said})`);
}

/** Runs a program; `prepareRun` makes what it takes, once for all runs. False when the kernel refused. */
export function runProgram(run: Uint32Array): boolean {
  return syscall(syscallBpf, COMMAND.programRun, run, RUN_BYTES) !== -1;
}

export function prepareRun(programFd: number): Uint32Array {
  const run = new Uint32Array(RUN_BYTES / 4);
  run[0] = programFd;
  return run;
}

/** The types of the two functions of a program: the verifier must know that the callback is static. */
function loadTypes(): Result<number, BpfFault> {
  const types = describeFunctions();
  const { block, view, place } = createAttributes(types.length);
  view.setBigUint64(0, place(types), true);
  view.setUint32(16, types.length, true);
  return call(COMMAND.btfLoad, block, 'its types');
}

function createLoad({ code, callbackAt }: Program, btfFd: number, logBytes: number) {
  const { block, view, place } = createAttributes(code.length + logBytes + 64);
  view.setUint32(0, PROGRAM_TYPE_SYSCALL, true);
  view.setUint32(4, code.length / 8, true);
  view.setBigUint64(8, place(code), true);
  view.setBigUint64(16, place(Buffer.from('GPL\0')), true);
  view.setUint32(44, PROGRAM_SLEEPABLE, true);
  block.write('terrace', 48, 'latin1');
  if (callbackAt !== undefined) {
    const functions = Uint32Array.of(0, FUNCTION_TYPES.main, callbackAt, FUNCTION_TYPES.step);
    view.setUint32(72, btfFd, true);
    view.setUint32(76, FUNCTION_INFO_BYTES, true);
    view.setBigUint64(80, place(new Uint8Array(functions.buffer)), true);
    view.setUint32(88, 2, true);
  }
  const logAt = block.length - logBytes;
  if (logBytes > 0) {
    view.setUint32(24, LOG_LEVEL, true);
    view.setUint32(28, logBytes, true);
    view.setBigUint64(32, koffi.address(block) + BigInt(logAt), true);
  }
  return { block, logAt };
}

/** Asks once more with a log; its last words. */
function readLog(program: Program, btfFd: number): string {
  const { block, logAt } = createLoad(program, btfFd, LOG_BYTES);
  const loaded = Number(syscall(syscallBpf, COMMAND.programLoad, block, ATTRIBUTE_BYTES));
  if (loaded >= 0) closeSync(loaded);
  const log = block.subarray(logAt, block.indexOf(0, logAt)).toString('latin1');
  const words = log
    .trim()
    .split('\n')
    .filter((line) => !/^(processed|verification|stack)/.test(line));
  return words.slice(-2).join(' / ').slice(0, 400);
}

/** The attributes of one call, and room behind them for what they point to. */
function createAttributes(moreBytes: number) {
  const block = Buffer.alloc(ATTRIBUTE_BYTES + moreBytes);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  let next = ATTRIBUTE_BYTES;
  return {
    block,
    view,
    /** Copies bytes behind the attributes; their address. */
    place(bytes: Uint8Array): bigint {
      const at = next;
      block.set(bytes, at);
      next += Math.ceil(bytes.length / 8) * 8;
      return koffi.address(block) + BigInt(at);
    },
  };
}

function call(command: number, block: Buffer, what: string): Result<number, BpfFault> {
  let errno = 0;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const returned = Number(syscall(syscallBpf, command, block, ATTRIBUTE_BYTES));
    if (returned >= 0) return success(returned);
    errno = lastErrno();
    if (errno !== ERRNO.EAGAIN) break;
  }
  if (errno === ERRNO.EPERM)
    return failure('permission-missing', `bpf(2) refused ${what}; grant CAP_BPF and CAP_PERFMON`);
  if (errno === ERRNO.ENOSYS)
    return failure('bpf-missing', 'this kernel has no bpf(2); frames resolve by the scan');
  return failure('program-refused', `bpf(2) refused ${what} with errno ${errno}; frames resolve by the scan`);
}
