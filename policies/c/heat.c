/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies/heat.ts once more, in C: the same settings and, on the same input, the same plans to the last
 * priority. What it does and why is said there; here stands only what C needs. Loops over regions work on
 * blocks and have no branches, so that clang vectorises them.
 */
#define TERRACE_KEEPS_STATE
#include "terrace.h"

enum {
	BINS = 1024,
	PLACES_MAX = 16,
	ROWS = 16,
	NOWHERE = 0,
	TIERS_END = 256,
	/* A bin is the float's exponent and five bits of mantissa: from 2^-20, in bin 0, to 2^12, in the last. */
	BIN_SHIFT = 18,
	BIN_BASE = (127 - 20) << 5,
	OVER_BUDGET = 17,
	REFUSED_FOR_ITSELF = 19,
	BLOCK = 256,
	LANES = 16,
};

/* ---- settings -------------------------------------------------------------------------------------- */

static float half_life, horizon, move_cost_ns, latency_step_ns, keep, reserve_percent, birth_epochs, guard;
static uint8_t hold, rest_epochs, warmup;

static const uint16_t *policy_configure(const struct terrace_setting *settings, size_t count)
{
	static const struct {
		const char *name;
		float *number;
		uint8_t *whole;
	} known[] = {
		{"halfLife", &half_life, 0},		 {"horizon", &horizon, 0},
		{"moveCostNs", &move_cost_ns, 0},	 {"latencyStepNs", &latency_step_ns, 0},
		{"keep", &keep, 0},			 {"reservePercent", &reserve_percent, 0},
		{"birthEpochs", &birth_epochs, 0},	 {"guard", &guard, 0},
		{"hold", 0, &hold},			 {"pause", 0, &rest_epochs},
		{"warmup", 0, &warmup},
	};

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
			if (!terrace_is(settings[i].name, known[k].name))
				continue;
			if (known[k].number)
				*known[k].number = settings[i].number;
			else
				*known[k].whole = settings[i].number;
		}
	}
	return NULL;
}

/* ---- what is kept ---------------------------------------------------------------------------------- */

/* One value per region. */
static float *heat;
static uint16_t *slot;
static uint32_t *size, *candidates;
static uint8_t *place_of, *parked;
static int8_t *recent;
static size_t regions, capacity;

/* Pages per slot, in four counters each, since neighbours often fall into one slot. */
static uint32_t tally[ROWS * BINS][4];
/* Of a slot: its pages, those that are to leave, and for which row. */
static int64_t held[ROWS * BINS], leaving[ROWS * BINS];
static uint8_t goal[ROWS * BINS];

/* Row of each place, now and in the epoch before. */
static uint8_t rows[PLACES_MAX], rows_before[PLACES_MAX];
/* Beyond these neither has a row; and how many there were in the epoch before. */
static size_t places_used, places_before;

static struct row {
	uint8_t tier;
	double latency_ns, move_cost_ns;
	/* Pages that fit, later less the reserve; negative = the reserve is touched. */
	int64_t room, budget;
	/* Bins below `low` leave downwards, from `high` on upwards, below `sunk` because they are cold. */
	int low, high, sunk;
	/* Pages still to be found below `low`, and from `high` on. */
	int64_t sinking, rising;
	/* Slots of regions that stay: the first and how many. */
	uint16_t zone, zone_slots;
} row_of[ROWS];
static int row_count = 1;

static int64_t room_left[PLACES_MAX], budget_left[PLACES_MAX];
static int budget_shared;
/* Samples per page and epoch times this is ns per page and ns of latency. */
static double worth;
/* Rows that still have pages to be found, each way. */
static int searches;
/* Pages born per epoch, and their heat, as means of the recent past. */
static double birth_pages, birth_heat;
/* Weight of what was known, and of what is new; `guard` in bins. */
static float decay, gain;
static int8_t guard_bins;

static inline int32_t bits_of(float value)
{
	int32_t bits;

	__builtin_memcpy(&bits, &value, sizeof bits);
	return bits;
}

