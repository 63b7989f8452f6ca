/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiering policy in freestanding C: the world of policies/wit/policy.wit, laid out as the canonical ABI
 * lays it out (component model, CanonicalABI.md, "Alignment", "Element Size" and "Flattening").
 *
 * Include it in one file of the policy, and define there the functions under "What you write". What each
 * column, place and event means is said in policy.wit. docs/languages.md has the commands.
 */
#ifndef TERRACE_H
#define TERRACE_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__wasm32__) || !defined(__wasm_bulk_memory__)
#error "compile with: clang --target=wasm32 -mbulk-memory -ffreestanding -nostdlib -Wl,--no-entry"
#endif

/* ---- what the host hands over and what it takes ---------------------------------------------------- */

#define TERRACE_LIST(type)    \
	struct {              \
		type *items;  \
		size_t count; \
	}

/* UTF-16, not ended by a zero. */
typedef TERRACE_LIST(const uint16_t) terrace_text;

enum terrace_setting_kind { TERRACE_NUMBER, TERRACE_TRUTH, TERRACE_TEXT };

/* Checked against the manifest's schema; gone when policy_configure returns. */
struct terrace_setting {
	terrace_text name;
	uint8_t kind;
	union {
		double number;
		uint8_t truth;
		terrace_text text;
	};
};

enum terrace_place_kind { TERRACE_NODE_WITH_CPUS, TERRACE_NODE_WITHOUT_CPUS, TERRACE_SWAP };
enum terrace_place_state { TERRACE_USABLE, TERRACE_DRAINING, TERRACE_GONE };
enum { TERRACE_PLACE_NONE = 255 };

struct terrace_place {
	uint8_t tier, kind, state;
	uint32_t capacity, room, budget, latency_ns, bandwidth_mib;
};

enum terrace_metric_id { TERRACE_MOVE_COST_NS };
enum { TERRACE_MACHINE = 65535 };

struct terrace_metric {
	uint16_t id, subject;
	double value;
};

enum terrace_event_kind {
	TERRACE_DIED,
	TERRACE_BORN,
	TERRACE_SPLIT,
	TERRACE_MERGED,
	TERRACE_FORGET,
	TERRACE_SCATTERED,
};

/* Gone when policy_begin returns: copy what you keep. */
struct terrace_epoch {
	uint32_t number, length_ms, regions, owners, sampling_period;
	TERRACE_LIST(const struct terrace_place) places;
	TERRACE_LIST(const struct terrace_metric) metrics;
	/* Three columns of one length, oldest first. */
	struct {
		const uint8_t *kinds;
		const uint32_t *regions, *others;
		size_t count;
	} events;
};

enum terrace_flag {
	TERRACE_HUGE = 1,
	TERRACE_SHARED = 2,
	TERRACE_FILE = 4,
	TERRACE_UNMOVABLE = 8,
	TERRACE_POLICY_BOUND = 16,
};

/*
 * Regions first … first + count - 1. Columns that the manifest does not ask for are NULL; the others hold
 * `count` values and are gone when policy_observe returns.
 */
struct terrace_chunk {
	uint32_t first, count;
	const uint32_t *accesses, *writes, *pages, *fault_latency_us, *born, *block;
	const uint16_t *idle_epochs, *owner;
	const uint8_t *place, *flags, *coverage, *verdict;
};

struct terrace_wish {
	uint16_t id, subject;
	uint32_t value;
};

/*
 * Arrives empty. Fill it with terrace_move, or let its lists point at arrays of your own, which must stay
 * as they are until the next call.
 */
struct terrace_plan {
	TERRACE_LIST(uint32_t) regions;
	TERRACE_LIST(uint8_t) targets;
	TERRACE_LIST(uint16_t) priorities;
	TERRACE_LIST(uint8_t) reasons;
	TERRACE_LIST(uint32_t) headroom;
	TERRACE_LIST(struct terrace_wish) wishes;
};

