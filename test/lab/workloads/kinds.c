/*
 * Memory of every kind a mover meets. Commands come on standard input, one line each, answered by one line:
 *
 *   map KIND PAGES NODE        memory of that kind on NODE             at ADDRESS PAGES
 *   file PATH PAGES NODE       maps that file, made as needed          at ADDRESS PAGES
 *   touch ADDRESS PAGES NODE   faults on NODE what is not there yet    touched
 *   unmap ADDRESS PAGES        gives the addresses up                  unmapped
 *   show ADDRESS PAGES PATH    maps that file there again and reads it shown
 *   merge ADDRESS PAGES        lets KSM merge it                       mergeable
 *   poison ADDRESS             reports the page's frame as broken      poisoned
 *   retire ADDRESS             has its frame replaced by a sound one   retired
 *   pin ADDRESS                vmsplices the page into a pipe          pinned
 *   fork                       shares everything with one more child   child PID
 *   reap                       ends all children                       reaped
 *   fill NODE LEAVE            takes the node's free pages but LEAVE   filled PAGES
 *   drop                       gives up what `fill` took               dropped
 *   nodes ADDRESS PAGES        runs of VALUExCOUNT, node or -errno     nodes 1x512 0x3 …
 *   raw ADDRESS PAGES NODE     move_pages(2) on ourselves, as it is    raw RETURNED ERRNO VALUExCOUNT …
 *   stamp ADDRESS PAGES SEED   writes a pattern                        stamped
 *   write ADDRESS PAGES STEP   writes to every STEP-th page            written
 *   verify ADDRESS PAGES SEED  pages that do not hold it               bad COUNT
 */
#include "workload.h"

#define SENTINEL (-1000)
#define HUGE_PAGES 512UL
/* linux/mman.h; glibc does not tell it under every set of feature macros. */
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#define CHILDREN_MAX 8

static pid_t child[CHILDREN_MAX];
static int children;
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

static char *map_path(char *at, const char *path, unsigned long pages)
{
	int file = open(path, O_RDWR | O_CREAT, 0600);
	char *start;

	if (file < 0 || ftruncate(file, pages * PAGE))
		give_up("cannot make %s", path);
	start = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), file, 0);
	if (start == MAP_FAILED)
		give_up("cannot map %s", path);
	close(file);
	return start;
}

static void map_file(const char *path, unsigned long pages, int node)
{
	char *start = map_path(NULL, path, pages);

	touch(start, pages, node);
	answer("at %lu %lu", (unsigned long)start, pages);
}

static void show(char *start, unsigned long pages, const char *path)
{
	map_path(start, path, pages);
	for (unsigned long i = 0; i < pages; i++)
		(void)*(volatile char *)(start + i * PAGE);
	answer("shown");
}

static void outlive(int signal)
{
	(void)signal;
}

/* The kernel tells us by a signal that the page is lost; soft offlining loses nothing. */
static void report_broken(char *page, int advice)
{
	signal(SIGBUS, outlive);
	if (madvise(page, PAGE, advice))
		give_up("madvise %d", advice);
	signal(SIGBUS, SIG_DFL);
	answer(advice == MADV_HWPOISON ? "poisoned" : "retired");
}

static void share(void)
{
	pid_t pid = children < CHILDREN_MAX ? fork() : -1;

	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	child[children++] = pid;
	answer("child %d", pid);
}

static void reap(void)
{
	while (children) {
		kill(child[--children], SIGKILL);
		waitpid(child[children], NULL, 0);
	}
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

static void stamp(char *start, unsigned long pages, uint64_t seed)
{
	for (unsigned long i = 0; i < pages * PAGE / 8; i++)
		((uint64_t *)start)[i] = seed + i;
	answer("stamped");
}

static void write_some(char *start, unsigned long pages, unsigned long step)
{
	flush_tlb();
	for (unsigned long i = 0; i < pages; i += step)
		*(volatile char *)(start + i * PAGE) += 0;
	answer("written");
}

static void verify(const char *start, unsigned long pages, uint64_t seed)
{
	unsigned long bad = 0;

	for (unsigned long page = 0; page < pages; page++)
		for (unsigned long i = page * PAGE / 8; i < (page + 1) * PAGE / 8; i++)
			if (((const uint64_t *)start)[i] != seed + i) {
				bad++;
				break;
			}
	answer("bad %lu", bad);
}

static int obey(const char *line)
{
	unsigned long at, pages, step, seed;
	char text[128];
	int node;

	if (sscanf(line, "map %127s %lu %d", text, &pages, &node) == 3)
		map(text, pages, node);
	else if (sscanf(line, "file %127s %lu %d", text, &pages, &node) == 3)
		map_file(text, pages, node);
	else if (sscanf(line, "touch %lu %lu %d", &at, &pages, &node) == 3)
		touch((char *)at, pages, node), answer("touched");
	else if (sscanf(line, "unmap %lu %lu", &at, &pages) == 2)
		munmap((char *)at, pages * PAGE), answer("unmapped");
	else if (sscanf(line, "show %lu %lu %127s", &at, &pages, text) == 3)
		show((char *)at, pages, text);
	else if (sscanf(line, "merge %lu %lu", &at, &pages) == 2)
		madvise((char *)at, pages * PAGE, MADV_MERGEABLE), answer("mergeable");
	else if (sscanf(line, "poison %lu", &at) == 1)
		report_broken((char *)at, MADV_HWPOISON);
	else if (sscanf(line, "retire %lu", &at) == 1)
		report_broken((char *)at, MADV_SOFT_OFFLINE);
	else if (sscanf(line, "pin %lu", &at) == 1)
		pin((char *)at);
	else if (!strcmp(line, "fork\n"))
		share();
	else if (!strcmp(line, "reap\n"))
		reap();
	else if (sscanf(line, "fill %d %lu", &node, &pages) == 2)
		fill(node, pages);
	else if (!strcmp(line, "drop\n"))
		munmap(hog, hog_pages * PAGE), answer("dropped");
	else if (sscanf(line, "nodes %lu %lu", &at, &pages) == 2)
		print_nodes((char *)at, pages);
	else if (sscanf(line, "raw %lu %lu %d", &at, &pages, &node) == 3)
		raw_move((char *)at, pages, node);
	else if (sscanf(line, "stamp %lu %lu %lu", &at, &pages, &seed) == 3)
		stamp((char *)at, pages, seed);
	else if (sscanf(line, "write %lu %lu %lu", &at, &pages, &step) == 3)
		write_some((char *)at, pages, step);
	else if (sscanf(line, "verify %lu %lu %lu", &at, &pages, &seed) == 3)
		verify((char *)at, pages, seed);
	else
		return 0;
	return 1;
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin))
		if (!obey(line))
			give_up("no such command: %s", line);
	return 0;
}
