// Devices without a TUN and with one queue on 127.0.0.1, driven by the test's own thread and clock:
// time stands still until the test moves it, and each datagram is looked at on its way.
#ifndef WGBENCH_TESTS_SUPPORT_LOOPBACK_H
#define WGBENCH_TESTS_SUPPORT_LOOPBACK_H

#include "tests/support/support.h"

#include <arpa/inet.h>
#include <endian.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/clock.h"
#include "tunnel/control.h"
#include "tunnel/device.h"
#include "tunnel/due.h"
#include "tunnel/handshake.h"
#include "tunnel/index.h"
#include "tunnel/inner.h"
#include "tunnel/intake.h"
#include "tunnel/interface.h"
#include "tunnel/keypair.h"
#include "tunnel/lanes.h"
#include "tunnel/peer.h"
#include "tunnel/peers.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/session.h"
#include "tunnel/sockets.h"
#include "tunnel/staging.h"
#include "tunnel/timers.h"

enum { LOOPBACK_WAIT_MS = 5000 };

static uint64_t loopback_now_ns, loopback_wall_ns;

static inline uint64_t loopback_clock(void)
{
	return loopback_now_ns;
}

static inline uint64_t loopback_wall(void)
{
	return loopback_wall_ns;
}

static inline void loopback_pass(uint64_t ns)
{
	loopback_now_ns += ns;
	loopback_wall_ns += ns;
}

// From here on time is the test's.
static inline void loopback_take_clock(void)
{
	clock_now_ns = loopback_clock;
	clock_wall_ns = loopback_wall;
	loopback_now_ns = 1000 * NS_PER_S;
	loopback_wall_ns = 1700000000 * NS_PER_S;
}

static inline struct device *loopback_device(const uint8_t private_key[NOISE_KEY_BYTES])
{
	struct device *d;
	struct switches s;

	assert_int_equal(switches_parse(&s, "queues=1"), 0);
	assert_int_equal(device_create(&d, "wgbtest", &s), 0);
	d->tun.mtu = TUN_MTU_DEFAULT;
	interface_set_private_key(d, private_key);
	assert_int_equal(interface_up(d), 0);
	return d;
}

static inline struct endpoint loopback_endpoint(uint16_t port)
{
	return (struct endpoint){.remote.v4 = {.sin_family = AF_INET,
	                                       .sin_port = htons(port),
	                                       .sin_addr = {htonl(INADDR_LOOPBACK)}}};
}

static inline bool loopback_readable(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

// Where messages of the type come to.
static inline int loopback_socket(const struct device *d, unsigned type)
{
	bool parted = d->udp.handshake[0] >= 0;

	return parted && type != MESSAGE_DATA ? d->udp.handshake[0] : d->queue[0].udp[0];
}

// Takes the next datagram of an IPv4 socket. false: there is none within `wait_ms`.
static inline bool loopback_take(int fd, struct mailbox_message *m, int wait_ms)
{
	socklen_t bytes = sizeof(m->from.remote);

	memset(m, 0, sizeof(*m));
	if (!loopback_readable(fd, wait_ms))
		return false;
	ssize_t n = recvfrom(fd, m->bytes, sizeof(m->bytes), 0, &m->from.remote.any, &bytes);
	assert_true(n >= 4);
	m->length = n;
	return true;
}

static inline unsigned loopback_type(const struct mailbox_message *m)
{
	return m->bytes[0];
}

// Handles what was posted to the control thread.
static inline void loopback_control(struct device *d)
{
	d->loop.wake.ready(d, &d->loop.wake, 0);
}

static inline size_t loopback_indices(const struct device *d)
{
	return hashtable_count(d->tables.by_index);
}

// A batch of one small packet for the peer, as the TUN would have brought it.
static inline void loopback_stage(struct peer *p)
{
	struct device *d = p->device;
	struct virtio_net_hdr header = {0};
	struct inner ip;
	struct batch *b = pool_get_batch(&d->queue[0].pool);
	const uint8_t packet[28] = {0x45, 0, 0, sizeof(packet), 0, 0, 0, 0, 64, 17};

	assert_non_null(b);
	struct buffer *buffer = b->frame[0].buffer = pool_get_buffer(&d->queue[0].pool);
	assert_non_null(buffer);
	memcpy(buffer->item.bytes, packet, sizeof(packet));
	assert_int_equal(inner_parse(&ip, packet, sizeof(packet)), 0);
	assert_int_equal(
	    offload_cut_init(&b->frame[0].cutter, &header, &ip, buffer->item.bytes, sizeof(packet)),
	    0);
	b->peer = peer_hold(p);
	b->frames = b->packets = 1;
	b->tos = 0;
	lock_share(&d->lock);
	staging_add(b, loopback_now_ns);
	lanes_flush(&d->queue[0]);
	lock_release(&d->lock);
}

#endif