static inline int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- begin: places and events ---------------------------------------------------------------------- */

static void arrive(size_t region)
{
	heat[region] = 0;
	recent[region] = 0;
	place_of[region] = TERRACE_PLACE_NONE;
	parked[region] = warmup;
}

static void make_room(size_t count)
{
	size_t larger = max(count, capacity + capacity / 2);

	heat = terrace_larger(heat, capacity * sizeof *heat, larger * sizeof *heat);
	slot = terrace_larger(slot, capacity * sizeof *slot, larger * sizeof *slot);
	size = terrace_larger(size, capacity * sizeof *size, larger * sizeof *size);
	candidates = terrace_larger(candidates, 0, larger * sizeof *candidates);
	place_of = terrace_larger(place_of, capacity, larger);
	parked = terrace_larger(parked, capacity, larger);
	recent = terrace_larger(recent, capacity, larger);
	capacity = larger;
}

static void grow(size_t count)
{
	if (count > capacity)
		make_room(count);
	for (; regions < count; regions++) {
		arrive(regions);
		size[regions] = 0;
		slot[regions] = 0;
	}
}

/* The mean heat of two regions that became one. */
static void merge(size_t region, size_t other)
{
	uint32_t total = size[region] + size[other];

	if (total)
		heat[region] = (heat[region] * (float)size[region] + heat[other] * (float)size[other]) /
			       (float)total;
	size[region] = total;
	arrive(other);
}

static void follow_event(uint8_t kind, size_t region, size_t other)
{
	if (kind == TERRACE_FORGET) {
		for (size_t r = 0; r < regions; r++)
			arrive(r);
	} else if (region >= regions) {
		return;
	} else if (kind == TERRACE_DIED || kind == TERRACE_BORN) {
		arrive(region);
	} else if (other >= regions) {
		return;
	} else if (kind == TERRACE_SPLIT) {
		heat[other] = heat[region];
		recent[other] = recent[region];
		place_of[other] = place_of[region];
		parked[other] = parked[region];
	} else if (kind == TERRACE_MERGED) {
		merge(region, other);
	} else if (kind == TERRACE_SCATTERED) {
		heat[region] = __builtin_wasm_max_f32(heat[region], heat[other]);
	}
}

static int serves(const struct terrace_place *place)
{
	return place->state == TERRACE_USABLE && place->kind != TERRACE_SWAP;
}

/* The lowest tier above `tier` among places that serve, or `TIERS_END`. */
static int next_tier(const struct terrace_place *places, size_t count, int tier)
{
	int next = TIERS_END;

	for (size_t p = 0; p < count; p++)
		if (serves(&places[p]) && places[p].tier > tier)
			next = min(next, places[p].tier);
	return next;
}

static void fill_row(const struct terrace_epoch *epoch, size_t count, struct row *row)
{
	double latency = 0, latencies = 0, cost = 0, costs = 0;

	for (size_t p = 0; p < count; p++) {
		const struct terrace_place *place = &epoch->places.items[p];
		double measured;

		if (!serves(place) || place->tier != row->tier)
			continue;
		rows[p] = row - row_of;
		row->room += room_left[p] = place->room;
		row->budget += budget_left[p] = place->budget;
		if (place->latency_ns) {
			latency += place->latency_ns;
			latencies += 1;
		}
		measured = terrace_metric(epoch, TERRACE_MOVE_COST_NS, p, 0);
		if (measured > 0) {
			cost += measured;
			costs += 1;
		}
	}
	row->latency_ns = latencies > 0 ? latency / latencies : 0;
	row->move_cost_ns = costs > 0 ? cost / costs : move_cost_ns;
}

/* Gives each tier a row, fastest first, with what its places offer together. */
static void rank(const struct terrace_epoch *epoch)
{
	const struct terrace_place *places = epoch->places.items;
	size_t count = min(epoch->places.count, PLACES_MAX);
	int tier = next_tier(places, count, -1);

	places_used = max(count, places_before);
	places_before = count;
	__builtin_memcpy(rows_before, rows, sizeof rows);
	__builtin_memset(rows, NOWHERE, sizeof rows);
	for (row_count = 1; tier < TIERS_END && row_count < ROWS; row_count++) {
		row_of[row_count] = (struct row){.tier = tier, .high = BINS};
		fill_row(epoch, count, &row_of[row_count]);
		tier = next_tier(places, count, tier);
	}
	worth = (double)epoch->sampling_period * (double)horizon;
}

