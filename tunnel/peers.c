#include "tunnel/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/cookie.h"
#include "tunnel/lanes.h"
#include "tunnel/lock.h"
#include "tunnel/peer.h"
#include "tunnel/session.h"
#include "tunnel/staging.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"

// ---- the table by public key: only the control thread looks, so it's quiescent at any time

int peers_table_new(struct device *d)
{
	d->by_key = hashtable_new(HASHTABLE_KEYS,
	                          offsetof(struct peer, handshake.remote_static) -
	                              offsetof(struct peer, by_key),
	                          d->key_seed);
	return d->by_key ? 0 : -ENOMEM;
}

struct peer *peers_find(struct device *d, const uint8_t public_key[NOISE_KEY_BYTES])
{
	struct hashtable_node *node = hashtable_lookup(d->by_key, public_key);

	return node ? (struct peer *)((char *)node - offsetof(struct peer, by_key)) : NULL;
}

static int enter_table(struct device *d, struct peer *p)
{
	int ret = 0;

	p->older = peers_find(d, p->handshake.remote_static);
	if (p->older)
		hashtable_replace(d->by_key, &p->older->by_key, &p->by_key);
	else
		ret = hashtable_insert(d->by_key, &p->by_key);
	hashtable_quiesce(d->by_key);
	return ret;
}

static void leave_table(struct device *d, struct peer *p)
{
	struct peer *newest = peers_find(d, p->handshake.remote_static);

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

// ---- the list

struct peer *peers_new(struct device *d, const uint8_t public_key[NOISE_KEY_BYTES])
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
	ret = enter_table(d, p);
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

void peers_remove(struct peer *p)
{
	struct device *d = p->device;

	timers_stop(p);
	timers_disarm(p);
	if (d->reroute_next == p)
		d->reroute_next = p->next;
	lock_exclude(&d->lock);
	session_end_excluded(p);
	allowedips_remove_owner(d->tables.allowed_ips, &p->allowed_ips);
	leave_table(d, p);
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
	staging_drop(p);
	lanes_free(d, p->lanes);
	p->lanes = NULL;
	peer_release(p);
}
