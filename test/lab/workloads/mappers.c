/*
 * Memory that one or several processes map, of every kind. One command, answered by one line:
 *
 *   map KIND PAGES CHILDREN     at ADDRESS PAGES PID…     processes that map the range or a part of it
 *
 * Kinds: plain, mlocked, no-access, cow (children write some pages), shmem (shared; every other child elsewhere),
 * memfd (shared from an offset, and private parts of it), file (private, some pages written), thp, thp-cow,
 * thp-parts (unmapped, protected and moved pieces), memfd-thp, hugetlb, ksm, dead-leader (only a thread is left).
 */
#include "workload.h"
#include <pthread.h>
#include <sched.h>

#define HUGE_PAGES 512UL
#define CHILDREN_MAX 64

static int ready[2];
static pid_t pids[CHILDREN_MAX + 1];

static char *map_at(unsigned long pages, int flags, int fd, unsigned long first)
{
	char *start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, first * PAGE);

	if (start == MAP_FAILED)
		give_up("mmap %lu pages", pages);
	return start;
}

/* Private memory of base pages, or aligned for huge ones. */
static char *map_private(unsigned long pages, int huge)
{
	unsigned long start = (unsigned long)map_at(pages + HUGE_PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)((start + HUGE_PAGES * PAGE - 1) & ~(HUGE_PAGES * PAGE - 1));

	if (madvise(aligned, pages * PAGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		give_up("madvise");
	return aligned;
}

static char *map_file(const char *kind, unsigned long pages, int *fd)
{
	char name[] = "/tmp/mappers-XXXXXX";

	*fd = strcmp(kind, "file") ? memfd_create("mappers", 0) : mkstemp(name);
	if (*fd < 0 || ftruncate(*fd, (pages + 16) * PAGE))
		give_up("file");
	if (!strcmp(kind, "file")) {
		static char block[PAGE] = { 1 };

		unlink(name);
		for (unsigned long i = 0; i < pages + 16; i++)
			if (write(*fd, block, PAGE) != (ssize_t)PAGE)
				give_up("write");
		return map_at(pages, MAP_PRIVATE, *fd, 16);
	}
	return map_at(pages, MAP_SHARED, *fd, 16);
}

static void write_all(char *start, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		*(volatile char *)(start + i * PAGE) = (char)i;
}

static void read_all(const char *start, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		(void)*(volatile const char *)(start + i * PAGE);
}

static void move_away(char *start, unsigned long pages)
{
	char *room = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED || mremap(start, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) != room)
		give_up("mremap");
}

/* Everything but the first 512 pages: unmapped, read-only, given back and moved pieces of huge pages. */
static void cut(char *start, unsigned long pages)
{
	char *second = start + HUGE_PAGES * PAGE;

	if (pages < 4 * HUGE_PAGES)
		give_up("thp-parts needs %lu pages", 4 * HUGE_PAGES);
	munmap(second, 50 * PAGE);
	mprotect(second + 256 * PAGE, 100 * PAGE, PROT_READ);
	madvise(second + (HUGE_PAGES + 33) * PAGE, 40 * PAGE, MADV_DONTNEED);
	move_away(second + (2 * HUGE_PAGES + 64) * PAGE, 64);
}

static void *stay(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

/* The kernel wakes the joiner a moment before it takes the leader's memory away. */
static void *outlive(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	usleep(50000);
	if (write(ready[1], "", 1) != 1)
		exit(1);
	return stay(NULL);
}

/* What a child does to what it inherited. */
static void live(const char *kind, char *start, unsigned long pages, int fd, int index)
{
	if (!strcmp(kind, "cow"))
		for (unsigned long i = index; i < pages; i += 16)
			start[i * PAGE] = 99;
	if (!strcmp(kind, "thp-cow"))
		for (unsigned long i = HUGE_PAGES + 7; i < pages; i += 700)
			start[i * PAGE] = 99;
	if (!strcmp(kind, "file") || !strcmp(kind, "memfd") || !strcmp(kind, "memfd-thp"))
		read_all(start, pages);
	if (!strcmp(kind, "file"))
		for (unsigned long i = index; i < pages; i += 64)
			start[i * PAGE] = 99;
	if (!strcmp(kind, "memfd")) {
		char *part = map_at(pages / 2, MAP_PRIVATE, fd, 20);

		read_all(part, pages / 2);
		part[0] = 1;
	}
	if (!strcmp(kind, "shmem")) {
		if (index & 1)
			move_away(start, pages);
		else
			read_all(start, pages);
	}
	if (!strcmp(kind, "dead-leader")) {
		static pthread_t thread, leader;

		leader = pthread_self();
		write_all(map_private(pages, 0), pages);
		if (pthread_create(&thread, NULL, outlive, &leader))
			give_up("pthread_create");
		pthread_exit(NULL);
	}
}

static void start_children(const char *kind, char *start, unsigned long pages, int fd, int children)
{
	char byte;

	if (children > CHILDREN_MAX || pipe(ready))
		give_up("pipe");
	for (int i = 0; i < children; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			give_up("fork");
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live(kind, start, pages, fd, i);
		if (write(ready[1], "", 1) != 1)
			exit(1);
		stay(NULL);
	}
	for (int i = 0; i < children; i++)
		if (read(ready[0], &byte, 1) != 1)
			give_up("a child ended");
}

static void map(const char *kind, unsigned long pages, int children)
{
	int huge = !strncmp(kind, "thp", 3), is_file = !strcmp(kind, "file") || !strncmp(kind, "memfd", 5), fd = -1;
	char *start = is_file				? map_file(kind, pages, &fd)
		      : !strcmp(kind, "shmem")	? map_at(pages, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
		      : !strcmp(kind, "hugetlb") ? map_at(pages, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)
						: map_private(pages, huge);

	if (!strcmp(kind, "memfd-thp"))
		madvise(start, pages * PAGE, MADV_HUGEPAGE);
	if (strcmp(kind, "file"))
		write_all(start, pages);
	else
		read_all(start, pages);
	if (!strcmp(kind, "ksm")) {
		for (unsigned long i = 0; i < pages; i++)
			memset(start + i * PAGE, 1 + (int)(i % (pages / 2 + 1)), PAGE);
		if (madvise(start, pages * PAGE, MADV_MERGEABLE))
			give_up("MADV_MERGEABLE");
	}
	if (!strcmp(kind, "mlocked") && mlock(start, pages * PAGE))
		give_up("mlock");
	if (!strcmp(kind, "thp-parts"))
		cut(start, pages);
	start_children(kind, start, pages, fd, children);
	if (!strcmp(kind, "no-access") && mprotect(start, pages * PAGE / 2, PROT_NONE))
		give_up("mprotect");
	printf("at %lu %lu %d", (unsigned long)start, pages, getpid());
	for (int i = 0; i < children; i++)
		printf(" %d", pids[i]);
	answer("%s", "");
}

int main(void)
{
	char line[256], kind[32];
	unsigned long pages;
	int children;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "map %31s %lu %d", kind, &pages, &children) != 3)
			give_up("no such command: %s", line);
		map(kind, pages, children);
	}
	return 0;
}
