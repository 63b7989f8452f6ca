/* The C twin of idle-pages.ts: reads an idle bitmap and sets its bits again, as mm/page_idle.c lays it out.
 *   idle-pages BITMAP BLOCKS STRIDE   of every STRIDE blocks of 64 bytes all but the last are watched;
 *                                     one pass and its thread's nanoseconds per input line */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64, RUN_BLOCKS = 4096 };

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

typedef ssize_t transfer(int file, void *bytes, size_t count, off_t at);

static ssize_t write_at(int file, void *bytes, size_t count, off_t at) { return pwrite(file, bytes, count, at); }

/* Neighbouring watched blocks share a call. */
static int each_run(int file, const uint32_t *block, size_t watched, char *masks, transfer *call) {
  for (size_t start = 0, end; start < watched; start = end) {
    for (end = start + 1; end < watched && end - start < RUN_BLOCKS && block[end] == block[start] + (end - start);) end++;
    size_t bytes = (end - start) * BLOCK_BYTES;
    if (call(file, masks + start * BLOCK_BYTES, bytes, (off_t)block[start] * BLOCK_BYTES) != (ssize_t)bytes) return 0;
  }
  return 1;
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  int file = open(arguments[1], O_RDWR);
  size_t blocks = strtoul(arguments[2], NULL, 10), stride = strtoul(arguments[3], NULL, 10), watched = 0;
  uint32_t *block = malloc(blocks * sizeof *block);
  for (size_t at = 0; at < blocks; at++)
    if (stride == 1 || at % stride != stride - 1) block[watched++] = (uint32_t)at;
  char *idle = malloc(watched * BLOCK_BYTES), *marked = malloc(watched * BLOCK_BYTES);
  memset(marked, 255, watched * BLOCK_BYTES);
  memset(idle, 0, watched * BLOCK_BYTES);
  while (getchar() != EOF) {
    uint64_t start = now_ns();
    if (!each_run(file, block, watched, idle, pread)) return 1;
    if (!each_run(file, block, watched, marked, write_at)) return 2;
    printf("%lu\n", (unsigned long)(now_ns() - start));
    fflush(stdout);
  }
  return 0;
}
