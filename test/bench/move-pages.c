/* The C twin of move-pages.ts: no-op move_pages on a process' pages, addresses built per batch, status preset.
 *   hold PAGES                         maps and touches pages, prints "PID FIRST_PAGE", waits for input to end
 *   move PID FIRST_PAGE PAGES BATCH    moves them to node 0 batch by batch, prints nanoseconds; once per input line */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MPOL_MF_MOVE = 2, PAGE_BYTES = 4096, SENTINEL = 1000000 };

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int hold(size_t pages) {
  char *memory = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
  memset(memory, 1, pages * PAGE_BYTES);
  printf("%d %lu\n", getpid(), (unsigned long)memory / PAGE_BYTES);
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}

static int move(int pid, uint64_t first, size_t pages, size_t batch) {
  void **address = malloc(batch * sizeof *address);
  int *node = malloc(batch * sizeof *node), *status = malloc(batch * sizeof *status);
  while (getchar() != EOF) {
    uint64_t start = now_ns();
    for (size_t from = 0; from < pages; from += batch) {
      size_t count = pages - from < batch ? pages - from : batch;
      for (size_t at = 0; at < count; at++) {
        address[at] = (void *)((first + from + at) * PAGE_BYTES);
        node[at] = 0;
        status[at] = SENTINEL;
      }
      if (syscall(SYS_move_pages, pid, count, address, node, status, MPOL_MF_MOVE) != 0) return 1;
      for (size_t at = 0; at < count; at++)
        if (status[at] != 0) return 2;
    }
    printf("%lu\n", (unsigned long)(now_ns() - start));
    fflush(stdout);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count == 3 && !strcmp(arguments[1], "hold")) return hold(strtoul(arguments[2], NULL, 10));
  if (count == 6 && !strcmp(arguments[1], "move"))
    return move(atoi(arguments[2]), strtoull(arguments[3], NULL, 10), strtoul(arguments[4], NULL, 10), strtoul(arguments[5], NULL, 10));
  return 64;
}