/* The births of this epoch, for `learn_births`: what the host handed over is gone by then. */
static struct {
	uint32_t *regions;
	size_t count, capacity;
} births;

static void policy_begin(const struct terrace_epoch *epoch)
{
	const size_t count = epoch->events.count;

	grow(epoch->regions);
	if (count > births.capacity) {
		births.regions = terrace_alloc(2 * count * sizeof *births.regions);
		births.capacity = 2 * count;
	}
	births.count = 0;
	for (size_t i = 0; i < count; i++) {
		follow_event(epoch->events.kinds[i], epoch->events.regions[i], epoch->events.others[i]);
		if (epoch->events.kinds[i] == TERRACE_BORN)
			births.regions[births.count++] = epoch->events.regions[i];
	}
	regions = epoch->regions;
	rank(epoch);
	__builtin_memset(tally, 0, row_count * BINS * sizeof *tally);
}

/* ---- observe: heat and histogram ------------------------------------------------------------------- */

/*
 * 0.5 to the power of `exponent`, 0 to 126, rounded as AssemblyScript's Mathf.pow rounds it: the nearest
 * 32nd from a table, the rest by its polynomial (std/assembly/util/math.ts, after Arm's optimized routines).
 */
static float half_to_the(float exponent)
{
	/* 2 to the power of i / 32. */
	static const double roots[32] = {
		0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
		0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
		0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
		0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
		0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
		0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
		0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
		0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
	};
	double steps = __builtin_rint(-32.0 * exponent);
	double rest = -(double)exponent - steps / 32;
	int step = steps;
	int64_t power_bits = (int64_t)(1023 + (step >> 5)) << 52;
	double power;

	__builtin_memcpy(&power, &power_bits, sizeof power);
	return ((0x1.62e42ff0c52d6p-1 * rest + 1) +
		(0x1.c6af84b912394p-5 * rest + 0x1.ebfce50fac4f3p-3) * (rest * rest)) *
	       (roots[step & 31] * power);
}

/* The rows of a block's places; `NOWHERE` beyond the table. A vector of places at a time for each row. */
static void look_up(const uint8_t *table, const uint8_t *restrict places, size_t count, uint8_t *restrict row)
{
	__builtin_memset(row, NOWHERE, count);
	for (size_t p = 0; p < places_used; p++) {
		const uint8_t here = table[p];

		if (here == NOWHERE)
			continue;
		for (size_t i = 0; i < count; i++)
			row[i] |= places[i] == p ? here : NOWHERE;
	}
}

/* Whether regions just moved, whether they are left alone, and so their row and bias in the histogram. */
static void settle(const struct terrace_chunk *chunk, size_t at, size_t count, uint8_t *restrict row,
		   int8_t *restrict bias)
{
	const uint8_t *restrict place = chunk->place + at, *restrict verdict = chunk->verdict + at;
	uint8_t *restrict before = place_of + chunk->first + at, *restrict alone = parked + chunk->first + at;
	int8_t *restrict moves = recent + chunk->first + at;
	const uint8_t paused = rest_epochs;
	const int8_t held_up = hold, held_down = -hold, guarded = guard_bins;
	uint8_t row_before[BLOCK], over = 0;

	look_up(rows, place, count, row);
	look_up(rows_before, before, count, row_before);
	/* Its cost model takes bytes for integers. */
#pragma clang loop vectorize(assume_safety) vectorize_width(LANES)
	for (size_t i = 0; i < count; i++) {
		int8_t up = -((row[i] != NOWHERE) & (row[i] < row_before[i]));
		int8_t down = -((row_before[i] != NOWHERE) & (row[i] > row_before[i]));
		int8_t moved = moves[i] - ((moves[i] > 0) - (moves[i] < 0));
		uint8_t rest = alone[i] - (alone[i] > 0);
		uint8_t refused = -(verdict[i] >= REFUSED_FOR_ITSELF);

		moved = (moved & ~(up | down)) | (held_up & up) | (held_down & down);
		rest = (rest & ~refused) | (paused & refused);
		over |= verdict[i] == OVER_BUDGET;
		before[i] = place[i];
		moves[i] = moved;
		alone[i] = rest;
		row[i] &= -(rest == 0);
		bias[i] = (guarded & -(moved > 0)) | (-guarded & -(moved < 0));
	}
	budget_shared |= over;
}

