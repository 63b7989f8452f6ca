/*
 * policies/heat.ts in C, for two tiers and without births: decay, histogram, thresholds, plan. Written so
 * that gcc vectorises it with -O3 -march=native -fno-trapping-math.
 *
 *   heat COLUMNS REGIONS BUDGET
 *
 * Columns come from a file (accesses u32, pages u32, place u8, verdict u8, each REGIONS long); answers one
 * line per line of standard input: nanoseconds of one epoch, and entries of its plan.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BINS = 1024, ROWS = 3, BLOCK = 256, SHIFT = 18, BASE = (127 - 20) << 5, REFUSED = 19, OVER_BUDGET = 17 };
enum { FAST = 1, SLOW = 2 };

/* The policy's defaults; DECAY is 0.5 to the power of 1 / 5 epochs. */
static const float DECAY = 0.87055056f, HORIZON = 10, KEEP = 0.5f, RESERVE_PERCENT = 1, GUARD = 1.4f;
static const int HOLD = 30, PAUSE = 30;
static const double MOVE_COST_NS = 3000;
/* What epoch.ts tells the policy; the fast tier has room for one epoch's budget. */
static const double LATENCY_NS[ROWS] = {0, 80, 250}, SAMPLING_PERIOD = 1000;
static int64_t fast_room, epoch_budget;

struct columns {
	uint32_t *accesses, *pages;
	uint8_t *place, *verdict;
};

struct state {
	float *heat;
	uint16_t *slot;
	uint32_t *size;
	uint8_t *place, *parked;
	int8_t *recent;
};

struct plan {
	uint32_t *region;
	uint8_t *target;
	uint16_t *priority;
	uint8_t *reason;
	size_t length;
};

static uint32_t tally[ROWS * BINS][4];
static int64_t held[ROWS * BINS], leaving[ROWS * BINS], sinking[ROWS], rising[ROWS];
static uint8_t goal[ROWS * BINS];
static int low[ROWS], high[ROWS], sunk[ROWS], over_budget;
static int64_t room[ROWS], budget[ROWS];

static int bin_of(float value)
{
	int32_t bits;
	memcpy(&bits, &value, 4);
	return bits >> SHIFT;
}

static double heat_of(int bin)
{
	int32_t bits = (bin + BASE) << SHIFT;
	float value;
	memcpy(&value, &bits, 4);
	return bin ? value : 0;
}

/* Where the regions of a block lie, whether they just moved, whether they are left alone. */
static void settle(const struct columns *in, struct state *s, size_t first, size_t end, uint8_t *restrict row,
		   int8_t *restrict bias)
{
	const uint8_t *restrict place = in->place + first, *restrict verdict = in->verdict + first;
	uint8_t *restrict before = s->place + first, *restrict parked = s->parked + first;
	int8_t *restrict recent = s->recent + first;
	const int8_t guard = bin_of(GUARD) - (127 << 5);
	uint8_t over = 0;

	for (size_t i = 0; i < end - first; i++) {
		uint8_t now = (place[i] + 1) & -(place[i] < 2), was = (before[i] + 1) & -(before[i] < 2);
		int8_t up = -((now != 0) & (was > now)), down = -((was != 0) & (now > was));
		int8_t moved = recent[i] - ((recent[i] > 0) - (recent[i] < 0));
		uint8_t rest = parked[i] - (parked[i] > 0);
		uint8_t refused = -(verdict[i] >= REFUSED);

		moved = (moved & ~(up | down)) | (HOLD & up) | (-HOLD & down);
		rest = (rest & ~refused) | (PAUSE & refused);
		over |= verdict[i] == OVER_BUDGET;
		before[i] = place[i];
		recent[i] = moved;
		parked[i] = rest;
		row[i] = now & -(rest == 0);
		bias[i] = (guard & -(moved > 0)) | (-guard & -(moved < 0));
	}
	over_budget |= over;
}

