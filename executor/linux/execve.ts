import { lastErrno, libc } from './libc.ts';

const syscallExecve = 59;
const syscallExitGroup = 231;

/**
 * long syscall(long number, const char *path, char *const argv[], char *const envp[], long, long, long)
 *
 * SAFETY: execve(2) by number, since the filter wants three words in registers that the call itself ignores.
 * koffi makes the strings and both arrays, each ended by NULL, and keeps them until the call returns; where it
 * succeeds it never does, and the kernel has copied them. Called on the main thread: the others end here.
 */
const execute = libc.func('syscall', 'int64', [
  'int64',
  'str',
  'const char **',
  'const char **',
  'uint64',
  'uint64',
  'uint64',
]);

/**
 * long syscall(long number, int status)
 *
 * SAFETY: exit_group(2). An integer alone; it does not return, and nothing of ours is left to be written.
 */
const end = libc.func('syscall', 'int64', ['int64', 'int']);

/** Ends at once. Node's own way out tidies up rings of libuv, which a filter in force makes it abort over. */
export function endProcess(status: number): void {
  end(syscallExitGroup, status);
}

/** Becomes `argv`, with no environment. Returns only where that failed, with errno. */
export function becomeProgram(argv: readonly string[], pass: readonly bigint[]): number {
  execute(syscallExecve, argv[0], [...argv, null], [null], ...pass);
  return lastErrno();
}