struct terrace_state {
	const uint8_t *items;
	size_t count;
};

/* ---- what you write -------------------------------------------------------------------------------- */

/* Once, before anything else. NULL, or why these settings do not go together: u"keep exceeds reserve". */
static const uint16_t *policy_configure(const struct terrace_setting *settings, size_t count);
static void policy_begin(const struct terrace_epoch *epoch);
static void policy_observe(const struct terrace_chunk *chunk);
static void policy_decide(struct terrace_plan *plan);

/* Define TERRACE_KEEPS_STATE before including this file to write these two yourself. */
static struct terrace_state policy_save(void);
static const uint16_t *policy_restore(uint32_t version, const uint8_t *state, size_t bytes);

/* ---- memory ---------------------------------------------------------------------------------------- */

#define TERRACE_EXPORT(name) __attribute__((export_name(name)))

/* Where the linker's data ends. */
extern uint8_t __heap_base;

__attribute__((import_module("$root"), import_name("log")))
void terrace_log_text(uint32_t level, const uint16_t *text, size_t count);

enum terrace_level { TERRACE_DEBUG, TERRACE_INFO, TERRACE_WARNING, TERRACE_ERROR, TERRACE_ABORT };

/* Logs at most 256 characters of ASCII. */
static inline void terrace_log(enum terrace_level level, const char *message)
{
	uint16_t text[256];
	size_t count = 0;

	for (; message[count] && count < 256; count++)
		text[count] = (uint8_t)message[count];
	terrace_log_text(level, text, count);
}

__attribute__((noreturn)) static inline void terrace_abort(const char *message)
{
	terrace_log(TERRACE_ABORT, message);
	__builtin_trap();
}

/* Zeroed memory that is never given back, aligned to 16 bytes. */
static void *terrace_alloc(size_t bytes)
{
	static uintptr_t end;
	const size_t page = 65536;
	uintptr_t start = ((end ? end : (uintptr_t)&__heap_base) + 15) & ~(uintptr_t)15;
	size_t has = __builtin_wasm_memory_size(0), needs;

	if (bytes > UINT32_MAX - page - start)
		terrace_abort("out of memory");
	end = start + bytes;
	needs = (end + page - 1) / page;
	if (needs > has && __builtin_wasm_memory_grow(0, needs - has) == SIZE_MAX)
		terrace_abort("out of memory");
	return (void *)start;
}

/*
 * An array that keeps its first `old` bytes and has zeros behind them, in another place: make it larger by
 * half at least, since the old place is lost.
 */
static inline void *terrace_larger(const void *array, size_t old, size_t bytes)
{
	void *larger = terrace_alloc(bytes);

	__builtin_memcpy(larger, array, old);
	return larger;
}

/* The block that takes what the host lowers for one call; emptied when the call returns. */
static struct {
	uintptr_t start, next, end;
} terrace_arena;

static inline void terrace_empty_arena(void)
{
	terrace_arena.next = terrace_arena.start;
}

/* A full block is left behind for one twice as large, so that few calls suffice to find the right size. */
TERRACE_EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes)
{
	uintptr_t at = (terrace_arena.next + align - 1) & -align;

	if (bytes == 0)
		return (void *)align;
	if (at > terrace_arena.end || bytes > terrace_arena.end - at) {
		size_t least = 2 * (terrace_arena.end - terrace_arena.start) + 65536;
		size_t size = bytes > least ? bytes : least;

		at = terrace_arena.start = (uintptr_t)terrace_alloc(size);
		terrace_arena.end = at + size;
	}
	terrace_arena.next = at + bytes;
	if (old_bytes)
		__builtin_memcpy((void *)at, old, old_bytes < bytes ? old_bytes : bytes);
	return (void *)at;
}

/* The compiler may call these; with bulk memory each is one instruction. */
void *memset(void *to, int value, size_t bytes)
{
	return __builtin_memset(to, value, bytes);
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	return __builtin_memcpy(to, from, bytes);
}

