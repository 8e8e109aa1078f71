// Deadlines of peers, and the heap by which the control thread wakes for the earliest. A deadline
// that is cancelled or put off leaves the heap as it is: the control thread wakes too early once,
// looks, and sleeps on, so that the data path never touches the heap.
//
// No wake-up is lost between the two sides: the data path stores its deadline and then loads
// armed_at; due_look() stores 'never' into armed_at and then loads the deadlines. All four are
// sequentially consistent, so one side sees the other.
#include "tunnel/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/keypair.h"
#include "tunnel/loop.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"

#define NEW_HANDSHAKE_TIMEOUT_NS (KEEPALIVE_TIMEOUT_NS + REKEY_TIMEOUT_NS)
#define KEEPALIVE_AGAIN_NS NS_PER_S

#define relaxed_load(at) atomic_load_explicit(at, memory_order_relaxed)
#define relaxed_store(at, value) atomic_store_explicit(at, value, memory_order_relaxed)

// 0 to REKEY_TIMEOUT_JITTER_NS. It only has to differ between two ends that would else answer each
// other in step, so the clock's low digits and an address, well mixed, are random enough.
static uint64_t draw_jitter_ns(const struct peer *p, uint64_t now_ns)
{
	uint64_t mixed = (now_ns ^ (uintptr_t)p) * 0x9e3779b97f4a7c15;

	return (unsigned __int128)mixed * (REKEY_TIMEOUT_JITTER_NS + 1) >> 64;
}

// ---- the data path

static void set_deadline(struct peer *p, atomic_uint_fast64_t *at, uint64_t deadline_ns)
{
	atomic_store(at, deadline_ns);
	if (deadline_ns < atomic_load(&p->armed_at))
		mailbox_post(p, PEER_EVENT_TIMER);
}

static void cancel_deadline(atomic_uint_fast64_t *at)
{
	if (relaxed_load(at))
		relaxed_store(at, 0);
}

void timers_data_sent(struct peer *p, uint64_t now_ns)
{
	if (!relaxed_load(&p->new_handshake_at))
		set_deadline(p, &p->new_handshake_at,
		             now_ns + NEW_HANDSHAKE_TIMEOUT_NS + draw_jitter_ns(p, now_ns));
}

void timers_data_received(struct peer *p, uint64_t now_ns)
{
	if (!relaxed_load(&p->keepalive_at))
		set_deadline(p, &p->keepalive_at, now_ns + KEEPALIVE_TIMEOUT_NS);
	else if (!relaxed_load(&p->keepalive_again))
		relaxed_store(&p->keepalive_again, true);
}

void timers_any_sent(struct peer *p, uint64_t now_ns)
{
	cancel_deadline(&p->keepalive_at);
	relaxed_store(&p->last_traversal_ns, now_ns);
}

void timers_any_received(struct peer *p, uint64_t now_ns)
{
	cancel_deadline(&p->new_handshake_at);
	relaxed_store(&p->last_traversal_ns, now_ns);
}

// ---- the heap: heap[0] has the earliest armed_at, the children of i are 2i + 1 and 2i + 2

static uint64_t deadline_of(const struct timers *t, size_t i)
{
	return relaxed_load(&t->heap[i]->armed_at);
}

static void put_peer(struct timers *t, size_t i, struct peer *p)
{
	t->heap[i] = p;
	p->heap_at = i + 1;
}

// Moves the entry at i to where its key belongs.
static void sift_peer(struct timers *t, size_t i)
{
	struct peer *p = t->heap[i];
	uint64_t deadline_ns = deadline_of(t, i);

	for (; i && deadline_ns < deadline_of(t, (i - 1) / 2); i = (i - 1) / 2)
		put_peer(t, i, t->heap[(i - 1) / 2]);
	for (size_t child; (child = 2 * i + 1) < t->heap_count; i = child) {
		if (child + 1 < t->heap_count && deadline_of(t, child + 1) < deadline_of(t, child))
			child++;
		if (deadline_ns <= deadline_of(t, child))
			break;
		put_peer(t, i, t->heap[child]);
	}
	put_peer(t, i, p);
}