/* Heat and slot. Counts are signed, as they are to the vectors of heat.ts. */
static void warm_up(const struct terrace_chunk *chunk, size_t at, size_t count, const uint8_t *restrict row,
		    const int8_t *restrict bias)
{
	const uint32_t *restrict accesses = chunk->accesses + at, *restrict sizes = chunk->pages + at;
	float *restrict warmth = heat + chunk->first + at;
	uint16_t *restrict slots = slot + chunk->first + at;
	const float old = decay, new = gain;

	for (size_t i = 0; i < count; i++) {
		int32_t pages = sizes[i], bin;
		float seen = (float)(int32_t)accesses[i] / (float)(pages > 1 ? pages : 1);
		float warm = warmth[i] * old + seen * new;

		warmth[i] = warm;
		bin = (bits_of(warm) >> BIN_SHIFT) - BIN_BASE + bias[i];
		bin = bin < 0 ? 0 : bin > BINS - 1 ? BINS - 1 : bin;
		slots[i] = ((row[i] << 10) & -(pages != 0)) | bin;
	}
}

/* Pages of a block's regions; those of four neighbours go to a counter each, as in heat.ts. */
static void count_pages(const struct terrace_chunk *chunk, size_t at, size_t count)
{
	const size_t whole = count & ~(LANES - 1);
	const uint16_t *restrict slots = slot + chunk->first + at;
	const uint32_t *restrict pages = chunk->pages + at;

	for (size_t i = 0; i < whole; i += 4)
		for (int counter = 0; counter < 4; counter++)
			tally[slots[i + counter]][counter] += pages[i + counter];
	for (size_t i = whole; i < count; i++)
		tally[slots[i]][0] += pages[i];
}

static void policy_observe(const struct terrace_chunk *chunk)
{
	uint8_t row[BLOCK];
	int8_t bias[BLOCK];

	decay = half_to_the(1 / half_life);
	gain = 1 - decay;
	guard_bins = (bits_of(guard) >> BIN_SHIFT) - (127 << 5);
	for (size_t at = 0; at < chunk->count; at += BLOCK) {
		size_t count = min(BLOCK, chunk->count - at);

		settle(chunk, at, count, row, bias);
		warm_up(chunk, at, count, row, bias);
		count_pages(chunk, at, count);
	}
	__builtin_memcpy(size + chunk->first, chunk->pages, chunk->count * sizeof *size);
}

/* ---- decide: thresholds ---------------------------------------------------------------------------- */

static void learn_births(void)
{
	double pages = 0, warmth = 0;

	for (size_t i = 0; i < births.count; i++) {
		uint32_t region = births.regions[i];

		if (region >= regions)
			continue;
		pages += size[region];
		warmth += (double)size[region] * heat[region] / gain;
	}
	birth_pages += 0.5 * (pages - birth_pages);
	if (pages > 0)
		birth_heat += 0.3 * (warmth / pages - birth_heat);
}

/* Sets room aside: a share of the tier, or what births will need in the fastest, but a third at most. */
static void reserve(int row)
{
	int64_t all = row_of[row].room;
	double share, newborn = 0;

	for (int bin = 0; bin < BINS; bin++)
		all += held[row * BINS + bin];
	share = (double)all * (double)reserve_percent * 0.01;
	if (row == 1)
		newborn = __builtin_wasm_min_f64(birth_pages * (double)birth_epochs, (double)all / 3);
	row_of[row].room -= (int64_t)__builtin_wasm_max_f64(share, newborn);
}

