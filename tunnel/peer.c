// Peers, their key pairs and the table by public key.
#include "tunnel/peer.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/device.h"
#include "tunnel/pipeline.h"
#include "tunnel/route.h"
#include "tunnel/timers.h"
#include "variants/receive/receive.h"

struct keypair *keypair_hold(struct keypair *k)
{
	atomic_fetch_add_explicit(&k->references, 1, memory_order_relaxed);
	return k;
}

void keypair_release(struct keypair *k)
{
	if (atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&k->replay_lock);
	sodium_memzero(k, sizeof(*k));
	free(k);
}

struct peer *peer_hold(struct peer *p)
{
	atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
	return p;
}

void peer_release(struct peer *p)
{
	if (atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&p->endpoint_lock);
	pthread_mutex_destroy(&p->staged_lock);
	sodium_memzero(p, sizeof(*p));
	free(p);
}

void peer_segment_again(struct peer *p)
{
	if (feature_retry(&p->segment))
		counters_add(&p->device->counters, offload_changes, 1);
}

// ---- the table by public key: only the control thread looks, so it's quiescent at any time

int peer_table_new(struct device *d)
{
	d->by_key = hashtable_new(HASHTABLE_KEYS,
	                          offsetof(struct peer, handshake.remote_static) -
	                              offsetof(struct peer, by_key),
	                          d->key_seed);
	return d->by_key ? 0 : -ENOMEM;
}

struct peer *peer_find(struct device *d, const uint8_t public_key[NOISE_KEY_BYTES])
{
	struct hashtable_node *node = hashtable_lookup(d->by_key, public_key);

	return node ? (struct peer *)((char *)node - offsetof(struct peer, by_key)) : NULL;
}

static int enter(struct device *d, struct peer *p)
{
	int ret = 0;

	p->older = peer_find(d, p->handshake.remote_static);
	if (p->older)
		hashtable_replace(d->by_key, &p->older->by_key, &p->by_key);
	else
		ret = hashtable_insert(d->by_key, &p->by_key);
	hashtable_quiesce(d->by_key);
	return ret;
}

static void leave(struct device *d, struct peer *p)
{
	struct peer *newest = peer_find(d, p->handshake.remote_static);

	if (newest != p) {
		while (newest->older != p)
			newest = newest->older;
		newest->older = p->older;
	} else if (p->older) {
		hashtable_replace(d->by_key, &p->by_key, &p->older->by_key);
	} else {
		hashtable_remove(d->by_key, &p->by_key);
	}
	hashtable_quiesce(d->by_key);
}

// ---- peers

struct peer *peer_new(struct device *d, const uint8_t public_key[NOISE_KEY_BYTES])
{
	int ret =
	    d->peer_count < PEERS_MAX ? timers_reserve(&d->timers, d->peer_count + 1) : -ENOSPC;

	if (ret) {
		errno = -ret;
		return NULL;
	}
	struct peer *p = aligned_alloc(_Alignof(struct peer), sizeof(*p));
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->device = d;
	p->counters = &d->counters;
	p->mailbox = &d->mailbox;
	p->timers = &d->timers;
	p->references = 1;
	p->armed_at = UINT64_MAX;
	p->staged_last = &p->staged_first;
	pthread_mutex_init(&p->endpoint_lock, NULL);
	pthread_mutex_init(&p->staged_lock, NULL);
	memcpy(p->handshake.remote_static, public_key, NOISE_KEY_BYTES);
	ret = enter(d, p);
	if (ret) {
		peer_release(p);
		errno = -ret;
		return NULL;
	}
	noise_precompute(&p->handshake, &d->identity);
	cookie_peer_init(&p->cookie, public_key);

	p->next = d->peers;
	if (d->peers)
		d->peers->previous = p;
	d->peers = p;
	d->peer_count++;
	return p;
}

static void drop_keypair(struct device *d, struct keypair **slot)
{
	struct keypair *k = *slot;

	if (!k)
		return;
	*slot = NULL;
	index_remove(d, k->local_index);
	keypair_release(k);
}

static void zero_keys(struct peer *p)
{
	struct device *d = p->device;

	drop_keypair(d, &p->current);
	drop_keypair(d, &p->previous_keypair);
	drop_keypair(d, &p->next_keypair);
	if (p->handshake.state != NOISE_ZEROED)
		index_remove(d, p->handshake.local_index);
	noise_handshake_clear(&p->handshake);
}

