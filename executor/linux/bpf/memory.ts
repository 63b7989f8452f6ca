import koffi from 'koffi';
import { lastErrno, libc } from '../libc.ts';
import { failure, success, type Result } from '../../result.ts';

const syscallMmap = 9;
const syscallMunmap = 11;
const syscallMemfdCreate = 319;

const READ_AND_WRITE = 3;
const MAP_SHARED = 1;
const MAP_POPULATE = 0x8000;

/**
 * long syscall(long number, void *addr, size_t length, int prot, int flags, int fd, off_t offset)
 *
 * SAFETY: mmap(2) of a descriptor of our own, at an address of the kernel's choice (addr = 0), so that it never
 * replaces memory. -1 is returned on failure. User addresses are below 2^47, exact as numbers.
 */
const mmap = libc.func('syscall', 'int64', ['int64', 'int64', 'size_t', 'int', 'int', 'int', 'int64']);

/**
 * long syscall(long number, void *addr, size_t length)
 *
 * SAFETY: munmap(2) only of what `mapShared` below mapped, once, by `unmap` of it; its user drops the views first.
 */
const munmap = libc.func('syscall', 'int64', ['int64', 'int64', 'size_t']);

/**
 * long syscall(long number, const char *name, unsigned int flags)
 *
 * SAFETY: memfd_create(2); the name is copied by koffi for the call and by the kernel during it. Returns a
 * descriptor that the caller closes.
 */
const memfdCreate = libc.func('syscall', 'int64', ['int64', 'str', 'uint32']);

export interface SharedMemory {
  readonly address: number;
  /** Dead after `unmap`: touching it then would be a fault. */
  readonly view: ArrayBuffer;
  unmap(): void;
}

/** A descriptor of nameless memory in tmpfs. */
export function createMemoryFile(): Result<number, 'memory-missing'> {
  const fd = Number(memfdCreate(syscallMemfdCreate, 'terrace', 0));
  return fd >= 0 ? success(fd) : failure('memory-missing', `memfd_create(2): errno ${lastErrno()}`);
}

export function mapShared(fd: number, bytes: number): Result<SharedMemory, 'memory-missing'> {
  const flags = MAP_SHARED | MAP_POPULATE;
  const address = Number(mmap(syscallMmap, 0, bytes, READ_AND_WRITE, flags, fd, 0));
  if (address === -1) return failure('memory-missing', `mmap(2): errno ${lastErrno()}`);
  return success({
    address,
    view: koffi.view(BigInt(address), bytes),
    unmap: () => void munmap(syscallMunmap, address, bytes),
  });
}
