// A handshake message's way in and out. An index entry without a key pair belongs to the handshake
// whose initiation this end has sent; in every other state the handshake has no entry.
#include "tunnel/handshake.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/counters.h"
#include "tunnel/endpoint.h"
#include "tunnel/index.h"
#include "tunnel/keypair.h"
#include "tunnel/lock.h"
#include "tunnel/output.h"
#include "tunnel/peer.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/route.h"
#include "tunnel/session.h"
#include "tunnel/staging.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"

enum { HANDSHAKE_TOS = 0x88 }; // AF41

// ---- indices and endpoints

// Ends a handshake that this end has begun.
static void abandon_handshake(struct peer *p)
{
	struct device *d = p->device;

	if (p->handshake.state == NOISE_INITIATION_CREATED) {
		lock_exclude(&d->lock);
		index_remove(d->tables.by_index, p->handshake.local_index);
		lock_release(&d->lock);
	}
	noise_handshake_clear(&p->handshake);
}

static struct index_entry *take_index(struct peer *p)
{
	struct device *d = p->device;

	lock_exclude(&d->lock);
	struct index_entry *entry = index_new(d->tables.by_index, p);
	lock_release(&d->lock);
	if (!entry)
		counters_add(&d->counters, drop_memory, 1);
	return entry;
}

static void give_index_back(struct device *d, uint32_t index)
{
	lock_exclude(&d->lock);
	index_remove(d->tables.by_index, index);
	lock_release(&d->lock);
}

static struct endpoint read_endpoint(struct peer *p, bool forget_source)
{
	pthread_mutex_lock(&p->endpoint_lock);
	if (forget_source)
		p->endpoint.local = (struct endpoint_source){0};
	struct endpoint e = p->endpoint;
	pthread_mutex_unlock(&p->endpoint_lock);
	return e;
}

// ---- out

// Whether it has left.
static bool send_message(struct peer *p, const struct endpoint *to, const void *message,
                         size_t bytes, uint64_t now_ns)
{
	timers_any_sent(p, now_ns);
	if (udp_send_one(&p->device->queue[0], to, message, bytes, HANDSHAKE_TOS)) {
		counters_add(&p->device->counters, drop_tx_send, 1);
		return false;
	}
	atomic_fetch_add_explicit(&p->tx_bytes, bytes, memory_order_relaxed);
	return true;
}

// The other end refuses an initiation whose timestamp isn't later than the one before (paper,
// section 5.1): also where two follow each other faster than the steps of it, or the clock was set
// back.
static uint64_t make_timestamp(struct peer *p)
{
	uint64_t least_ns = p->stamped_ns ? p->stamped_ns + NOISE_TIMESTAMP_STEP_NS : 0;
	uint64_t wall_ns = clock_wall_ns();

	p->stamped_ns = wall_ns > least_ns ? wall_ns : least_ns;
	return p->stamped_ns;
}

static bool has_young_key(const struct peer *p, uint64_t now_ns)
{
	const struct keypair *k = keypair_sending(p);

	return k && now_ns - k->born_ns < REKEY_AFTER_TIME_NS;
}

// The retransmit timer makes up for an attempt that comes too early after the last one: the last
// may have been an answer to the peer's own initiation, which nothing repeats should it get lost.
static void put_off(struct peer *p, bool retry, uint64_t sent_ns, uint64_t now_ns)
{
	if (retry || (!p->retransmit_at && !has_young_key(p, now_ns)))
		timers_initiation_sent(p, sent_ns);
}

void handshake_initiate(struct peer *p, bool retry)
{
	struct device *d = p->device;
	struct message_initiation m;
	uint64_t now_ns = clock_now_ns(), sent_ns = atomic_load(&p->last_initiation_sent_ns);

	if (!retry)
		p->handshake_attempts = 0;
	if (p->removed || !d->up)
		return;
	// A retry may be due to a source address that the way back has lost.
	if (!retry)
		route_check(p);
	struct endpoint to = read_endpoint(p, retry);
	if (!d->identity.has_key || to.remote.any.sa_family == AF_UNSPEC) {
		p->handshake_waits = true;
		return;
	}
	if (sent_ns && now_ns - sent_ns < REKEY_TIMEOUT_NS) {
		put_off(p, retry, sent_ns, now_ns);
		return;
	}

	abandon_handshake(p);
	struct index_entry *entry = take_index(p);
	if (!entry) {
		// As good as lost on its way.
		timers_initiation_sent(p, now_ns);
		return;
	}
	// Also of one that can't be made: else each packet to a key of low order would cost an
	// attempt.
	atomic_store(&p->last_initiation_sent_ns, now_ns);
	if (noise_initiation_create(&m, &p->handshake, &d->identity, entry->index,
	                            make_timestamp(p))) {
		give_index_back(d, entry->index);
		return;
	}
	cookie_add_macs(&p->cookie, &m, sizeof(m), now_ns);
	timers_initiation_sent(p, now_ns);
	p->handshake_waits = !send_message(p, &to, &m, sizeof(m), now_ns);
}

