#include "tunnel/due.h"

#include "tunnel/clock.h"
#include "tunnel/handshake.h"
#include "tunnel/interface.h"
#include "tunnel/keypair.h"
#include "tunnel/peer.h"
#include "tunnel/session.h"
#include "tunnel/sockets.h"
#include "tunnel/staging.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"

static bool is_due(uint64_t at, uint64_t now_ns)
{
	return at && at <= now_ns;
}

// Clears a deadline of the data path's if it is due. false also where the path has just cancelled
// it or put it off.
static bool take_due(atomic_uint_fast64_t *at, uint64_t now_ns)
{
	uint_fast64_t value = atomic_load(at);

	return is_due(value, now_ns) && atomic_compare_exchange_strong(at, &value, 0);
}

static void retransmit_handshake(struct peer *p, uint64_t now_ns)
{
	p->retransmit_at = 0;
	if (p->handshake_attempts + 1 < REKEY_ATTEMPTS_MAX) {
		p->handshake_attempts++;
		handshake_initiate(p, true);
		return;
	}
	p->handshake_waits = false;
	atomic_store(&p->keepalive_at, 0);
	staging_drop(p);
	if (!p->zero_keys_at)
		p->zero_keys_at = now_ns + TIMERS_ZERO_KEYS_NS;
}

static void send_passive_keepalive(struct peer *p, uint64_t now_ns)
{
	handshake_keepalive(p);
	if (atomic_exchange(&p->keepalive_again, false))
		atomic_store(&p->keepalive_at, now_ns + KEEPALIVE_TIMEOUT_NS);
}

// When the persistent keepalive is due; 0: it is off.
static uint64_t find_persistent_at(const struct peer *p)
{
	uint64_t last_ns = atomic_load_explicit(&p->last_traversal_ns, memory_order_relaxed);

	if (!p->persistent_keepalive_s)
		return 0;
	// At once, also where the machine has been up for less than the interval.
	return last_ns ? last_ns + p->persistent_keepalive_s * NS_PER_S : 1;
}

// Does what is due, and returns the next deadline (UINT64_MAX: none). Until that is armed, armed_at
// is UINT64_MAX.
static uint64_t do_due(struct peer *p, uint64_t now_ns)
{
	atomic_store(&p->armed_at, UINT64_MAX);
	if (p->removed || !p->device->up) {
		// A packet that was under way when the link went down set them. They won't be
		// armed, and the path sets none that is set.
		timers_clear_path(p);
		return UINT64_MAX;
	}
	if (is_due(p->zero_keys_at, now_ns)) {
		p->zero_keys_at = 0;
		session_end(p);
	}
	if (is_due(p->retransmit_at, now_ns))
		retransmit_handshake(p, now_ns);
	if (take_due(&p->keepalive_at, now_ns))
		send_passive_keepalive(p, now_ns);
	if (take_due(&p->new_handshake_at, now_ns))
		handshake_initiate(p, false);
	if (is_due(find_persistent_at(p), now_ns)) {
		// Also where nothing can be sent now: else this would be due without end.
		atomic_store_explicit(&p->last_traversal_ns, now_ns, memory_order_relaxed);
		handshake_keepalive(p);
	}
	uint64_t next_ns = timers_earlier(UINT64_MAX, atomic_load(&p->keepalive_at));
	next_ns = timers_earlier(next_ns, atomic_load(&p->new_handshake_at));
	next_ns = timers_earlier(next_ns, p->retransmit_at);
	next_ns = timers_earlier(next_ns, p->zero_keys_at);
	return timers_earlier(next_ns, find_persistent_at(p));
}

void due_look(struct peer *p, uint64_t now_ns)
{
	timers_arm(p, do_due(p, now_ns));
}

void due_expire(struct device *d, uint64_t now_ns)
{
	struct peer *p;

	if (is_due(d->timers.listen_again_at, now_ns))
		interface_up(d);
	if (is_due(d->timers.sockets_again_at, now_ns))
		sockets_try_again(d);
	while ((p = timers_due(&d->timers, now_ns)))
		due_look(p, now_ns);
	timers_set(&d->timers);
}