/* Heat and slot; without a branch, so that the compiler vectorises it. */
static void warm_up(const struct columns *in, struct state *s, size_t first, size_t end,
		    const uint8_t *restrict row, const int8_t *restrict bias, float decay, float gain)
{
	const uint32_t *restrict accesses = in->accesses + first, *restrict sizes = in->pages + first;
	float *restrict heat = s->heat + first;
	uint16_t *restrict slot = s->slot + first;

	for (size_t i = 0; i < end - first; i++) {
		int32_t pages = sizes[i], bits, bin;
		float seen = (float)(int32_t)accesses[i] / (float)(pages > 1 ? pages : 1);
		float warm = heat[i] * decay + seen * gain;

		heat[i] = warm;
		memcpy(&bits, &warm, 4);
		bin = (bits >> SHIFT) - BASE + bias[i];
		bin = bin < 0 ? 0 : bin > BINS - 1 ? BINS - 1 : bin;
		slot[i] = (row[i] << 10) * (pages != 0) | bin;
	}
}

static void observe(const struct columns *in, struct state *s, size_t count)
{
	const float decay = DECAY, gain = 1 - decay;
	uint8_t row[BLOCK];
	int8_t bias[BLOCK];

	for (size_t first = 0; first < count; first += BLOCK) {
		size_t end = first + BLOCK < count ? first + BLOCK : count;
		settle(in, s, first, end, row, bias);
		warm_up(in, s, first, end, row, bias, decay, gain);
		for (size_t i = first; i < end; i++)
			tally[s->slot[i]][i & 3] += in->pages[i];
	}
	memcpy(s->size, in->pages, count * sizeof *s->size);
}

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t release(int row, int bin, int target, int64_t most)
{
	int at = row * BINS + bin;
	int64_t pages = min(min(most, held[at] - leaving[at]), min(room[target], budget[target]));

	if ((goal[at] && goal[at] != target) || pages <= 0)
		return 0;
	goal[at] = target;
	leaving[at] += pages;
	room[target] -= pages;
	budget[target] -= pages;
	if (target > row) {
		room[row] += pages;
		low[row] = low[row] > bin + 1 ? low[row] : bin + 1;
		sinking[row] += pages;
	} else {
		high[row] = high[row] < bin ? high[row] : bin;
		rising[row] += pages;
	}
	return pages;
}

static void sink(double per_heat)
{
	for (int bin = 0; bin < BINS; bin++) {
		int at = FAST * BINS + bin;

		while (held[at] > leaving[at]) {
			if (room[SLOW] <= 0 || budget[SLOW] <= 0)
				return;
			if (heat_of(bin + 1) * per_heat >= KEEP * 2 * MOVE_COST_NS)
				return;
			sunk[FAST] = bin + 1;
			if (!release(FAST, bin, SLOW, held[at]))
				break;
		}
	}
}

static void raise_hot(double per_heat)
{
	int bin = BINS - 1;

	room[FAST] = room[FAST] > 0 ? room[FAST] : 0;
	while (budget[FAST] > 0) {
		int at, victim;

		while (bin >= 0 && held[SLOW * BINS + bin] <= leaving[SLOW * BINS + bin])
			bin--;
		if (bin < 0 || heat_of(bin) * per_heat <= 2 * MOVE_COST_NS)
			return;
		at = SLOW * BINS + bin;
		if (room[FAST] > 0) {
			if (!release(SLOW, bin, FAST, held[at]))
				bin--;
			continue;
		}
		for (victim = low[FAST] ? low[FAST] - 1 : 0; victim < high[FAST]; victim++)
			if (held[FAST * BINS + victim] > leaving[FAST * BINS + victim])
				break;
		if (victim >= high[FAST] || room[SLOW] <= 0 || budget[SLOW] <= 0)
			return;
		if ((heat_of(bin) - heat_of(victim + 1)) * per_heat <= 2 * MOVE_COST_NS)
			return;
		if (!release(FAST, victim, SLOW, min(held[at] - leaving[at], budget[FAST])))
			return;
	}
}

/* What stays, of a row: once the last of a way is found, what remains that way stays, too. */
static void mark_zone(int row, uint16_t *from, uint16_t *slots)
{
	int lowest = sinking[row] > 0 ? low[row] : 0, highest = rising[row] > 0 ? high[row] : BINS;

	*from = row * BINS + lowest;
	*slots = highest - lowest;
}