/* An equal part for each tier, so that moves down never starve moves up. */
static void share_budget(void)
{
	const int sharers = row_count - 1;

	for (int row = 1; row < row_count; row++)
		row_of[row].budget /= sharers;
	for (int place = 0; place < PLACES_MAX; place++)
		budget_left[place] /= sharers;
}

/* Least heat of a bin. */
static double heat_of(int bin)
{
	const int32_t bits = (bin + BIN_BASE) << BIN_SHIFT;
	float value;

	__builtin_memcpy(&value, &bits, sizeof value);
	return bin == 0 ? 0 : value;
}

/* Latency saved by living in the faster row; 0 where places tell that it is not faster. */
static double gap_of(int faster, int slower)
{
	const double near = row_of[faster].latency_ns, far = row_of[slower].latency_ns;

	return near > 0 && far > 0 ? __builtin_wasm_max_f64(far - near, 0)
				   : (double)latency_step_ns * (slower - faster);
}

/* The next slower row that takes pages, or `NOWHERE`. */
static int below(int row)
{
	for (int slower = row + 1; slower < row_count; slower++)
		if (row_of[slower].room > 0 && row_of[slower].budget > 0)
			return slower;
	return NOWHERE;
}

/* Cost of a move between two rows and of the way back. */
static double cost_of(int row, int other)
{
	return row_of[row].move_cost_ns + row_of[other].move_cost_ns;
}

/* Lets up to `most` pages of the slot go to another row; answers how many. */
static int64_t release(int row, int bin, int target, int64_t most)
{
	const int at = row * BINS + bin;
	struct row *from = &row_of[row], *to = &row_of[target];
	int64_t pages = min(min(most, held[at] - leaving[at]), min(to->room, to->budget));

	if ((goal[at] != NOWHERE && goal[at] != target) || pages <= 0)
		return 0;
	goal[at] = target;
	leaving[at] += pages;
	to->room -= pages;
	to->budget -= pages;
	if (target > row) {
		from->room += pages;
		from->low = max(from->low, bin + 1);
		from->sinking += pages;
	} else {
		from->high = min(from->high, bin);
		from->rising += pages;
	}
	return pages;
}

/* Moves down, coldest first, what is not worth its place, and what keeps newborns worth more out. */
static void sink(int row)
{
	for (int bin = 0; bin < BINS; bin++) {
		const int at = row * BINS + bin;

		while (held[at] > leaving[at]) {
			const int target = below(row);
			double per_heat, stay;
			int64_t most = held[at];

			if (target == NOWHERE)
				return;
			per_heat = worth * gap_of(row, target);
			stay = heat_of(bin + 1) * per_heat;
			if (stay < (double)keep * cost_of(row, target)) {
				row_of[row].sunk = bin + 1;
			} else {
				if (row != 1 || birth_heat * per_heat - stay <= row_of[target].move_cost_ns)
					return;
				most = -row_of[row].room;
			}
			if (release(row, bin, target, most) == 0)
				break;
		}
	}
}

/* Lowest bin of the row that still has pages to give away downwards. */
static int coldest(int row)
{
	for (int bin = max(row_of[row].low - 1, 0); bin < row_of[row].high; bin++)
		if (held[row * BINS + bin] > leaving[row * BINS + bin])
			return bin;
	return BINS;
}

/* The slower row whose hottest pages left gain most beyond their cost by moving here, or `NOWHERE`. */
static int gains_most(int row, int *cursors)
{
	int best = NOWHERE;
	double best_gain = 0;

	for (int slower = row + 1; slower < row_count; slower++) {
		int bin = cursors[slower];
		double gained;

		while (bin >= row_of[slower].low && held[slower * BINS + bin] <= leaving[slower * BINS + bin])
			bin--;
		cursors[slower] = bin;
		if (bin < row_of[slower].low)
			continue;
		gained = heat_of(bin) * worth * gap_of(row, slower) - cost_of(row, slower);
		if (gained > best_gain) {
			best = slower;
			best_gain = gained;
		}
	}
	return best;
}

