/* The C twin of snapshot.ts: rows of physical telemetry to columns by region index, two samples by turns.
 *   snapshot PAGES CHURN   sample 0 lacks the frames that leave 0 when divided by CHURN, sample 1 those that leave
 *                          CHURN / 2; prints its thread's nanoseconds, regions in use and events, once per input line */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DIED, BORN, PLACE_NONE = 255, IDLE_MAX = 65535 };

static struct {
  size_t count;
  double *page;
  uint32_t *pages, *accesses, *writes;
  uint8_t *node, *flags, *coverage;
} sample[2];

/* By region. */
static double *region_page;
static uint32_t *region_pages, *block, *born, *accesses, *writes;
static uint16_t *owner, *idle_epochs;
static uint8_t *place, *flags, *coverage, *verdict;

static uint32_t *known, *merged, *row_region, *free_list, *ended, *event_region;
static uint8_t *event_kind;
static size_t known_count, regions, free_count, ended_count, events;
static uint8_t place_of_node[256];

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void tell(uint8_t kind, uint32_t region) {
  event_kind[events] = kind;
  event_region[events++] = region;
}

static void bury(uint32_t region) {
  region_pages[region] = 0;
  ended[ended_count++] = region;
  tell(DIED, region);
}

static uint32_t bear(double page, uint32_t pages, uint32_t epoch) {
  uint32_t region = free_count ? free_list[--free_count] : (uint32_t)regions++;
  region_page[region] = page;
  region_pages[region] = pages;
  owner[region] = 0;
  born[region] = epoch;
  tell(BORN, region);
  return region;
}

/* Known regions and rows are both sorted by frame. */
static void join(int which, uint32_t epoch) {
  const double *page = sample[which].page;
  const uint32_t *pages = sample[which].pages;
  size_t count = sample[which].count, at = 0;
  while (ended_count) free_list[free_count++] = ended[--ended_count];
  events = 0;
  for (size_t row = 0; row < count; row++) {
    while (at < known_count && region_page[known[at]] < page[row]) bury(known[at++]);
    uint32_t region;
    if (at < known_count && region_page[known[at]] == page[row]) {
      region = known[at++];
      region_pages[region] = pages[row];
    } else region = bear(page[row], pages[row], epoch);
    merged[row] = row_region[row] = region;
  }
  while (at < known_count) bury(known[at++]);
  uint32_t *swap = known;
  known = merged, merged = swap, known_count = count;
}

static void build(int which) {
  for (size_t at = 0; at < events; at++) {
    uint32_t region = event_region[at];
    accesses[region] = writes[region] = 0, idle_epochs[region] = 0;
    flags[region] = coverage[region] = verdict[region] = 0, block[region] = 0, place[region] = PLACE_NONE;
  }
  for (size_t row = 0; row < sample[which].count; row++) {
    uint32_t region = row_region[row];
    uint32_t seen = sample[which].accesses[row] | sample[which].writes[row];
    idle_epochs[region] = seen ? 0 : idle_epochs[region] < IDLE_MAX ? idle_epochs[region] + 1 : IDLE_MAX;
    accesses[region] = sample[which].accesses[row];
    writes[region] = sample[which].writes[row];
    place[region] = place_of_node[sample[which].node[row]];
    flags[region] = sample[which].flags[row];
    coverage[region] = sample[which].coverage[row];
  }
}

static void prepare(size_t all, size_t churn) {
  for (int which = 0; which < 2; which++) {
    sample[which].page = calloc(all, sizeof(double));
    sample[which].pages = calloc(all, 4), sample[which].accesses = calloc(all, 4), sample[which].writes = calloc(all, 4);
    sample[which].node = calloc(all, 1), sample[which].flags = calloc(all, 1), sample[which].coverage = calloc(all, 1);
    for (size_t frame = 0; frame < all; frame++) {
      if (frame % churn == (which ? churn / 2 : 0)) continue;
      size_t row = sample[which].count++;
      sample[which].page[row] = (double)frame;
      sample[which].pages[row] = 1;
      sample[which].accesses[row] = (frame / 64 + (size_t)which) % 3 == 0;
      sample[which].node[row] = frame & 1;
      sample[which].coverage[row] = 255;
    }
  }
  size_t most = 2 * all;
  region_page = calloc(most, sizeof(double)), region_pages = calloc(most, 4), block = calloc(most, 4), born = calloc(most, 4);
  accesses = calloc(most, 4), writes = calloc(most, 4), owner = calloc(most, 2), idle_epochs = calloc(most, 2);
  place = calloc(most, 1), flags = calloc(most, 1), coverage = calloc(most, 1), verdict = calloc(most, 1);
  known = calloc(most, 4), merged = calloc(most, 4), row_region = calloc(most, 4), free_list = calloc(most, 4);
  ended = calloc(most, 4), event_region = calloc(most, 4), event_kind = calloc(most, 1);
  place_of_node[1] = 1;
}

int main(int count, char **arguments) {
  if (count != 3) return 64;
  prepare(strtoul(arguments[1], NULL, 10), strtoul(arguments[2], NULL, 10));
  for (uint32_t epoch = 1; getchar() != EOF; epoch++) {
    uint64_t start = now_ns();
    join(epoch & 1, epoch);
    build(epoch & 1);
    printf("%lu %zu %zu\n", (unsigned long)(now_ns() - start), regions, events);
    fflush(stdout);
  }
  return 0;
}