void *memmove(void *to, const void *from, size_t bytes)
{
	return __builtin_memmove(to, from, bytes);
}

/* ---- conveniences ---------------------------------------------------------------------------------- */

/* Whether the text reads like this, in ASCII. */
static inline int terrace_is(terrace_text text, const char *word)
{
	size_t i = 0;

	while (i < text.count && word[i] && text.items[i] == (uint8_t)word[i])
		i++;
	return i == text.count && !word[i];
}

/* The metric's value, or `fallback` where none was measured. */
static inline double terrace_metric(const struct terrace_epoch *epoch, uint16_t id, uint16_t subject,
				    double fallback)
{
	for (size_t i = 0; i < epoch->metrics.count; i++)
		if (epoch->metrics.items[i].id == id && epoch->metrics.items[i].subject == subject)
			return epoch->metrics.items[i].value;
	return fallback;
}

enum { TERRACE_PLAN_ENTRIES_MAX = 1048576, TERRACE_NO_REASON = -1 };

static struct {
	uint32_t *regions;
	uint16_t *priorities;
	uint8_t *targets, *reasons;
	size_t capacity;
} terrace_entries;

static inline void terrace_more_entries(void)
{
	size_t old = terrace_entries.capacity, capacity = old ? 2 * old : 1024;

	terrace_entries.regions = terrace_larger(terrace_entries.regions, 4 * old, 4 * capacity);
	terrace_entries.priorities = terrace_larger(terrace_entries.priorities, 2 * old, 2 * capacity);
	terrace_entries.targets = terrace_larger(terrace_entries.targets, old, capacity);
	terrace_entries.reasons = terrace_larger(terrace_entries.reasons, old, capacity);
	terrace_entries.capacity = capacity;
}

/*
 * Wishes the region into the place; name no region twice. Higher priorities go first, ties in the order of
 * calls. `reason` is an index into the manifest's reasons: give one always or never. Further entries than
 * TERRACE_PLAN_ENTRIES_MAX are dropped.
 */
static inline void terrace_move(struct terrace_plan *plan, uint32_t region, uint8_t place, uint16_t priority,
				int reason)
{
	size_t at = plan->regions.count;

	if (at == TERRACE_PLAN_ENTRIES_MAX)
		return;
	if (at == terrace_entries.capacity)
		terrace_more_entries();
	terrace_entries.regions[at] = region;
	terrace_entries.targets[at] = place;
	terrace_entries.priorities[at] = priority;
	terrace_entries.reasons[at] = reason < 0 ? 0 : reason;
	plan->regions.count = plan->targets.count = at + 1;
	plan->priorities.count = at + 1;
	plan->reasons.count = reason < 0 ? 0 : at + 1;
	plan->regions.items = terrace_entries.regions;
	plan->targets.items = terrace_entries.targets;
	plan->priorities.items = terrace_entries.priorities;
	plan->reasons.items = terrace_entries.reasons;
}

/* ---- the exports of the world ---------------------------------------------------------------------- */

/* `column`, as the host lowers it. */
struct terrace_column {
	uint16_t id;
	struct {
		uint8_t kind;
		const void *values;
		size_t count;
	} data;
};

/* `result<_, string>`. */
struct terrace_answer {
	uint8_t is_refusal;
	terrace_text why;
};