/* Fills the row with what gains most by living there, making room where that pays. */
static void raise(int row)
{
	int cursors[ROWS];

	row_of[row].room = max(row_of[row].room, 0);
	for (int slower = row + 1; slower < row_count; slower++)
		cursors[slower] = row_of[slower].high - 1;
	while (row_of[row].budget > 0) {
		const int source = gains_most(row, cursors);
		const int bin = cursors[source], at = source * BINS + bin;
		int victim, target;
		double gained;

		if (source == NOWHERE)
			return;
		if (row_of[row].room > 0) {
			if (release(source, bin, row, held[at]) == 0)
				cursors[source]--;
			continue;
		}
		victim = coldest(row);
		target = below(row);
		if (victim == BINS || target == NOWHERE)
			return;
		gained = heat_of(bin) * gap_of(row, source) - heat_of(victim + 1) * gap_of(row, target);
		if (gained * worth <= cost_of(row, target))
			return;
		if (release(row, victim, target, min(held[at] - leaving[at], row_of[row].budget)) == 0)
			return;
	}
}

/* ---- decide: the regions behind the thresholds ----------------------------------------------------- */

static void mark_zone(int row)
{
	struct row *kept = &row_of[row];
	const int low = kept->sinking > 0 ? kept->low : 0, high = kept->rising > 0 ? kept->high : BINS;

	kept->zone = row * BINS + low;
	kept->zone_slots = high - low;
}

/* Marks the regions of a block that lie outside what stays. */
static void mark_away(const uint16_t *restrict slots, size_t count, uint16_t *restrict away)
{
	for (size_t i = 0; i < count; i++)
		away[i] = slots[i] >= BINS;
	for (int row = 1; row < row_count; row++) {
		const uint16_t zone = row_of[row].zone, stay = row_of[row].zone_slots;

		for (size_t i = 0; i < count; i++)
			away[i] &= (uint16_t)(slots[i] - zone) >= stay;
	}
}

/* Takes the region if its slot still has pages to let go; answers how many candidates there are. */
static size_t collect(size_t region, size_t found)
{
	const int at = slot[region], row = at >> 10;
	const int64_t taken = min(leaving[at], size[region]);
	int64_t *left = goal[at] > row ? &row_of[row].sinking : &row_of[row].rising;

	if (leaving[at] <= 0)
		return found;
	leaving[at] -= size[region];
	*left -= taken;
	if (*left <= 0) {
		searches--;
		mark_zone(row);
	}
	candidates[found] = region;
	return found + 1;
}

/* Collects regions until every slot that has pages to let go is served; answers how many. */
static size_t search(void)
{
	size_t found = 0;

	searches = 0;
	for (int row = 1; row < row_count; row++) {
		searches += (row_of[row].sinking > 0) + (row_of[row].rising > 0);
		mark_zone(row);
	}
	for (size_t first = 0; first < regions && searches > 0; first += BLOCK) {
		const size_t count = min(BLOCK, regions - first);
		uint16_t away[BLOCK + 4] = {0};

		mark_away(slot + first, count, away);
		for (size_t i = 0; i < count; i += 4) {
			uint64_t four;

			__builtin_memcpy(&four, away + i, sizeof four);
			for (size_t k = i; four; k++, four >>= 16)
				if (four & 1)
					found = collect(first + k, found);
		}
	}
	return found;
}

static int roomiest(int row, int64_t pages)
{
	int best = PLACES_MAX;

	for (int p = 0; p < PLACES_MAX; p++) {
		if (rows[p] != row || room_left[p] < pages || budget_left[p] < pages)
			continue;
		if (best == PLACES_MAX || room_left[p] > room_left[best])
			best = p;
	}
	return best;
}