void peer_zero_keys(struct peer *p)
{
	lock_exclude(&p->device->lock);
	zero_keys(p);
	lock_release(&p->device->lock);
}

static void free_lanes(struct peer *p)
{
	for (unsigned i = 0; p->lanes && i < p->device->queues; i++) {
		struct peer_lanes *lanes = &p->lanes[i];

		if (lanes->send)
			workers_lane_free(lanes->send);
		if (lanes->receive)
			workers_lane_free(lanes->receive);
		if (lanes->up)
			receive_free(lanes->up);
	}
	free(p->lanes);
	p->lanes = NULL;
}

void peer_remove(struct peer *p)
{
	struct device *d = p->device;

	timers_stop(p);
	timers_disarm(p);
	route_pass_over(p);
	lock_exclude(&d->lock);
	zero_keys(p);
	allowedips_remove_owner(d->allowed_ips, &p->allowed_ips);
	leave(d, p);
	if (p->next)
		p->next->previous = p->previous;
	if (p->previous)
		p->previous->next = p->next;
	else
		d->peers = p->next;
	d->peer_count--;
	p->removed = true;
	lock_release(&d->lock);

	// Nobody can find the peer from here on: what its lanes still hold drains.
	peer_drop_staged(p);
	free_lanes(p);
	peer_release(p);
}

// The lanes are made with the first session: a peer that is only configured costs no queues.
static int ensure_lanes(struct peer *p)
{
	static const struct workers_stage send = {encrypt, send_finish, NULL},
	                                  receive = {decrypt, receive_finish, receive_end};
	struct workers *w = p->device->workers;
	bool whole = true;

	if (p->lanes)
		return 0;
	size_t bytes = p->device->queues * sizeof(*p->lanes);
	p->lanes = aligned_alloc(_Alignof(struct peer_lanes), bytes);
	if (!p->lanes)
		return -ENOMEM;
	memset(p->lanes, 0, bytes);
	for (unsigned i = 0; i < p->device->queues && whole; i++) {
		struct peer_lanes *lanes = &p->lanes[i];

		lanes->send = workers_lane_new(w, &send, NULL);
		lanes->up = receive_new(&receive_hooks, &p->device->queue[i]);
		if (lanes->up)
			lanes->receive = workers_lane_new(w, &receive, lanes->up);
		whole = lanes->send && lanes->receive;
	}
	if (!whole)
		free_lanes(p);
	return whole ? 0 : -ENOMEM;
}

int peer_install_session(struct peer *p, const struct noise_session *s, uint64_t now_ns)
{
	struct device *d = p->device;
	int ret = ensure_lanes(p);

	if (ret)
		return ret;
	struct keypair *k = aligned_alloc(_Alignof(struct keypair), sizeof(*k));
	if (!k)
		return -ENOMEM;
	memset(k, 0, sizeof(*k));
	k->references = 1;
	pthread_mutex_init(&k->replay_lock, NULL);
	k->peer = p;
	k->initiator = s->initiator;
	k->local_index = s->local_index;
	k->remote_index = s->remote_index;
	k->born_ns = now_ns;
	memcpy(k->send_key, s->send_key, sizeof(k->send_key));
	memcpy(k->receive_key, s->receive_key, sizeof(k->receive_key));

	lock_exclude(&d->lock);
	struct index_entry *entry = index_lookup(d, s->local_index);
	if (!entry) {
		lock_release(&d->lock);
		keypair_release(k);
		return -ENOENT;
	}
	entry->keypair = k;
	drop_keypair(d, &p->previous_keypair);
	if (s->initiator) {
		if (p->next_keypair) {
			// Confirmed by nobody, yet the peer may hold it: receivable for a while.
			p->previous_keypair = p->next_keypair;
			p->next_keypair = NULL;
			drop_keypair(d, &p->current);
		} else {
			p->previous_keypair = p->current;
		}
		p->current = k;
	} else {
		drop_keypair(d, &p->next_keypair);
		p->next_keypair = k;
	}
	lock_release(&d->lock);
	return 0;
}

void peer_confirm_session(struct peer *p)
{
	struct device *d = p->device;

	lock_exclude(&d->lock);
	if (p->next_keypair) {
		drop_keypair(d, &p->previous_keypair);
		p->previous_keypair = p->current;
		p->current = p->next_keypair;
		p->next_keypair = NULL;
	}
	lock_release(&d->lock);
}