#define TERRACE_LAID_OUT(type, bytes, field, offset)                        \
	_Static_assert(sizeof(type) == (bytes), "size of " #type);          \
	_Static_assert(offsetof(type, field) == (offset), "layout of " #type)
TERRACE_LAID_OUT(struct terrace_setting, 24, number, 16);
TERRACE_LAID_OUT(struct terrace_place, 24, bandwidth_mib, 20);
TERRACE_LAID_OUT(struct terrace_metric, 16, value, 8);
TERRACE_LAID_OUT(struct terrace_column, 16, data.count, 12);
TERRACE_LAID_OUT(struct terrace_wish, 8, value, 4);
TERRACE_LAID_OUT(struct terrace_plan, 48, wishes, 40);
TERRACE_LAID_OUT(struct terrace_answer, 12, why, 4);

void __wasm_call_ctors(void);

/* Runs constructors once, where a start section, which is refused, would run them. */
TERRACE_EXPORT("_initialize") void terrace_initialize(void)
{
	__wasm_call_ctors();
}

static inline const struct terrace_answer *terrace_answer(const uint16_t *refusal)
{
	static struct terrace_answer answer;

	terrace_empty_arena();
	answer = (struct terrace_answer){.is_refusal = refusal != NULL, .why = {.items = refusal}};
	while (refusal && refusal[answer.why.count])
		answer.why.count++;
	return &answer;
}

TERRACE_EXPORT("configure")
const struct terrace_answer *terrace_configure(const struct terrace_setting *settings, size_t count)
{
	return terrace_answer(policy_configure(settings, count));
}

TERRACE_EXPORT("begin")
void terrace_begin(uint32_t number, uint32_t length_ms, uint32_t regions, uint32_t owners,
		   uint32_t sampling_period, const struct terrace_place *places, size_t place_count,
		   const struct terrace_metric *metrics, size_t metric_count, const uint8_t *kinds,
		   size_t kind_count, const uint32_t *event_regions, size_t event_region_count,
		   const uint32_t *others, size_t other_count)
{
	policy_begin(&(struct terrace_epoch){
		.number = number,
		.length_ms = length_ms,
		.regions = regions,
		.owners = owners,
		.sampling_period = sampling_period,
		.places = {places, place_count},
		.metrics = {metrics, metric_count},
		.events = {kinds, event_regions, others, kind_count},
	});
	(void)event_region_count;
	(void)other_count;
	terrace_empty_arena();
}

TERRACE_EXPORT("observe")
void terrace_observe(uint32_t first, uint32_t count, const struct terrace_column *columns, size_t column_count)
{
	struct terrace_chunk chunk = {.first = first, .count = count};

	for (size_t i = 0; i < column_count; i++) {
		const void *values = columns[i].data.values;

		switch (columns[i].id) {
		case 0: chunk.accesses = values; break;
		case 1: chunk.writes = values; break;
		case 2: chunk.idle_epochs = values; break;
		case 3: chunk.pages = values; break;
		case 4: chunk.place = values; break;
		case 5: chunk.owner = values; break;
		case 6: chunk.flags = values; break;
		case 7: chunk.coverage = values; break;
		case 8: chunk.fault_latency_us = values; break;
		case 9: chunk.born = values; break;
		case 10: chunk.verdict = values; break;
		case 11: chunk.block = values; break;
		}
	}
	policy_observe(&chunk);
	terrace_empty_arena();
}

TERRACE_EXPORT("decide") const struct terrace_plan *terrace_decide(void)
{
	static struct terrace_plan plan;

	plan = (struct terrace_plan){0};
	policy_decide(&plan);
	return &plan;
}

TERRACE_EXPORT("save") const struct terrace_state *terrace_save(void)
{
	static struct terrace_state state;

	state = policy_save();
	return &state;
}

TERRACE_EXPORT("restore")
const struct terrace_answer *terrace_restore(uint32_t version, const uint8_t *state, size_t bytes)
{
	return terrace_answer(policy_restore(version, state, bytes));
}

#ifndef TERRACE_KEEPS_STATE
static struct terrace_state policy_save(void)
{
	return (struct terrace_state){0};
}

static const uint16_t *policy_restore(uint32_t version, const uint8_t *state, size_t bytes)
{
	(void)version;
	(void)state;
	return bytes ? u"this policy keeps no state" : NULL;
}
#endif

#endif