/* Adds the region to the plan if it goes that way and a place takes it. */
static void send(struct terrace_plan *plan, size_t region, int upwards)
{
	const int at = slot[region], row = at >> 10, bin = at & (BINS - 1), target = goal[at];
	const int64_t pages = size[region];
	int place;

	if (upwards != (target < row))
		return;
	place = roomiest(target, pages);
	if (place == PLACES_MAX)
		return;
	room_left[place] -= pages;
	budget_left[place] -= pages;
	if (upwards) {
		terrace_move(plan, region, place, bin, 0);
	} else {
		room_left[place_of[region]] += pages;
		terrace_move(plan, region, place, BINS - bin, bin < row_of[row].sunk ? 1 : 2);
	}
}

static void policy_decide(struct terrace_plan *plan)
{
	size_t found;

	if (row_count < 3)
		return;
	for (int at = BINS; at < row_count * BINS; at++) {
		held[at] = (int64_t)tally[at][0] + tally[at][1] + tally[at][2] + tally[at][3];
		leaving[at] = 0;
		goal[at] = NOWHERE;
	}
	learn_births();
	for (int row = 1; row < row_count; row++)
		reserve(row);
	if (budget_shared)
		share_budget();
	for (int row = row_count - 2; row > NOWHERE; row--)
		sink(row);
	for (int row = 1; row < row_count - 1; row++)
		raise(row);
	found = search();
	for (int upwards = 0; upwards < 2; upwards++)
		for (size_t i = 0; i < found; i++)
			send(plan, candidates[i], upwards);
}

/* ---- state: as heat.ts has it, so that each takes over the other's --------------------------------- */

enum {
	/* Regions, pages and heat of births, whether a budget is shared. */
	HEAD_VALUES = 4,
	HEAD_BYTES = 8 * HEAD_VALUES + PLACES_MAX,
	REGION_BYTES = 11,
	STATE_BYTES_MAX = 16777216,
	SAVED_MAX = (STATE_BYTES_MAX - HEAD_BYTES) / REGION_BYTES,
	STATE_VERSION = 1,
};

static uint8_t *put(uint8_t *to, const void *values, size_t bytes)
{
	__builtin_memcpy(to, values, bytes);
	return to + bytes;
}

static const uint8_t *take(const uint8_t *from, void *values, size_t bytes)
{
	__builtin_memcpy(values, from, bytes);
	return from + bytes;
}

static struct terrace_state policy_save(void)
{
	static uint8_t *bytes;
	static size_t bytes_capacity;
	const size_t known = min(regions, SAVED_MAX), count = HEAD_BYTES + known * REGION_BYTES;
	const double head[HEAD_VALUES] = {known, birth_pages, birth_heat, budget_shared};
	uint8_t *to;

	if (count > bytes_capacity) {
		bytes_capacity = count + count / 2;
		bytes = terrace_alloc(bytes_capacity);
	}
	to = put(bytes, head, sizeof head);
	to = put(to, rows, sizeof rows);
	to = put(to, heat, known * sizeof *heat);
	to = put(to, size, known * sizeof *size);
	to = put(to, place_of, known);
	to = put(to, recent, known);
	put(to, parked, known);
	return (struct terrace_state){bytes, count};
}

static const uint16_t *policy_restore(uint32_t version, const uint8_t *state, size_t bytes)
{
	double head[HEAD_VALUES];
	size_t known;

	if (version != STATE_VERSION)
		return u"it is of another version";
	if (bytes < HEAD_BYTES)
		return u"it ends before its head does";
	state = take(state, head, sizeof head);
	if (!(head[0] >= 0 && head[0] <= SAVED_MAX))
		return u"it names no number of regions";
	known = head[0];
	if (bytes != HEAD_BYTES + known * REGION_BYTES)
		return u"it has not the length that it says";
	birth_pages = head[1];
	birth_heat = head[2];
	budget_shared = head[3] != 0;
	places_before = PLACES_MAX;
	regions = 0;
	grow(known);
	state = take(state, rows, sizeof rows);
	state = take(state, heat, known * sizeof *heat);
	state = take(state, size, known * sizeof *size);
	state = take(state, place_of, known);
	state = take(state, recent, known);
	take(state, parked, known);
	return NULL;
}
