/*
 * Anonymous memory with a hot part that is visited in every round and a cold part visited at a twentieth of that
 * rate. Commands come on standard input, one line each, and are answered by one line, so that nothing depends on time:
 *
 *   map NODE HOT COLD   maps HOT + COLD pages on NODE            at ADDRESS PAGES
 *   round               writes the hot pages and 1/20 of the others   round N
 *   mixed               the same, but of two pages only reads one     round N
 *   swap                another HOT pages, all cold so far, become hot   swapped
 *   nodes               where the pages are                      hot N0 … N7 GONE cold N0 … N7 GONE
 *   verify              pages whose contents are not what was written   bad COUNT
 *
 * Hot pages come in runs of 64 among the cold, so that no large range is all hot or all cold.
 */
#include "workload.h"

#define RUN 64
#define COLD_PERIOD 20
#define WORDS (PAGE / sizeof(uint64_t))

static char *start;
static unsigned long pages, stripes, phase;
static uint64_t round_number;
static uint64_t *writes;

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static int is_hot(unsigned long page)
{
	return (page / RUN) % stripes == phase;
}

static uint64_t *words_of(unsigned long page)
{
	return (uint64_t *)(start + page * PAGE);
}

/* Words 0 and 1 tell how often the page was written, the others which page it is. */
static void write_page(unsigned long page)
{
	uint64_t *word = words_of(page);

	writes[page]++;
	word[0] = writes[page];
	word[1] = mix(page ^ (writes[page] << 32));
}

static int is_intact(unsigned long page)
{
	const uint64_t *word = words_of(page);

	if (word[0] != writes[page] || word[1] != mix(page ^ (writes[page] << 32)))
		return 0;
	for (unsigned long i = 2; i < WORDS; i++)
		if (word[i] != page * WORDS + i)
			return 0;
	return 1;
}

static void map(int node, unsigned long hot, unsigned long cold)
{
	pages = hot + cold;
	stripes = pages / hot;
	start = map_pages(pages, 0);
	writes = calloc(pages, sizeof(*writes));
	if (!writes || madvise(start, pages * PAGE, MADV_NOHUGEPAGE))
		give_up("cannot prepare the mapping");
	touch(start, pages, node);
	for (unsigned long page = 0; page < pages; page++) {
		for (unsigned long i = 2; i < WORDS; i++)
			words_of(page)[i] = page * WORDS + i;
		write_page(page);
	}
	answer("at %lu %lu", (unsigned long)start, pages);
}

static void visit_round(int mixed)
{
	flush_tlb();
	for (unsigned long page = 0; page < pages; page++) {
		if (!is_hot(page) && page % COLD_PERIOD != round_number % COLD_PERIOD)
			continue;
		if (mixed && page % 2)
			(void)*(volatile uint64_t *)words_of(page);
		else
			write_page(page);
	}
	answer("round %lu", (unsigned long)++round_number);
}

static void print_nodes(void)
{
	unsigned long count[2][NODES + 1] = { 0 };
	int *status = malloc(pages * sizeof(*status));

	if (!status)
		give_up("no memory");
	query_nodes(start, pages, status);
	for (unsigned long page = 0; page < pages; page++)
		count[is_hot(page)][status[page] >= 0 && status[page] < NODES ? status[page] : NODES]++;
	free(status);
	for (int hot = 1; hot >= 0; hot--) {
		printf(hot ? "hot" : " cold");
		for (int i = 0; i <= NODES; i++)
			printf(" %lu", count[hot][i]);
	}
	answer("%s", "");
}

static void verify(void)
{
	unsigned long bad = 0;

	for (unsigned long page = 0; page < pages; page++)
		bad += !is_intact(page);
	answer("bad %lu", bad);
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long hot, cold;
		int node;

		if (sscanf(line, "map %d %lu %lu", &node, &hot, &cold) == 3) {
			map(node, hot, cold);
		} else if (!strcmp(line, "round\n")) {
			visit_round(0);
		} else if (!strcmp(line, "mixed\n")) {
			visit_round(1);
		} else if (!strcmp(line, "swap\n")) {
			phase = (phase + 1) % stripes;
			answer("swapped");
		} else if (!strcmp(line, "nodes\n")) {
			print_nodes();
		} else if (!strcmp(line, "verify\n")) {
			verify();
		} else {
			give_up("no such command: %s", line);
		}
	}
	return 0;
}
