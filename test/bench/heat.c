/*
 * The work of policies/heat.ts on every region, in C: decayed heat, slot by the float's exponent and five
 * bits of mantissa, histogram of pages, thresholds out of the histogram, then a search for what lies beyond.
 * Columns come from a file (accesses u32, pages u32, place u8, verdict u8, each `regions` long); answers
 * one line per request on standard input: nanoseconds of one epoch, and entries of its plan.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BINS = 1024, ROWS = 16, BIN_SHIFT = 18, BIN_BASE = (127 - 20) << 5, REFUSED = 19, HOLD = 30, PAUSE = 30 };

static uint32_t tally[4 * ROWS * BINS];

struct regions {
  uint32_t count, *accesses, *pages, *size, *plan;
  uint8_t *place, *verdict, *place_before, *parked;
  int8_t *recent;
  uint16_t *slot;
  float *heat;
};

static const uint8_t rows[256] = {1, 2};

static void observe(struct regions *restrict r, float decay, float gain) {
  for (uint32_t i = 0; i < r->count; i++) {
    int row = rows[r->place[i]], before = rows[r->place_before[i]];
    r->place_before[i] = r->place[i];
    int moved = r->recent[i];
    moved -= (moved > 0) - (moved < 0);
    if (row && before && row != before) moved = row < before ? HOLD : -HOLD;
    r->recent[i] = (int8_t)moved;
    uint8_t rest = r->parked[i];
    rest -= rest > 0;
    if (r->verdict[i] >= REFUSED) rest = PAUSE;
    r->parked[i] = rest;
    uint32_t pages = r->pages[i];
    float warm = r->heat[i] * decay + (float)(int32_t)r->accesses[i] / (float)(int32_t)(pages ? pages : 1) * gain;
    r->heat[i] = warm;
    int32_t bits;
    memcpy(&bits, &warm, sizeof bits);
    int bin = (bits >> BIN_SHIFT) - BIN_BASE + (moved > 0 ? 32 : moved < 0 ? -32 : 0);
    bin = bin < 0 ? 0 : bin > BINS - 1 ? BINS - 1 : bin;
    int at = ((rest == 0 && pages ? row : 0) << 10) | bin;
    r->slot[i] = (uint16_t)at;
    tally[at * 4 + (i & 3)] += pages;
  }
  memcpy(r->size, r->pages, r->count * sizeof *r->size);
}

static uint64_t held(int row, int bin) {
  const uint32_t *four = &tally[(row * BINS + bin) * 4];
  return (uint64_t)four[0] + four[1] + four[2] + four[3];
}

/* The hottest `budget` pages of the slow row go up, the coldest of the fast one make room. */
static uint32_t decide(struct regions *restrict r, uint64_t budget) {
  int high = BINS, low = 0;
  for (uint64_t pages = 0; high > 0 && pages < budget; high--) pages += held(2, high - 1);
  for (uint64_t pages = 0; low < BINS && pages < budget; low++) pages += held(1, low);
  uint32_t found = 0;
  int64_t up = (int64_t)budget, down = (int64_t)budget;
  for (uint32_t i = 0; i < r->count && (up > 0 || down > 0); i++) {
    int row = r->slot[i] >> 10, bin = r->slot[i] & (BINS - 1);
    if (row == 2 && bin >= high && up > 0) up -= r->size[i];
    else if (row == 1 && bin < low && down > 0) down -= r->size[i];
    else continue;
    r->plan[found++] = i;
  }
  return found;
}

static void *column(FILE *file, size_t bytes) {
  void *values = calloc(1, bytes);
  if (!values || (file && fread(values, 1, bytes, file) != bytes)) exit(1);
  return values;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  uint32_t n = (uint32_t)strtoul(argv[2], NULL, 10);
  uint64_t budget = strtoul(argv[3], NULL, 10);
  FILE *file = fopen(argv[1], "rb");
  if (!file) return 1;
  struct regions r = {
      .count = n, .accesses = column(file, n * 4ul), .pages = column(file, n * 4ul), .place = column(file, n),
      .verdict = column(file, n), .size = column(NULL, n * 4ul), .plan = column(NULL, n * 4ul),
      .place_before = column(NULL, n), .parked = column(NULL, n), .recent = column(NULL, n),
      .slot = column(NULL, n * 2ul), .heat = column(NULL, n * 4ul),
  };
  memcpy(r.place_before, r.place, n);
  while (getchar() == '\n') {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    memset(tally, 0, sizeof tally / ROWS * 3);
    observe(&r, 0.7937f, 0.2063f);
    uint32_t found = decide(&r, budget);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld %u\n", (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec, found);
    fflush(stdout);
  }
  return 0;
}