static void decide(struct state *s, size_t count, struct plan *plan, uint32_t *candidate)
{
	const double per_heat = SAMPLING_PERIOD * HORIZON * (LATENCY_NS[SLOW] - LATENCY_NS[FAST]);
	int64_t capacity, room_left[ROWS], budget_left[ROWS];
	uint16_t from[ROWS], slots[ROWS];
	size_t found = 0;
	int searches = 0;

	for (int at = BINS; at < ROWS * BINS; at++) {
		held[at] = (int64_t)tally[at][0] + tally[at][1] + tally[at][2] + tally[at][3];
		leaving[at] = 0;
		goal[at] = 0;
	}
	for (int row = FAST; row < ROWS; row++) {
		low[row] = sunk[row] = 0;
		sinking[row] = rising[row] = 0;
		high[row] = BINS;
		room_left[row] = capacity = row == FAST ? fast_room : (int64_t)count;
		budget_left[row] = budget[row] = epoch_budget;
		for (int bin = 0; bin < BINS; bin++)
			capacity += held[row * BINS + bin];
		room[row] = room_left[row] - (int64_t)(capacity * RESERVE_PERCENT * 0.01);
	}
	sink(per_heat);
	raise_hot(per_heat);

	for (int row = FAST; row < ROWS; row++) {
		searches += (sinking[row] > 0) + (rising[row] > 0);
		mark_zone(row, &from[row], &slots[row]);
	}
	for (size_t first = 0; first < count && searches > 0; first += 8) {
		size_t end = first + 8 < count ? first + 8 : count;
		unsigned outside = 0;

		for (size_t i = first; i < end; i++) {
			uint16_t at = s->slot[i];
			int stays = at < BINS;

			for (int row = FAST; row < ROWS; row++)
				stays |= (uint16_t)(at - from[row]) < slots[row];
			outside |= (unsigned)!stays << (i - first);
		}
		for (; outside; outside &= outside - 1) {
			uint32_t i = first + __builtin_ctz(outside);
			int at = s->slot[i], row = at >> 10;
			int64_t left = leaving[at], *way = goal[at] > row ? &sinking[row] : &rising[row];

			if (left <= 0)
				continue;
			leaving[at] = left - s->size[i];
			*way -= min(left, s->size[i]);
			candidate[found++] = i;
			if (*way > 0)
				continue;
			searches--;
			mark_zone(row, &from[row], &slots[row]);
		}
	}
	plan->length = 0;
	for (int upwards = 0; upwards < 2; upwards++) {
		for (size_t c = 0; c < found; c++) {
			uint32_t i = candidate[c];
			int at = s->slot[i], row = at >> 10, bin = at & (BINS - 1), target = goal[at];

			if (upwards != (target < row) || room_left[target] < s->size[i] || budget_left[target] < s->size[i])
				continue;
			room_left[target] -= s->size[i];
			budget_left[target] -= s->size[i];
			if (!upwards)
				room_left[row] += s->size[i];
			plan->region[plan->length] = i;
			plan->target[plan->length] = target - 1;
			plan->priority[plan->length] = upwards ? bin : BINS - bin;
			plan->reason[plan->length++] = upwards ? 0 : bin < sunk[row] ? 1 : 2;
		}
	}
}

/* A column from the file, or of zeros; rounded up, since blocks are read whole. */
static void *column(FILE *file, size_t bytes)
{
	void *values = calloc(1, bytes + 64);

	if (!values || (file && fread(values, 1, bytes, file) != bytes))
		exit(1);
	return values;
}

int main(int argc, char **argv)
{
	FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;

	if (!file) {
		fprintf(stderr, "usage: heat COLUMNS REGIONS BUDGET\n");
		return 2;
	}
	size_t n = strtoul(argv[2], NULL, 10);
	fast_room = epoch_budget = strtol(argv[3], NULL, 10);
	struct columns in = {.accesses = column(file, n * 4), .pages = column(file, n * 4),
			     .place = column(file, n), .verdict = column(file, n)};
	struct state s = {.heat = column(NULL, n * 4), .slot = column(NULL, n * 2), .size = column(NULL, n * 4),
			  .place = column(NULL, n), .parked = column(NULL, n), .recent = column(NULL, n)};
	struct plan plan = {.region = column(NULL, n * 4), .target = column(NULL, n),
			    .priority = column(NULL, n * 2), .reason = column(NULL, n)};
	uint32_t *candidate = column(NULL, n * 4);

	memcpy(s.place, in.place, n);
	while (getchar() == '\n') {
		struct timespec from, to;

		clock_gettime(CLOCK_MONOTONIC, &from);
		memset(tally, 0, sizeof tally);
		observe(&in, &s, n);
		decide(&s, n, &plan, candidate);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%lld %zu\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec,
		       plan.length);
		fflush(stdout);
	}
	return 0;
}