int timers_reserve(struct timers *t, size_t peers)
{
	size_t capacity = t->heap_capacity ? t->heap_capacity : 64;

	while (capacity < peers)
		capacity *= 2;
	if (capacity == t->heap_capacity)
		return 0;
	struct peer **heap = realloc(t->heap, capacity * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	t->heap = heap;
	t->heap_capacity = capacity;
	return 0;
}

static void place_peer(struct peer *p, uint64_t deadline_ns)
{
	struct timers *t = p->timers;

	if (deadline_ns == UINT64_MAX) {
		timers_disarm(p);
		return;
	}
	if (!p->heap_at)
		put_peer(t, t->heap_count++, p);
	atomic_store(&p->armed_at, deadline_ns);
	sift_peer(t, p->heap_at - 1);
}

static uint64_t find_first_of_peers(const struct timers *t)
{
	return t->heap_count ? deadline_of(t, 0) : UINT64_MAX;
}

static uint64_t find_first_deadline(const struct timers *t)
{
	uint64_t first_ns = timers_earlier(find_first_of_peers(t), t->listen_again_at);

	return timers_earlier(first_ns, t->sockets_again_at);
}

void timers_set(struct timers *t)
{
	uint64_t deadline_ns = find_first_deadline(t);
	struct itimerspec when = {0}; // zero disarms it

	if (deadline_ns != UINT64_MAX) {
		uint64_t real_ns = clock_real_ns(deadline_ns);

		when.it_value.tv_sec = real_ns / NS_PER_S;
		when.it_value.tv_nsec = real_ns % NS_PER_S;
	}
	timerfd_settime(t->source.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void timers_arm(struct peer *p, uint64_t deadline_ns)
{
	uint64_t before_ns = find_first_deadline(p->timers);

	place_peer(p, deadline_ns);
	if (find_first_deadline(p->timers) < before_ns)
		timers_set(p->timers);
}

void timers_disarm(struct peer *p)
{
	struct timers *t = p->timers;
	size_t i = p->heap_at;

	atomic_store(&p->armed_at, UINT64_MAX);
	if (!i)
		return;
	struct peer *last = t->heap[--t->heap_count];
	p->heap_at = 0;
	if (last != p) {
		put_peer(t, i - 1, last);
		sift_peer(t, i - 1);
	}
}

struct peer *timers_due(const struct timers *t, uint64_t now_ns)
{
	return find_first_of_peers(t) <= now_ns ? t->heap[0] : NULL;
}

// ---- the control thread

static void arm_by(struct peer *p, uint64_t deadline_ns)
{
	if (deadline_ns < relaxed_load(&p->armed_at))
		timers_arm(p, deadline_ns);
}

void timers_initiation_sent(struct peer *p, uint64_t now_ns)
{
	p->retransmit_at = now_ns + REKEY_TIMEOUT_NS + draw_jitter_ns(p, now_ns);
	arm_by(p, p->retransmit_at);
}

void timers_handshake_complete(struct peer *p)
{
	p->retransmit_at = 0;
	p->handshake_attempts = 0;
	p->handshake_waits = false;
}

void timers_session_derived(struct peer *p, uint64_t now_ns)
{
	p->zero_keys_at = now_ns + TIMERS_ZERO_KEYS_NS;
	arm_by(p, p->zero_keys_at);
}

void timers_keepalive_again(struct peer *p, uint64_t now_ns)
{
	atomic_store(&p->keepalive_at, now_ns + KEEPALIVE_AGAIN_NS);
	arm_by(p, now_ns + KEEPALIVE_AGAIN_NS);
}

void timers_persistent_changed(struct peer *p, uint64_t now_ns)
{
	relaxed_store(&p->last_traversal_ns, 0);
	arm_by(p, now_ns);
}

void timers_clear_path(struct peer *p)
{
	atomic_store(&p->keepalive_at, 0);
	atomic_store(&p->keepalive_again, false);
	atomic_store(&p->new_handshake_at, 0);
}

void timers_stop(struct peer *p)
{
	p->retransmit_at = 0;
	p->zero_keys_at = 0;
	p->handshake_attempts = 0;
	p->handshake_waits = false;
	// In this order: a deadline that the path sets meanwhile is cleared or posted.
	timers_disarm(p);
	timers_clear_path(p);
}

int timers_open(struct timers *t, struct loop *loop,
                void (*ready)(struct device *, struct loop_source *, uint32_t epoll_events))
{
	return loop_open(loop, &t->source,
	                 timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC), ready);
}

void timers_close(struct timers *t)
{
	if (t->source.fd >= 0)
		close(t->source.fd);
	free(t->heap);
}
