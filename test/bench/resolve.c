/* The C twin of resolve.ts: who maps these frames, by the page tables of a process.
 *   hold PAGES HUGE                maps and touches pages (of 2 MiB if HUGE), prints "PID FIRST_PAGE", waits for input to end
 *   scan PID FIRST PAGES EVERY     looks for the frames of every so many pages; "NANOSECONDS ROWS" per input line */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, BLOCK = 512, READ = 32768, CHUNKS = 131072, TAIL = 1 << 16, HEAD = 1 << 15 };

struct row { uint32_t frame, pid; uint64_t page; };

static uint32_t *wanted, *folio_pages, count;
static uint32_t top[CHUNKS], *words;
static struct row *rows;
static uint32_t row_count;

static uint64_t spent_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int hold(size_t pages, int huge) {
  size_t bytes = (pages + BLOCK) * PAGE_BYTES;
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  memory = (char *)(((uintptr_t)memory + BLOCK * PAGE_BYTES - 1) & ~(uintptr_t)(BLOCK * PAGE_BYTES - 1));
  madvise(memory, pages * PAGE_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  memset(memory, 1, pages * PAGE_BYTES);
  printf("%d %lu\n", getpid(), (unsigned long)memory / PAGE_BYTES);
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}

static int by_number(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return left < right ? -1 : left > right;
}

static int by_frame(const void *a, const void *b) {
  return by_number(&((const struct row *)a)->frame, &((const struct row *)b)->frame);
}

static uint64_t flags_of(int fd, uint64_t frame) {
  uint64_t flags = 0;
  return pread(fd, &flags, 8, (off_t)(frame * 8)) == 8 ? flags : 0;
}

static void choose(int fd, uint64_t first, size_t pages, size_t every) {
  wanted = malloc(pages / every * 4);
  folio_pages = malloc(pages / every * 4);
  for (size_t page = 0; page < pages; page += every) {
    uint64_t entry = 0;
    if (pread(fd, &entry, 8, (off_t)((first + page) * 8)) == 8) wanted[count++] = (uint32_t)entry;
  }
  qsort(wanted, count, 4, by_number);
}

static void fill(int flags_fd) {
  uint32_t chunks = 1;
  memset(top, 0, sizeof top);
  for (uint32_t row = 0; row < count; row++) {
    uint64_t flags = flags_of(flags_fd, wanted[row]);
    uint32_t size = 1;
    if (flags & HEAD)
      for (size = !(wanted[row] % BLOCK) && flags_of(flags_fd, wanted[row] + 256) & TAIL ? 512 : 1; flags_of(flags_fd, wanted[row] + size) & TAIL;) size *= 2;
    folio_pages[row] = size;
    for (uint32_t frame = wanted[row]; frame < wanted[row] + size; frame++)
      if (!top[frame >> 15]) top[frame >> 15] = chunks++;
  }
  words = calloc(chunks * 1024, 4);
  for (uint32_t row = 0; row < count; row++)
    for (uint32_t frame = wanted[row]; frame < wanted[row] + folio_pages[row]; frame++)
      words[top[frame >> 15] << 10 | (frame >> 5 & 1023)] |= 1u << (frame & 31);
}

static uint32_t row_of(uint32_t frame) {
  static uint32_t last;
  uint32_t low = 0, high = count;
  if (frame >= wanted[last] && frame < wanted[last] + folio_pages[last]) return last;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (wanted[middle] <= frame) low = middle + 1;
    else high = middle;
  }
  return last = low - 1;
}

static void match(const uint64_t *entries, uint64_t first, size_t from, size_t until, uint32_t pid) {
  for (size_t at = from; at < until; at++) {
    uint64_t entry = entries[at];
    uint32_t frame = (uint32_t)entry;
    if (!(entry >> 63) || !(words[top[frame >> 15] << 10 | (frame >> 5 & 1023)] >> (frame & 31) & 1)) continue;
    uint32_t row = row_of(frame);
    if (row_count && rows[row_count - 1].frame == row) continue;
    rows[row_count++] = (struct row){row, pid, first + at};
  }
}

static int stays_in_block(const uint64_t *entries) {
  uint32_t differs = 0, first = (uint32_t)entries[0];
  if (((uint32_t)entries[BLOCK - 1] ^ first) >> 9) return 0;
  for (int at = 0; at < BLOCK; at++) differs |= (uint32_t)entries[at] ^ first;
  return !(differs >> 9);
}

static int is_huge_page(const uint64_t *entries) {
  uint64_t differs = 0;
  if (!(entries[0] >> 63) || entries[0] % BLOCK) return 0;
  for (int at = 0; at < BLOCK; at++) differs |= entries[at] ^ (entries[0] + (uint64_t)at);
  return !differs;
}

static int wants_block(uint32_t frame) {
  uint32_t any = 0, *from = words + ((top[frame >> 15] << 10 | (frame >> 5 & 1023)) & ~15u);
  for (int word = 0; word < BLOCK / 32; word++) any |= from[word];
  return any != 0;
}

static int is_whole(const uint64_t *entries) {
  uint32_t row = row_of((uint32_t)entries[0]);
  return wanted[row] == (uint32_t)entries[0] && folio_pages[row] >= BLOCK && is_huge_page(entries);
}

static int scan(uint32_t pid, uint64_t first, size_t pages, size_t every) {
  char path[64];
  static uint64_t entries[READ];
  snprintf(path, sizeof path, "/proc/%u/pagemap", pid);
  int fd = open(path, O_RDONLY), flags_fd = open("/proc/kpageflags", O_RDONLY);
  if (fd < 0 || flags_fd < 0) return 1;
  choose(fd, first, pages, every);
  rows = malloc((count + 1) * BLOCK * sizeof *rows);
  while (getchar() != EOF) {
    uint64_t start = spent_ns();
    row_count = 0;
    fill(flags_fd);
    for (size_t from = 0; from < pages; from += READ) {
      size_t found = pages - from < READ ? pages - from : READ;
      if (pread(fd, entries, found * 8, (off_t)((first + from) * 8)) != (ssize_t)(found * 8)) return 2;
      for (size_t at = 0; at < found; at += BLOCK) {
        size_t until = at + BLOCK < found ? at + BLOCK : found;
        if (until - at < BLOCK || !stays_in_block(entries + at)) match(entries, first + from, at, until, pid);
        else if (wants_block((uint32_t)entries[at]))
          match(entries, first + from, at, is_whole(entries + at) ? at + 1 : until, pid);
      }
    }
    qsort(rows, row_count, sizeof *rows, by_frame);
    free(words);
    printf("%lu %u\n", (unsigned long)(spent_ns() - start), row_count);
    fflush(stdout);
  }
  return 0;
}

int main(int count_of, char **arguments) {
  if (count_of == 4 && !strcmp(arguments[1], "hold"))
    return hold(strtoul(arguments[2], NULL, 10), atoi(arguments[3]));
  if (count_of == 6 && !strcmp(arguments[1], "scan"))
    return scan((uint32_t)atoi(arguments[2]), strtoull(arguments[3], NULL, 10), strtoul(arguments[4], NULL, 10),
                strtoul(arguments[5], NULL, 10));
  return 64;
}
