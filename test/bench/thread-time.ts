import koffi from 'koffi';

const CLOCK_THREAD_CPUTIME_ID = 3;
const clockGettime = koffi.load('libc.so.6').func('clock_gettime', 'int', ['int', 'void *']);
const now = new BigInt64Array(2);

/**
 * Nanoseconds this thread has run. On a busy machine other programs' turns do not count; unlike getrusage(2),
 * which process.threadCpuUsage asks, it does not wait for the scheduler's tick.
 */
export function threadNs(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, now);
  return Number(now[0]) * 1e9 + Number(now[1]);
}
