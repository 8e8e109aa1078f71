// Included before the sources of a slot (-include): counts what threads pay to share, and changes
// nothing else. gcc's and clang's stdatomic.h build all forms on the _explicit ones.
#ifndef WGBENCH_SCALING_COUNT_H
#define WGBENCH_SCALING_COUNT_H

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// clang-format off
#define SCALING_COUNTS(X) X(cas) X(cas_failed) X(adds) X(wakes) X(sleeps) X(yields)
// clang-format on

struct scaling_counts {
#define X(name) uint64_t name;
	SCALING_COUNTS(X)
#undef X
};

extern __thread struct scaling_counts scaling_counts;

static inline bool scaling_cas(bool done)
{
	scaling_counts.cas++;
	scaling_counts.cas_failed += !done;
	return done;
}

#ifdef SCALING_COUNT
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak
#undef atomic_fetch_add
#undef atomic_fetch_sub
#ifdef __clang__
#define SCALING_ATOMIC(name) __c11_atomic_##name
#define atomic_compare_exchange_strong_explicit(p, e, d, s, f)                                     \
	scaling_cas(__c11_atomic_compare_exchange_strong(p, e, d, s, f))
#define atomic_compare_exchange_weak_explicit(p, e, d, s, f)                                       \
	scaling_cas(__c11_atomic_compare_exchange_weak(p, e, d, s, f))
#else
#define SCALING_ATOMIC(name) __atomic_##name
#define atomic_compare_exchange_strong_explicit(p, e, d, s, f)                                     \
	scaling_cas(__atomic_compare_exchange_n(p, e, d, false, s, f))
#define atomic_compare_exchange_weak_explicit(p, e, d, s, f)                                       \
	scaling_cas(__atomic_compare_exchange_n(p, e, d, true, s, f))
#endif
#define atomic_fetch_add_explicit(p, n, order)                                                     \
	(scaling_counts.adds++, SCALING_ATOMIC(fetch_add)(p, n, order))
#define atomic_fetch_sub_explicit(p, n, order)                                                     \
	(scaling_counts.adds++, SCALING_ATOMIC(fetch_sub)(p, n, order))
#define atomic_compare_exchange_strong(p, e, d)                                                    \
	atomic_compare_exchange_strong_explicit(p, e, d, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define atomic_compare_exchange_weak(p, e, d)                                                      \
	atomic_compare_exchange_weak_explicit(p, e, d, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define atomic_fetch_add(p, n) atomic_fetch_add_explicit(p, n, __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(p, n) atomic_fetch_sub_explicit(p, n, __ATOMIC_SEQ_CST)
#define sem_post(s) (scaling_counts.wakes++, sem_post(s))
#define sem_wait(s) (scaling_counts.sleeps++, sem_wait(s))
#define sched_yield() (scaling_counts.yields++, sched_yield())
#endif

#endif
