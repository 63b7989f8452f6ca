/*
 * Memory of every kind a mover meets. Commands come on standard input, one line each, answered by one line:
 *
 *   map KIND PAGES NODE        memory of that kind on NODE             at ADDRESS PAGES
 *   pin ADDRESS                vmsplices the page into a pipe          pinned
 *   fork                       shares everything with a child          child PID
 *   reap                       ends that child                         reaped
 *   fill NODE LEAVE            takes the node's free pages but LEAVE   filled PAGES
 *   drop                       gives up what `fill` took               dropped
 *   nodes ADDRESS PAGES        runs of VALUExCOUNT, node or -errno     nodes 1x512 0x3 …
 *   raw ADDRESS PAGES NODE     move_pages(2) on ourselves, as it is    raw RETURNED ERRNO VALUExCOUNT …
 *   stamp ADDRESS PAGES        writes a pattern                        stamped
 *   write ADDRESS PAGES STEP   writes to every STEP-th page            written
 *   verify ADDRESS PAGES       pages that do not hold it               bad COUNT
 */
#include "workload.h"

#define SENTINEL (-1000)
#define HUGE_PAGES 512UL

static pid_t child;
static char *hog;
static unsigned long hog_pages;

static char *map_huge_aligned(unsigned long pages)
{
	unsigned long start = (unsigned long)map_pages(pages + HUGE_PAGES, 0);

	return (char *)((start + HUGE_PAGES * PAGE - 1) & ~(HUGE_PAGES * PAGE - 1));
}

