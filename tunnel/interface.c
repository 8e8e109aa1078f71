#include "tunnel/interface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/counters.h"
#include "tunnel/lock.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/session.h"
#include "tunnel/sockets.h"
#include "tunnel/staging.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"

// Short at first: who holds the port may be a tunnel that is just being killed, whose sockets go
// some milliseconds after its interface. Then as long as anyone would wait for it; an attempt keeps
// the path out for some microseconds.
#define LISTEN_AGAIN_FIRST_NS (100 * NS_PER_MS)
#define LISTEN_AGAIN_MAX_NS (5 * NS_PER_S)

// Ends what there is with the peer; a new handshake needn't wait for the last one's 5 s.
static void drop_sessions(struct peer *p)
{
	session_end(p);
	atomic_store(&p->last_initiation_sent_ns, 0);
}

static const char *name_remedy(int error)
{
	switch (-error) {
	case EMFILE:
		return "raise its limit (prlimit --nofile)";
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return "free some";
	default:
		return "free it or choose another listen-port";
	}
}

static void listen_again_later(struct device *d, int error)
{
	uint64_t wait_ns = 2 * d->listen_again_ns;

	if (!interface_is_up(d)) {
		fprintf(stderr,
		        "wgbench-tunnel: %s: cannot open UDP port %u: %s: %s; it is tried again\n",
		        d->name, d->listen_port, strerror(-error), name_remedy(error));
		wait_ns = LISTEN_AGAIN_FIRST_NS;
	}
	d->listen_again_ns = wait_ns < LISTEN_AGAIN_MAX_NS ? wait_ns : LISTEN_AGAIN_MAX_NS;
	d->timers.listen_again_at = clock_now_ns() + d->listen_again_ns;
	timers_set(&d->timers);
}

bool interface_is_up(const struct device *d)
{
	return d->up || d->timers.listen_again_at;
}

static void retry_offloads(struct device *d)
{
	unsigned changes = tun_offload_again(&d->tun, d->queue[0].tun, &d->switches);

	if (changes)
		counters_add(&d->counters, offload_changes, changes);
}

int interface_listen(struct device *d, uint16_t port, uint32_t fwmark)
{
	uint64_t now_ns = clock_now_ns();
	int ret = sockets_open(d, port, fwmark);

	if (ret)
		return ret;
	d->listen_port = d->udp.port;
	if (d->timers.listen_again_at)
		fprintf(stderr, "wgbench-tunnel: %s: listens on UDP port %u now\n", d->name,
		        d->listen_port);
	d->timers.listen_again_at = 0;
	bool was_up = d->up;
	d->up = true;
	if (!was_up)
		retry_offloads(d);
	for (struct peer *p = d->peers; p; p = p->next) {
		if (!was_up)
			peer_segment_again(p);
		if (!was_up && p->persistent_keepalive_s)
			timers_persistent_changed(p, now_ns);
		mailbox_post(p, PEER_EVENT_RESUME);
	}
	return 0;
}

int interface_up(struct device *d)
{
	if (d->up)
		return 0;
	lock_exclude(&d->lock);
	int ret = interface_listen(d, d->listen_port, d->fwmark);
	lock_release(&d->lock);
	if (ret)
		listen_again_later(d, ret);
	return ret;
}

int interface_down(struct device *d)
{
	if (!interface_is_up(d))
		return 0;
	d->up = false;
	d->timers.listen_again_at = 0;
	lock_exclude(&d->lock);
	sockets_close(d);
	lock_release(&d->lock);
	for (struct peer *p = d->peers; p; p = p->next) {
		timers_stop(p);
		drop_sessions(p);
		staging_drop(p);
	}
	return 0;
}

// ---- configuration

void interface_set_private_key(struct device *d, const uint8_t private_key[NOISE_KEY_BYTES])
{
	uint64_t now_ns = clock_now_ns();

	noise_identity_set(&d->identity, private_key);
	cookie_checker_init(&d->cookie_checker, d->identity.public_key);
	struct peer *self = peers_find(d, d->identity.public_key);
	if (d->identity.has_key && self)
		peers_remove(self);
	for (struct peer *p = d->peers; p; p = p->next) {
		drop_sessions(p);
		noise_precompute(&p->handshake, &d->identity);
		if (!d->up || !d->identity.has_key)
			continue;
		if (p->persistent_keepalive_s)
			timers_persistent_changed(p, now_ns);
		mailbox_post(p, PEER_EVENT_RESUME);
	}
}