void handshake_resume(struct peer *p)
{
	if (p->removed || !p->device->up)
		return;
	if (atomic_load(&p->staged_packets))
		staging_flush(p);
	// What was sent last, if anything, has not left.
	if (p->handshake_waits)
		atomic_store(&p->last_initiation_sent_ns, 0);
	if (p->handshake_waits || atomic_load(&p->staged_packets))
		handshake_initiate(p, false);
}

void handshake_keepalive(struct peer *p)
{
	int ret = output_keepalive(p);

	if (ret == -ENOKEY)
		handshake_initiate(p, false);
	else if (ret)
		timers_keepalive_again(p, clock_now_ns());
}

static void send_cookie_reply(struct device *d, const struct mailbox_message *m, uint64_t now_ns)
{
	struct message_cookie reply;
	uint32_t sender_index;

	if (!load_take_reply(&d->load, now_ns))
		return;
	// Initiations and responses have it at the same place.
	memcpy(&sender_index, m->bytes + offsetof(struct message_initiation, sender_index),
	       sizeof(sender_index));
	cookie_reply_create(&d->cookie_checker, &reply, m->bytes, m->length, le32toh(sender_index),
	                    &m->from.remote.any, now_ns);
	struct endpoint to = m->from;
	route_check_endpoint(d, &to);
	udp_send_one(&d->queue[0], &to, &reply, sizeof(reply), HANDSHAKE_TOS);
}

// ---- in

// Whether the message's macs allow work on it. The rate of a source is limited only after it has
// proved its address: before, anybody could use up the share of another.
static bool check_macs(struct device *d, const struct mailbox_message *m, uint64_t now_ns)
{
	const struct sockaddr *source = &m->from.remote.any;
	bool loaded = load_high(&d->load, &d->mailbox, now_ns);

	// It couldn't be answered, whatever its mac1: then that isn't looked at.
	if (loaded && !cookie_has_mac2(m->bytes, m->length) && !load_has_reply(&d->load, now_ns)) {
		counters_add(&d->counters, drop_handshake_limit, 1);
		return false;
	}
	switch (cookie_check(&d->cookie_checker, m->bytes, m->length, source, now_ns, loaded)) {
	case COOKIE_MAC1_VALID:
		if (!loaded)
			return true;
		send_cookie_reply(d, m, now_ns);
		counters_add(&d->counters, drop_handshake_limit, 1);
		return false;
	case COOKIE_MAC2_VALID:
		if (ratelimit_allow(&d->load.sources, d->key_seed, source, now_ns))
			return true;
		counters_add(&d->counters, drop_handshake_limit, 1);
		return false;
	default:
		counters_add(&d->counters, drop_rx_authentication, 1);
		return false;
	}
}

static void count_received(struct peer *p, const struct mailbox_message *m, uint64_t now_ns)
{
	timers_any_received(p, now_ns);
	atomic_fetch_add_explicit(&p->rx_bytes, m->length, memory_order_relaxed);
	pthread_mutex_lock(&p->endpoint_lock);
	bool moved = !endpoint_address_equal(&p->endpoint.remote, &m->from.remote);
	endpoint_learn(&p->endpoint, &m->from);
	pthread_mutex_unlock(&p->endpoint_lock);
	if (moved)
		peer_segment_again(p);
	route_check(p);
}

static void complete_handshake(struct peer *p)
{
	timers_handshake_complete(p);
	atomic_store(&p->handshake_wall_ns, clock_wall_ns());
}

// The event may be about a key pair that a newer handshake has replaced since, so the one that is
// promoted must itself have received something.
void handshake_confirmed(struct peer *p)
{
	if (!p->next_keypair || !atomic_load(&p->next_keypair->confirmed))
		return;
	session_confirm(p);
	complete_handshake(p);
	staging_flush(p);
}

// Turns the finished handshake into a key pair. false: out of memory; then nothing is left of it.
static bool establish_session(struct peer *p, uint64_t now_ns)
{
	struct device *d = p->device;
	struct noise_session session;

	// Its event may still wait, and the peer sends under it.
	handshake_confirmed(p);
	noise_session_derive(&session, &p->handshake);
	int ret = session_install(p, &session, now_ns);
	if (ret) {
		give_index_back(d, session.local_index);
		counters_add(&d->counters, drop_memory, 1);
	} else {
		timers_session_derived(p, now_ns);
	}
	sodium_memzero(&session, sizeof(session));
	return !ret;
}

