#include "tunnel/session.h"

#include <errno.h>
#include "tunnel/index.h"
#include "tunnel/keypair.h"
#include "tunnel/lanes.h"
#include "tunnel/lock.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/state.h"

static void drop_keypair(struct device *d, struct keypair **slot)
{
	struct keypair *k = *slot;

	if (!k)
		return;
	*slot = NULL;
	index_remove(d->tables.by_index, k->local_index);
	keypair_release(k);
}

void session_end_excluded(struct peer *p)
{
	struct device *d = p->device;

	drop_keypair(d, &p->current);
	drop_keypair(d, &p->previous_keypair);
	drop_keypair(d, &p->next_keypair);
	if (p->handshake.state != NOISE_ZEROED)
		index_remove(d->tables.by_index, p->handshake.local_index);
	noise_handshake_clear(&p->handshake);
}

void session_end(struct peer *p)
{
	lock_exclude(&p->device->lock);
	session_end_excluded(p);
	lock_release(&p->device->lock);
}

// The lanes are made with the first session: a peer that is only configured costs no queues.
static bool ensure_lanes(struct peer *p)
{
	static const struct workers_stage send = {output_encrypt, output_finish, NULL},
	                                  receive = {input_decrypt, input_finish, input_flush};

	if (!p->lanes)
		p->lanes = lanes_new(p->device, &send, &receive, &input_hooks);
	return p->lanes;
}

int session_install(struct peer *p, const struct noise_session *s, uint64_t now_ns)
{
	struct device *d = p->device;

	if (!ensure_lanes(p))
		return -ENOMEM;
	struct keypair *k = keypair_new(p, s, now_ns);
	if (!k)
		return -ENOMEM;
	lock_exclude(&d->lock);
	struct index_entry *entry = index_lookup(d->tables.by_index, s->local_index);
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

void session_confirm(struct peer *p)
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
