/* What every workload of the lab shares: memory born on a chosen node, and the kernel's own word on where it is. */
#ifndef TERRACE_LAB_WORKLOAD_H
#define TERRACE_LAB_WORKLOAD_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define NODES 8
#define BATCH 8192

/* One line of answer per line of command. */
__attribute__((format(printf, 1, 2))) static inline void answer(const char *format, ...)
{
	va_list rest;

	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	putchar('\n');
	fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void give_up(const char *format, ...)
{
	va_list rest;

	fputs("workload: ", stderr);
	va_start(rest, format);
	vfprintf(stderr, format, rest);
	va_end(rest);
	fprintf(stderr, " (errno %d)\n", errno);
	exit(1);
}

static inline char *map_pages(unsigned long pages, int flags)
{
	char *start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (start == MAP_FAILED)
		give_up("cannot map %lu pages", pages);
	return start;
}

/* The memory policy of later faults; it is the thread's, so that no mapping stays bound by it. */
static inline void fault_on(int mode, int node)
{
	unsigned long mask = 1UL << node;

	if (syscall(SYS_set_mempolicy, mode, mode == MPOL_DEFAULT ? NULL : &mask, mode == MPOL_DEFAULT ? 0 : 64))
		give_up("set_mempolicy %d %d", mode, node);
}

static inline void touch(char *start, unsigned long pages, int node)
{
	fault_on(MPOL_BIND, node);
	for (unsigned long i = 0; i < pages; i++)
		start[i * PAGE] = 1;
	fault_on(MPOL_DEFAULT, 0);
}

/*
 * Dropping more than 33 pages at once flushes the TLB whole (tlb_single_page_flush_ceiling). An emulated processor
 * that still knows a translation would not mark the page as accessed again.
 */
static inline void flush_tlb(void)
{
	unsigned long scratch_pages = 64;
	char *scratch = map_pages(scratch_pages, MAP_POPULATE);

	madvise(scratch, scratch_pages * PAGE, MADV_DONTNEED);
	munmap(scratch, scratch_pages * PAGE);
}

/* move_pages(2) on ourselves with nodes = NULL: a node or a negative errno for each page. */
static inline void query_nodes(char *start, unsigned long pages, int *status)
{
	static void *address[BATCH];

	for (unsigned long done = 0; done < pages; done += BATCH) {
		unsigned long count = pages - done < BATCH ? pages - done : BATCH;

		for (unsigned long i = 0; i < count; i++)
			address[i] = start + (done + i) * PAGE;
		if (syscall(SYS_move_pages, 0, count, address, NULL, status + done, 0))
			give_up("move_pages query");
	}
}

#endif
