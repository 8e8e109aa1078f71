// Deadlines of peers, and the heap by which the control thread wakes for the earliest. A deadline
// that is cancelled or put off leaves the heap as it is: the control thread wakes too early once,
// looks, and sleeps on, so that the data path never touches the heap.
//
// No wake-up is lost between the two sides: the data path stores its deadline and then loads
// armed_at; timers_run() stores 'never' into armed_at and then loads the deadlines. All four are
// sequentially consistent, so one side sees the other.
#include "tunnel/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include "tunnel/device.h"
#include "tunnel/handshake.h"

#define NEW_HANDSHAKE_TIMEOUT_NS (KEEPALIVE_TIMEOUT_NS + REKEY_TIMEOUT_NS)
#define ZERO_KEYS_TIMEOUT_NS (3 * REJECT_AFTER_TIME_NS)
#define KEEPALIVE_AGAIN_NS NS_PER_S

#define relaxed_load(at) atomic_load_explicit(at, memory_order_relaxed)
#define relaxed_store(at, value) atomic_store_explicit(at, value, memory_order_relaxed)

// 0 to REKEY_TIMEOUT_JITTER_NS. It only has to differ between two ends that would else answer each
// other in step, so the clock's low digits and an address, well mixed, are random enough.
static uint64_t jitter_ns(const struct peer *p, uint64_t now_ns)
{
	uint64_t mixed = (now_ns ^ (uintptr_t)p) * 0x9e3779b97f4a7c15;

	return (unsigned __int128)mixed * (REKEY_TIMEOUT_JITTER_NS + 1) >> 64;
}

// ---- the data path

static void set_deadline(struct peer *p, atomic_uint_fast64_t *at, uint64_t deadline_ns)
{
	atomic_store(at, deadline_ns);
	if (deadline_ns < atomic_load(&p->armed_at))
		control_post(p, PEER_EVENT_TIMER);
}

static void cancel(atomic_uint_fast64_t *at)
{
	if (relaxed_load(at))
		relaxed_store(at, 0);
}

void timers_data_sent(struct peer *p, uint64_t now_ns)
{
	if (!relaxed_load(&p->new_handshake_at))
		set_deadline(p, &p->new_handshake_at,
		             now_ns + NEW_HANDSHAKE_TIMEOUT_NS + jitter_ns(p, now_ns));
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
	cancel(&p->keepalive_at);
	relaxed_store(&p->last_traversal_ns, now_ns);
}

void timers_any_received(struct peer *p, uint64_t now_ns)
{
	cancel(&p->new_handshake_at);
	relaxed_store(&p->last_traversal_ns, now_ns);
}

static bool due(uint64_t at, uint64_t now_ns)
{
	return at && at <= now_ns;
}

// ---- the heap: heap[0] has the earliest armed_at, the children of i are 2i + 1 and 2i + 2

static uint64_t key(const struct control *c, size_t i)
{
	return relaxed_load(&c->heap[i]->armed_at);
}

static void put(struct control *c, size_t i, struct peer *p)
{
	c->heap[i] = p;
	p->heap_at = i + 1;
}

// Moves the entry at i to where its key belongs.
static void sift(struct control *c, size_t i)
{
	struct peer *p = c->heap[i];
	uint64_t deadline_ns = key(c, i);

	for (; i && deadline_ns < key(c, (i - 1) / 2); i = (i - 1) / 2)
		put(c, i, c->heap[(i - 1) / 2]);
	for (size_t child; (child = 2 * i + 1) < c->heap_count; i = child) {
		if (child + 1 < c->heap_count && key(c, child + 1) < key(c, child))
			child++;
		if (deadline_ns <= key(c, child))
			break;
		put(c, i, c->heap[child]);
	}
	put(c, i, p);
}