static void map(const char *kind, unsigned long pages, int node)
{
	unsigned long mask = 1UL << node;
	int huge = !strcmp(kind, "thp"), hugetlb = !strcmp(kind, "hugetlb");
	char *start = huge ? map_huge_aligned(pages) : map_pages(pages, hugetlb ? MAP_HUGETLB : 0);

	if (!hugetlb && madvise(start, pages * PAGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		give_up("madvise %s", kind);
	if (!strcmp(kind, "bound") && syscall(SYS_mbind, start, pages * PAGE, MPOL_BIND, &mask, 64, 0))
		give_up("mbind");
	if (!strcmp(kind, "zero")) {
		for (unsigned long i = 0; i < pages; i++)
			(void)*(volatile char *)(start + i * PAGE);
	} else if (strcmp(kind, "untouched")) {
		touch(start, pages, node);
	}
	if (!strcmp(kind, "mlocked") && mlock(start, pages * PAGE))
		give_up("mlock");
	answer("at %lu %lu", (unsigned long)start, pages);
}

static void pin(char *page)
{
	static int pipes[2];
	struct iovec vector = { page, PAGE };

	if (!pipes[1] && pipe(pipes))
		give_up("pipe");
	if (vmsplice(pipes[1], &vector, 1, 0) != (ssize_t)PAGE)
		give_up("vmsplice");
	answer("pinned");
}

static void share(void)
{
	child = fork();
	if (child < 0)
		give_up("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	answer("child %d", child);
}

static void reap(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	answer("reaped");
}

static unsigned long free_pages(int node)
{
	char name[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/sys/devices/system/node/node%d/meminfo", node);
	file = fopen(name, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*d MemFree: %lu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib / 4;
}

/* Preferred, not bound: what does not fit falls elsewhere instead of waking the OOM killer. */
static void fill(int node, unsigned long leave)
{
	unsigned long free_now = free_pages(node);

	hog_pages = free_now > leave ? free_now - leave : 0;
	hog = map_pages(hog_pages ? hog_pages : 1, MAP_NORESERVE);
	madvise(hog, hog_pages * PAGE, MADV_NOHUGEPAGE);
	fault_on(MPOL_PREFERRED, node);
	for (unsigned long i = 0; i < hog_pages; i++)
		hog[i * PAGE] = 1;
	fault_on(MPOL_DEFAULT, 0);
	answer("filled %lu", hog_pages);
}

static void print_runs(const int *value, unsigned long count)
{
	for (unsigned long i = 0, from = 0; i < count; i++)
		if (i + 1 == count || value[i + 1] != value[i]) {
			printf(" %dx%lu", value[i], i + 1 - from);
			from = i + 1;
		}
	answer("%s", "");
}

static void raw_move(char *start, unsigned long pages, int node)
{
	void **address = malloc(pages * sizeof(*address));
	int *target = malloc(pages * sizeof(*target)), *status = malloc(pages * sizeof(*status));
	long returned;

	if (!address || !target || !status)
		give_up("no memory");
	for (unsigned long i = 0; i < pages; i++) {
		address[i] = start + i * PAGE;
		target[i] = node;
		status[i] = SENTINEL;
	}
	errno = 0;
	returned = syscall(SYS_move_pages, 0, pages, address, target, status, MPOL_MF_MOVE);
	printf("raw %ld %d", returned, errno);
	print_runs(status, pages);
	free(address);
	free(target);
	free(status);
}

static void print_nodes(char *start, unsigned long pages)
{
	int *status = malloc(pages * sizeof(*status));

	if (!status)
		give_up("no memory");
	query_nodes(start, pages, status);
	printf("nodes");
	print_runs(status, pages);
	free(status);
}

static void stamp(char *start, unsigned long pages)
{
	for (unsigned long i = 0; i < pages * PAGE / 8; i++)
		((uint64_t *)start)[i] = (uint64_t)start + i;
	answer("stamped");
}

/*
 * The TLB is flushed first (dropping so many pages flushes it whole): an emulated processor that still knows a
 * translation would not mark the page as accessed.
 */
static void write_some(char *start, unsigned long pages, unsigned long step)
{
	unsigned long scratch_pages = 64;
	char *scratch = map_pages(scratch_pages, MAP_POPULATE);

	madvise(scratch, scratch_pages * PAGE, MADV_DONTNEED);
	for (unsigned long i = 0; i < pages; i += step)
		*(volatile char *)(start + i * PAGE) += 0;
	munmap(scratch, scratch_pages * PAGE);
	answer("written");
}

static void verify(const char *start, unsigned long pages)
{
	unsigned long bad = 0;

	for (unsigned long page = 0; page < pages; page++)
		for (unsigned long i = page * PAGE / 8; i < (page + 1) * PAGE / 8; i++)
			if (((const uint64_t *)start)[i] != (uint64_t)start + i) {
				bad++;
				break;
			}
	answer("bad %lu", bad);
}

int main(void)
{
	char line[256], kind[32];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long at, pages, step;
		int node;

		if (sscanf(line, "map %31s %lu %d", kind, &pages, &node) == 3) {
			map(kind, pages, node);
		} else if (sscanf(line, "pin %lu", &at) == 1) {
			pin((char *)at);
		} else if (!strcmp(line, "fork\n")) {
			share();
		} else if (!strcmp(line, "reap\n")) {
			reap();
		} else if (sscanf(line, "fill %d %lu", &node, &pages) == 2) {
			fill(node, pages);
		} else if (!strcmp(line, "drop\n")) {
			munmap(hog, hog_pages * PAGE);
			answer("dropped");
		} else if (sscanf(line, "nodes %lu %lu", &at, &pages) == 2) {
			print_nodes((char *)at, pages);
		} else if (sscanf(line, "raw %lu %lu %d", &at, &pages, &node) == 3) {
			raw_move((char *)at, pages, node);
		} else if (sscanf(line, "stamp %lu %lu", &at, &pages) == 2) {
			stamp((char *)at, pages);
		} else if (sscanf(line, "write %lu %lu %lu", &at, &pages, &step) == 3) {
			write_some((char *)at, pages, step);
		} else if (sscanf(line, "verify %lu %lu", &at, &pages) == 2) {
			verify((char *)at, pages);
		} else {
			give_up("no such command: %s", line);
		}
	}
	return 0;
}
