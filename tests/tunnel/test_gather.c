// Gathering frames into batches: against a naive model that keeps, for each peer, the list of
// frames in the order in which they were read.
#include "tests/support/support.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"
#include "tunnel/index.h"
#include "tunnel/keypair.h"
#include "tunnel/peers.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/staging.h"

enum { PEERS = 12, FRAMES = 100 };

static struct device *device;
static struct peer *peers[PEERS];

static int set_up(void **state)
{
	struct switches switches;

	(void)state;
	assert_int_equal(switches_parse(&switches, NULL), 0);
	assert_int_equal(device_create(&device, "wgbtest", &switches), 0);
	for (int i = 0; i < PEERS; i++) {
		uint8_t key[NOISE_KEY_BYTES] = {i + 1}, address[4] = {10, 0, i, 0};
		peers[i] = peers_new(device, key);
		assert_non_null(peers[i]);
		peers[i]->endpoint.remote.v4 = (struct sockaddr_in){.sin_family = AF_INET};
		assert_int_equal(allowedips_insert(device->tables.allowed_ips, AF_INET, address, 24,
		                                   &peers[i]->allowed_ips),
		                 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	device_free(device);
	return 0;
}

// A frame in a buffer of its own, with a packet to the peer that carries its serial number.
static struct frame *make(int peer, uint8_t tos, uint32_t bytes, uint32_t serial)
{
	struct buffer *buffer = pool_get_buffer(&device->queue[0].pool);
	assert_non_null(buffer);
	struct frame *f = (struct frame *)buffer->item.bytes;
	uint8_t *to = f->packet;
	struct iphdr ip = {.version = 4,
	                   .ihl = 5,
	                   .tos = tos,
	                   .tot_len = htons(bytes),
	                   .ttl = 64,
	                   .protocol = 254,
	                   .daddr = htonl(10u << 24 | (uint32_t)peer << 8 | 1)};

	memset(to, serial & 0xff, bytes);
	memcpy(to, &ip, sizeof(ip));
	memcpy(to + sizeof(ip), &serial, sizeof(serial));
	f->queued = (struct aqm_packet){.bytes = bytes};
	f->buffer = buffer;
	f->header = (struct virtio_net_hdr){0};
	assert_int_equal(inner_parse(&f->ip, to, bytes), 0);
	return f;
}

// Without a session all batches of a peer end in its staged queue, in order.
static void check_peer(struct peer *p, const uint32_t *serials, const uint8_t *tos,
                       const uint32_t *bytes, size_t n)
{
	size_t at = 0;

	for (struct batch *b = p->staged_first; b; b = b->next) {
		uint32_t packets = 0;

		assert_ptr_equal(b->peer, p);
		assert_true(b->frames > 0);
		for (uint32_t f = 0; f < b->frames; f++, at++) {
			const struct offload_cutter *c = &b->frame[f].cutter;
			uint32_t serial;

			assert_true(at < n);
			memcpy(&serial, c->packet + sizeof(struct iphdr), sizeof(serial));
			assert_int_equal(serial, serials[at]);
			assert_int_equal(c->length, bytes[at]);
			assert_int_equal(c->packet[c->length - 1],
			                 c->length > 24 ? serial & 0xff : c->packet[23]);
			assert_int_equal(b->tos, tos[at] & 3);
			// Where it was read: nothing is copied.
			assert_ptr_equal(c->packet,
			                 ((struct frame *)b->frame[f].buffer->item.bytes)->packet);
			packets += c->segments;
		}
		assert_int_equal(packets, b->packets);
	}
	assert_int_equal(at, n);
}

// Every buffer is back in the pool.
static void check_buffers(void)
{
	unsigned pooled = 0;

	for (struct pool_item *i = device->queue[0].pool.kept[POOL_BUFFERS]; i;
	     i = i->next, pooled++)
		assert_int_equal(((struct buffer *)i)->references, 0);
	assert_int_equal(pooled, device->made.count[POOL_BUFFERS]);
}

static void keeps_order_and_content(void **state)
{
	static uint32_t serials[PEERS][FRAMES], bytes[PEERS][FRAMES];
	static uint8_t tos[PEERS][FRAMES];
	struct support_random r;

	(void)state;
	support_random_init(&r, support_seed());
	for (int round = 0; round < 200; round++) {
		size_t n[PEERS] = {0};
		struct gather g;
		int peer = 0, spread = 1 + support_random_below(&r, PEERS);

		gather_init(&g, &device->queue[0], 1);
		// Not above STAGING_PACKETS_MAX in all, so that nothing is dropped.
		for (uint32_t serial = 0; serial < FRAMES; serial++) {
			if (support_random_below(&r, 3))
				peer = support_random_below(&r, spread);
			uint8_t dscp_ecn =
			    support_random_below(&r, 4) ? 0 : support_random_next(&r);
			uint32_t size = support_random_below(&r, 50)
			                    ? 24 + support_random_below(&r, 1400)
			                    : 40000 + support_random_below(&r, 25000);
			gather_add(&g, make(peer, dscp_ecn, size, serial));
			serials[peer][n[peer]] = serial;
			tos[peer][n[peer]] = dscp_ecn;
			bytes[peer][n[peer]++] = size;
		}
		gather_close(&g);
		for (int i = 0; i < PEERS; i++) {
			check_peer(peers[i], serials[i], tos[i], bytes[i], n[i]);
			staging_drop(peers[i]);
			assert_null(peers[i]->staged_first);
			assert_int_equal(peers[i]->staged_packets, 0);
		}
		assert_int_equal(device->batches_staged, 0);
		check_buffers();
	}
}

static void drops_what_has_no_peer(void **state)
{
	struct gather g;

	(void)state;
	uint64_t before = counters_sum(&device->counters, drop_tx_no_peer);
	gather_init(&g, &device->queue[0], 1);
	gather_add(&g, make(PEERS + 5, 0, 100, 0));
	gather_close(&g);
	assert_int_equal(counters_sum(&device->counters, drop_tx_no_peer), before + 1);
	check_buffers();
}

// ---- a message that comes back

enum { INDEX = 0x12345678, PLAIN, FIRST_FRAGMENT };

// A data message as this end would have sent it, for the peer; 128 bytes.
static struct frame *message(int peer, int family, int form, uint32_t index)
{
	static const uint8_t prefix[16] = {0xfd};
	const struct message_data m = {.type = htole32(MESSAGE_DATA), .receiver_index = index};
	struct frame *f = make(peer, 0, 128, 0);
	uint8_t *to = f->packet;
	size_t at = sizeof(struct iphdr);

	if (family == AF_INET) {
		to[9] = IPPROTO_UDP;
		to[6] = form == FIRST_FRAGMENT ? 0x20 : 0;
	} else {
		at = sizeof(struct ip6_hdr);
		struct ip6_hdr ip = {.ip6_plen = htons(128 - at), .ip6_nxt = IPPROTO_UDP};
		ip.ip6_vfc = 6 << 4;
		memcpy(&ip.ip6_dst, prefix, sizeof(prefix));
		ip.ip6_dst.s6_addr[1] = peer;
		if (form == FIRST_FRAGMENT) {
			ip.ip6_nxt = IPPROTO_FRAGMENT;
			to[at] = IPPROTO_UDP;
			at += sizeof(struct ip6_frag);
		}
		memcpy(to, &ip, sizeof(ip));
	}
	memcpy(to + at + sizeof(struct udphdr), &m, sizeof(m));
	assert_int_equal(inner_parse(&f->ip, to, 128), 0);
	return f;
}

static void what_comes_back_is_dropped(void **state)
{
	struct keypair session = {.remote_index = INDEX};
	unsigned loops = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const uint8_t network[16] = {0xfd, i};
		assert_int_equal(allowedips_insert(device->tables.allowed_ips, AF_INET6, network,
		                                   16, &peers[i]->allowed_ips),
		                 0);
	}
	for (int family = AF_INET; family; family = family == AF_INET ? AF_INET6 : 0) {
		for (int form = PLAIN; form <= FIRST_FRAGMENT; form++) {
			struct gather g;

			gather_init(&g, &device->queue[0], 1);
			peers[0]->current = &session;
			gather_add(&g, message(0, family, form, INDEX));
			assert_int_equal(counters_sum(&device->counters, drop_tx_loop), ++loops);
			check_buffers();
			// To another peer, through this one.
			peers[0]->current = NULL;
			peers[1]->current = &session;
			gather_add(&g, message(0, family, form, INDEX));
			// Of another session.
			gather_add(&g, message(1, family, form, INDEX + 1));
			peers[1]->current = NULL;
			gather_close(&g);
			assert_int_equal(counters_sum(&device->counters, drop_tx_loop), loops);
			for (int i = 0; i < 2; i++) {
				assert_int_equal(peers[i]->staged_packets, 1);
				staging_drop(peers[i]);
			}
		}
	}
}

// RFC 6040, section 4.1, and RFC 3168: a mark of the queue is CE inside, and so on every segment,
// and outside; it doesn't share a batch with what isn't marked.
static void marks_show_outside_and_inside(void **state)
{
	struct gather g;

	(void)state;
	uint64_t before = counters_sum(&device->counters, aqm_marks);
	gather_init(&g, &device->queue[0], 1);
	struct frame *plain = make(0, 2, 100, 0), *marked = make(0, 2, 100, 1);
	marked->queued.marked = true;
	gather_add(&g, plain);
	gather_add(&g, marked);
	gather_close(&g);
	struct batch *first = peers[0]->staged_first, *second = first->next;
	assert_int_equal(first->tos, 2);
	assert_int_equal(first->frame[0].cutter.packet[1], 2);
	assert_non_null(second);
	assert_int_equal(second->tos, 3);
	assert_int_equal(second->frame[0].cutter.packet[1], 3);
	assert_int_equal(counters_sum(&device->counters, aqm_marks), before + 1);
	staging_drop(peers[0]);
	check_buffers();
}

static void staged_queue_drops_the_oldest(void **state)
{
	(void)state;
	for (uint32_t serial = 0; serial < STAGING_PACKETS_MAX + 50; serial++) {
		struct gather g;
		gather_init(&g, &device->queue[0], 1);
		gather_add(&g, make(0, 0, 100, serial));
		gather_close(&g);
	}
	assert_int_equal(peers[0]->staged_packets, STAGING_PACKETS_MAX);
	uint32_t serial;
	memcpy(&serial, peers[0]->staged_first->frame[0].cutter.packet + sizeof(struct iphdr), 4);
	assert_int_equal(serial, 50);
	staging_drop(peers[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_order_and_content),
	    cmocka_unit_test(drops_what_has_no_peer),
	    cmocka_unit_test(what_comes_back_is_dropped),
	    cmocka_unit_test(marks_show_outside_and_inside),
	    cmocka_unit_test(staged_queue_drops_the_oldest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