int timers_reserve(struct device *d, size_t peers)
{
	struct control *c = &d->control;
	size_t capacity = c->heap_capacity ? c->heap_capacity : 64;

	while (capacity < peers)
		capacity *= 2;
	if (capacity == c->heap_capacity)
		return 0;
	struct peer **heap = realloc(c->heap, capacity * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	c->heap = heap;
	c->heap_capacity = capacity;
	return 0;
}

static void place(struct peer *p, uint64_t deadline_ns)
{
	struct control *c = &p->device->control;

	if (deadline_ns == UINT64_MAX) {
		timers_disarm(p);
		return;
	}
	if (!p->heap_at)
		put(c, c->heap_count++, p);
	atomic_store(&p->armed_at, deadline_ns);
	sift(c, p->heap_at - 1);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static uint64_t first_of_peers(const struct control *c)
{
	return c->heap_count ? key(c, 0) : UINT64_MAX;
}

static uint64_t first_deadline(const struct device *d)
{
	uint64_t first_ns = earlier(first_of_peers(&d->control), d->listen_again_at);

	return earlier(first_ns, d->udp.again_at_ns);
}

static void set_timerfd(struct device *d)
{
	uint64_t deadline_ns = first_deadline(d);
	struct itimerspec when = {0}; // zero disarms it

	if (deadline_ns != UINT64_MAX) {
		uint64_t real_ns = clock_real_ns(deadline_ns);

		when.it_value.tv_sec = real_ns / NS_PER_S;
		when.it_value.tv_nsec = real_ns % NS_PER_S;
	}
	timerfd_settime(d->control.timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void timers_arm(struct peer *p, uint64_t deadline_ns)
{
	uint64_t before_ns = first_deadline(p->device);

	place(p, deadline_ns);
	if (first_deadline(p->device) < before_ns)
		set_timerfd(p->device);
}

void timers_disarm(struct peer *p)
{
	struct control *c = &p->device->control;
	size_t i = p->heap_at;

	atomic_store(&p->armed_at, UINT64_MAX);
	if (!i)
		return;
	struct peer *last = c->heap[--c->heap_count];
	p->heap_at = 0;
	if (last != p) {
		put(c, i - 1, last);
		sift(c, i - 1);
	}
}

void timers_expire(struct device *d, uint64_t now_ns)
{
	struct control *c = &d->control;

	if (due(d->listen_again_at, now_ns))
		device_up(d);
	if (due(d->udp.again_at_ns, now_ns))
		udp_try_again(d);
	while (first_of_peers(c) <= now_ns) {
		struct peer *p = c->heap[0];

		place(p, timers_run(p, now_ns));
	}
	set_timerfd(d);
}

void timers_listen_again(struct device *d, uint64_t deadline_ns)
{
	d->listen_again_at = deadline_ns;
	set_timerfd(d);
}

void timers_sockets_changed(struct device *d)
{
	set_timerfd(d);
}

// ---- the control thread

static void arm_by(struct peer *p, uint64_t deadline_ns)
{
	if (deadline_ns < relaxed_load(&p->armed_at))
		timers_arm(p, deadline_ns);
}

void timers_initiation_sent(struct peer *p, uint64_t now_ns)
{
	p->retransmit_at = now_ns + REKEY_TIMEOUT_NS + jitter_ns(p, now_ns);
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
	p->zero_keys_at = now_ns + ZERO_KEYS_TIMEOUT_NS;
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

static void clear_path_deadlines(struct peer *p)
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
	clear_path_deadlines(p);
}

// Clears a deadline of the data path's if it is due. false also where the path has just cancelled
// it or put it off.
static bool take_due(atomic_uint_fast64_t *at, uint64_t now_ns)
{
	uint_fast64_t value = atomic_load(at);

	return due(value, now_ns) && atomic_compare_exchange_strong(at, &value, 0);
}

static void retransmit(struct peer *p, uint64_t now_ns)
{
	p->retransmit_at = 0;
	if (p->handshake_attempts + 1 < REKEY_ATTEMPTS_MAX) {
		p->handshake_attempts++;
		handshake_initiate(p, true);
		return;
	}
	p->handshake_waits = false;
	atomic_store(&p->keepalive_at, 0);
	peer_drop_staged(p);
	if (!p->zero_keys_at)
		p->zero_keys_at = now_ns + ZERO_KEYS_TIMEOUT_NS;
}

static void passive_keepalive(struct peer *p, uint64_t now_ns)
{
	handshake_keepalive(p);
	if (atomic_exchange(&p->keepalive_again, false))
		atomic_store(&p->keepalive_at, now_ns + KEEPALIVE_TIMEOUT_NS);
}

// When the persistent keepalive is due; 0: it is off.
static uint64_t persistent_at(const struct peer *p)
{
	uint64_t last_ns = relaxed_load(&p->last_traversal_ns);

	if (!p->persistent_keepalive_s)
		return 0;
	// At once, also where the machine has been up for less than the interval.
	return last_ns ? last_ns + p->persistent_keepalive_s * NS_PER_S : 1;
}

uint64_t timers_run(struct peer *p, uint64_t now_ns)
{
	atomic_store(&p->armed_at, UINT64_MAX);
	if (p->removed || !p->device->up) {
		// A packet that was under way when the link went down set them. They won't be
		// armed, and the path sets none that is set.
		clear_path_deadlines(p);
		return UINT64_MAX;
	}
	if (due(p->zero_keys_at, now_ns)) {
		p->zero_keys_at = 0;
		peer_zero_keys(p);
	}
	if (due(p->retransmit_at, now_ns))
		retransmit(p, now_ns);
	if (take_due(&p->keepalive_at, now_ns))
		passive_keepalive(p, now_ns);
	if (take_due(&p->new_handshake_at, now_ns))
		handshake_initiate(p, false);
	if (due(persistent_at(p), now_ns)) {
		// Also where nothing can be sent now: else this would be due without end.
		relaxed_store(&p->last_traversal_ns, now_ns);
		handshake_keepalive(p);
	}
	uint64_t next_ns = earlier(UINT64_MAX, atomic_load(&p->keepalive_at));
	next_ns = earlier(next_ns, atomic_load(&p->new_handshake_at));
	next_ns = earlier(next_ns, p->retransmit_at);
	next_ns = earlier(next_ns, p->zero_keys_at);
	return earlier(next_ns, persistent_at(p));
}
