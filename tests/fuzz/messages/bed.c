#include "tests/fuzz/messages/bed.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <sys/socket.h>

#include "tunnel/batch.h"
#include "tunnel/index.h"
#include "tunnel/interface.h"
#include "tunnel/keypair.h"
#include "tunnel/peers.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/staging.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"

enum { BUFFERS_SEEN_MAX = 1024 };

struct peer *bed_peer(const struct bed *bed, const struct remote *r)
{
	return peers_find(bed->device, r->identity.public_key);
}

void bed_configure(struct bed *bed, const char *text)
{
	struct uapi_request request;

	FUZZ_CHECK(!uapi_parse(&request, text, strlen(text)) &&
	           !uapi_device_set(bed->device, &request));
	uapi_request_free(&request);
}

void bed_add_peer(struct bed *bed, struct remote *r)
{
	char text[1024], public[65], preshared[65];

	remote_reset(r, bed->device->identity.public_key);
	sodium_bin2hex(public, sizeof(public), r->identity.public_key, NOISE_KEY_BYTES);
	sodium_bin2hex(preshared, sizeof(preshared), r->preshared_key, NOISE_KEY_BYTES);
	snprintf(text, sizeof(text),
	         "set=1\npublic_key=%s\npreshared_key=%s\nendpoint=127.0.0.1:%u\n"
	         "allowed_ip=10.0.%u.0/24\nallowed_ip=fd00:%u::/32\n\n",
	         public, preshared, ntohs(r->address.v4.sin_port), r->network, r->network);
	bed_configure(bed, text);
}

void bed_open(struct bed *bed)
{
	uint8_t key[NOISE_KEY_BYTES];
	struct switches s;
	int pair[2];

	bed->now_ns = 1000 * NS_PER_S;
	FUZZ_CHECK(!switches_parse(&s, "queues=1,udp-gro=off"));
	FUZZ_CHECK(!device_create(&bed->device, "fuzz", &s));
	// Merging is what the target `frames` looks at.
	bed->device->tun.mtu = MTU;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
	bed->tun = pair[0];
	bed->device->queue[0].tun = pair[1];
	memset(key, 0x33, sizeof(key));
	interface_set_private_key(bed->device, key);
	FUZZ_CHECK(!interface_up(bed->device));
	for (int i = 0; i < REMOTES; i++)
		bed_add_peer(bed, &bed->remotes[i]);
}

void bed_handle_posted(struct bed *bed)
{
	struct mailbox *m = &bed->device->mailbox;
	struct loop_source *wake = &bed->device->loop.wake;

	for (int rounds = 0; m->messages_count || m->first; rounds++) {
		FUZZ_CHECK(rounds < 1000);
		wake->ready(bed->device, wake, 0);
	}
}

void bed_drain(struct bed *bed)
{
	bed_handle_posted(bed);
	remote_drain(bed->remotes, bed->device->identity.public_key, bed->now_ns);
}

void bed_close(struct bed *bed)
{
	uint8_t byte;

	device_free(bed->device);
	close(bed->tun);
	// Of a peer whose keys went with the device.
	for (int i = 0; i < REMOTES; i++)
		while (recv(bed->remotes[i].fd, &byte, sizeof(byte), MSG_TRUNC) >= 0)
			;
}

// ---- after each step

static size_t check_keypair(const struct bed *bed, const struct peer *p, const struct keypair *k)
{
	if (!k)
		return 0;
	struct index_entry *entry = index_lookup(bed->device->tables.by_index, k->local_index);
	FUZZ_CHECK(entry && entry->keypair == k && entry->peer == p && k->peer == p);
	FUZZ_CHECK(k->references == 1);
	return 1;
}

static size_t check_peer(const struct bed *bed, struct peer *p)
{
	size_t indices = check_keypair(bed, p, p->current) +
	                 check_keypair(bed, p, p->previous_keypair) +
	                 check_keypair(bed, p, p->next_keypair);
	unsigned packets = 0, batches = 0;

	if (p->handshake.state == NOISE_INITIATION_CREATED) {
		struct index_entry *entry =
		    index_lookup(bed->device->tables.by_index, p->handshake.local_index);

		FUZZ_CHECK(entry && !entry->keypair && entry->peer == p);
		indices++;
	}
	for (struct batch *b = p->staged_first; b; b = b->next, batches++) {
		FUZZ_CHECK(b->peer == p && !b->keypair);
		packets += b->packets;
	}
	FUZZ_CHECK(packets == p->staged_packets &&
	           (packets <= STAGING_PACKETS_MAX || batches == 1));
	FUZZ_CHECK(p->references == 1 + batches && !p->removed && !p->events);
	return indices;
}

// Whoever holds a buffer is known: the pool, the TUN's next read, or frames that wait for a key.
static void check_buffers(const struct bed *bed, struct queue *queue)
{
	struct buffer *held[BUFFERS_SEEN_MAX];
	unsigned n = 0, pooled = 0;

	for (struct pool_item *i = queue->pool.kept[POOL_BUFFERS]; i; i = i->next, pooled++)
		FUZZ_CHECK(!((struct buffer *)i)->references);
	if (queue->reading)
		held[n++] = queue->reading;
	for (struct peer *p = bed->device->peers; p; p = p->next)
		for (struct batch *b = p->staged_first; b; b = b->next)
			for (uint32_t f = 0; f < b->frames; f++) {
				unsigned i = 0;

				while (i < n && held[i] != b->frame[f].buffer)
					i++;
				FUZZ_CHECK(i < BUFFERS_SEEN_MAX);
				if (i == n)
					held[n++] = b->frame[f].buffer;
			}
	FUZZ_CHECK(pooled + n == bed->device->made.count[POOL_BUFFERS]);
}

void bed_check(const struct bed *bed)
{
	struct queue *queue = &bed->device->queue[0];
	unsigned pooled = 0, staged = 0;
	size_t indices = 0;

	FUZZ_CHECK(!queue->touched);
	for (struct peer *p = bed->device->peers; p; p = p->next) {
		indices += check_peer(bed, p);
		for (struct batch *b = p->staged_first; b; b = b->next)
			staged++;
	}
	FUZZ_CHECK(hashtable_count(bed->device->tables.by_index) == indices);
	for (struct pool_item *i = queue->pool.kept[POOL_BATCHES]; i; i = i->next)
		pooled++;
	FUZZ_CHECK(staged == bed->device->batches_staged &&
	           pooled + staged == bed->device->made.count[POOL_BATCHES]);
	check_buffers(bed, queue);
	for (const struct remote *r = bed->remotes; r < bed->remotes + REMOTES; r++) {
		struct peer *p = bed_peer(bed, r);

		FUZZ_CHECK(!p || endpoint_address_equal(&p->endpoint.remote, &r->endpoint.remote));
	}
}
