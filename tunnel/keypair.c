#include "tunnel/keypair.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct keypair *keypair_new(struct peer *p, const struct noise_session *s, uint64_t now_ns)
{
	struct keypair *k = aligned_alloc(_Alignof(struct keypair), sizeof(*k));

	if (!k)
		return NULL;
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
	return k;
}

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
