// Memory that is refused: the program is linked with --wrap for what the tunnel's objects ask for
// memory by, of the heap and of the kernel, so that each request of theirs is counted and may be
// refused, and what they hold is known. What libraries ask for is theirs.
#ifndef WGBENCH_TESTS_SUPPORT_REFUSAL_H
#define WGBENCH_TESTS_SUPPORT_REFUSAL_H

#include "tests/support/support.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>

// What is refused after so many grants: one request, or all that follow.
enum refusal { REFUSE_ONE, REFUSE_ALL, REFUSALS };

static atomic_long refusal_grants = LONG_MAX; // that are left; LONG_MAX: without end
static atomic_long refusal_count;             // since refusal_begin()
static enum refusal refusal_kind;
static atomic_long refusal_live;   // allocations that weren't freed
static atomic_long refusal_mapped; // bytes that weren't unmapped

// Weak: linked without --wrap they aren't there, and nothing calls what calls them.
#define WEAK __attribute__((weak))
WEAK void *__real_malloc(size_t bytes);
WEAK void *__real_calloc(size_t count, size_t bytes);
WEAK void *__real_realloc(void *p, size_t bytes);
WEAK void *__real_aligned_alloc(size_t alignment, size_t bytes);
WEAK void __real_free(void *p);
WEAK void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
WEAK int __real_munmap(void *at, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __wrap_free(void *p);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
WEAK int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *);

static inline bool refusal_grant(void)
{
	long left = refusal_grants;

	if (left == LONG_MAX)
		return true;
	if (left > 0) {
		refusal_grants = left - 1;
		return true;
	}
	refusal_count++;
	if (refusal_kind == REFUSE_ONE)
		refusal_grants = LONG_MAX;
	errno = ENOMEM;
	return false;
}

static inline void *refusal_counted(void *p)
{
	refusal_live += !!p;
	return p;
}

void *__wrap_malloc(size_t bytes)
{
	return refusal_counted(refusal_grant() ? __real_malloc(bytes) : NULL);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return refusal_counted(refusal_grant() ? __real_calloc(count, bytes) : NULL);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return refusal_counted(refusal_grant() ? __real_aligned_alloc(alignment, bytes) : NULL);
}

void *__wrap_realloc(void *p, size_t bytes)
{
	void *now = refusal_grant() ? __real_realloc(p, bytes) : NULL;

	refusal_live += now && !p;
	return now;
}

void __wrap_free(void *p)
{
	refusal_live -= !!p;
	__real_free(p);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	void *p =
	    refusal_grant() ? __real_mmap(at, bytes, protection, flags, fd, offset) : MAP_FAILED;

	if (p != MAP_FAILED)
		refusal_mapped += bytes;
	return p;
}

int __wrap_munmap(void *at, size_t bytes)
{
	refusal_mapped -= bytes;
	return __real_munmap(at, bytes);
}

// The kernel needs memory to watch what it doesn't watch yet.
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	int ret = __real_epoll_ctl(epoll, what, fd, event);

	if (ret || what != EPOLL_CTL_ADD || refusal_grant())
		return ret;
	__real_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	errno = ENOMEM;
	return -1;
}

// From here on `grants` requests for memory are granted. Other threads ask for none, or get none.
static inline void refusal_begin(enum refusal kind, long grants)
{
	refusal_kind = kind;
	refusal_count = 0;
	refusal_grants = grants;
}

// From here on all are. Whether any was refused.
static inline bool refusal_end(void)
{
	refusal_grants = LONG_MAX;
	return refusal_count;
}

// Skips the test where nothing is counted.
static inline void refusal_needed(void)
{
	if (!__real_malloc) {
		print_message("# linked without --wrap, which LTO would miss\n");
		skip();
	}
}

#endif