static void send_response(struct peer *p, uint64_t now_ns)
{
	const struct endpoint to = read_endpoint(p, false);
	struct message_response r;
	struct index_entry *entry = take_index(p);

	if (!entry)
		goto clear;
	if (noise_response_create(&r, &p->handshake, entry->index)) {
		give_index_back(p->device, entry->index);
		goto clear;
	}
	cookie_add_macs(&p->cookie, &r, sizeof(r), now_ns);
	if (!establish_session(p, now_ns))
		return;
	// As good as an initiation of this end's: it would only cross the confirmation.
	atomic_store(&p->last_initiation_sent_ns, now_ns);
	send_message(p, &to, &r, sizeof(r), now_ns);
	// What waits goes when the peer confirms; should the answer be lost, by an initiation.
	if (p->handshake_waits || atomic_load(&p->staged_packets))
		handshake_initiate(p, false);
	return;
clear:
	noise_handshake_clear(&p->handshake);
}

static void receive_initiation(struct device *d, const struct mailbox_message *m, uint64_t now_ns)
{
	const struct message_initiation *i = (const struct message_initiation *)m->bytes;
	struct noise_initiation said;

	if (noise_initiation_identify(&said, i, &d->identity)) {
		counters_add(&d->counters, drop_rx_authentication, 1);
		goto out;
	}
	struct peer *p = peers_find(d, said.remote_static);
	if (!p) {
		counters_add(&d->counters, drop_rx_authentication, 1);
		goto out;
	}
	if (p->last_initiation_accepted_ns &&
	    now_ns - p->last_initiation_accepted_ns < NS_PER_S / INITIATIONS_PER_S) {
		counters_add(&d->counters, drop_handshake_limit, 1);
		goto out;
	}
	bool crossed = p->handshake.state == NOISE_INITIATION_CREATED;
	uint32_t own_index = p->handshake.local_index;
	switch (noise_initiation_consume(&p->handshake, &said, i)) {
	case 0:
		break;
	case -EALREADY:
		counters_add(&d->counters, drop_rx_replay, 1);
		goto out;
	default:
		counters_add(&d->counters, drop_rx_authentication, 1);
		goto out;
	}
	if (crossed)
		give_index_back(d, own_index);
	p->last_initiation_accepted_ns = now_ns;
	count_received(p, m, now_ns);
	send_response(p, now_ns);
out:
	sodium_memzero(&said, sizeof(said));
}

static void receive_response(struct device *d, const struct mailbox_message *m, uint64_t now_ns)
{
	const struct message_response *r = (const struct message_response *)m->bytes;
	struct index_entry *entry = index_lookup(d->tables.by_index, le32toh(r->receiver_index));

	if (!entry || entry->keypair) {
		counters_add(&d->counters, drop_rx_index, 1);
		return;
	}
	struct peer *p = entry->peer;
	if (noise_response_consume(&p->handshake, &d->identity, r)) {
		counters_add(&d->counters, drop_rx_authentication, 1);
		return;
	}
	count_received(p, m, now_ns);
	if (!establish_session(p, now_ns))
		return;
	complete_handshake(p);
	// The first data packet confirms the key pair to the peer.
	if (atomic_load(&p->staged_packets))
		staging_flush(p);
	else
		handshake_keepalive(p);
}

static void receive_cookie(struct device *d, const struct mailbox_message *m, uint64_t now_ns)
{
	const struct message_cookie *reply = (const struct message_cookie *)m->bytes;
	struct index_entry *entry =
	    index_lookup(d->tables.by_index, le32toh(reply->receiver_index));

	if (!entry)
		counters_add(&d->counters, drop_rx_index, 1);
	else if (cookie_reply_consume(&entry->peer->cookie, reply, now_ns))
		counters_add(&d->counters, drop_rx_authentication, 1);
}

static bool is_message(const struct mailbox_message *m, enum message_type type, size_t bytes)
{
	uint32_t word = htole32(type);

	return m->length == bytes && !memcmp(m->bytes, &word, sizeof(word));
}

void handshake_receive(struct device *d, const struct mailbox_message *m)
{
	uint64_t now_ns = clock_now_ns();

	if (!d->up || !d->identity.has_key)
		return;
	if (is_message(m, MESSAGE_INITIATION, sizeof(struct message_initiation))) {
		if (check_macs(d, m, now_ns))
			receive_initiation(d, m, now_ns);
	} else if (is_message(m, MESSAGE_RESPONSE, sizeof(struct message_response))) {
		if (check_macs(d, m, now_ns))
			receive_response(d, m, now_ns);
	} else if (is_message(m, MESSAGE_COOKIE, sizeof(struct message_cookie))) {
		receive_cookie(d, m, now_ns);
	} else {
		counters_add(&d->counters, drop_rx_malformed, 1);
	}
}
