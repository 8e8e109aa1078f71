// Data messages between two devices on an injected clock, in the test's own thread: what they look
// like outside, what becomes of them inside, and when they ask for new keys. Sessions are installed
// by hand; a wire of the test's own can stand between the two.
#include "tests/support/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include "tunnel/checksum.h"
#include "tunnel/cipher.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"
#include "tunnel/pool.h"
#include "variants/aead/aead.h"

enum { PACKET_MAX = 2048 };

struct end {
	struct device *device;
	struct peer *peer;
	int tun; // the far end of its TUN
};

static struct end a, b; // a began the session
static int wire;        // where a sends to, after cut(); from it to b
static uint16_t wire_port;

static void open_end(struct end *e, uint8_t key)
{
	int pair[2];

	e->device = loopback_device((const uint8_t[NOISE_KEY_BYTES]){0, key});
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
	                 0);
	e->device->queue[0].tun = pair[0];
	e->tun = pair[1];
}

static void introduce(struct end *e, struct end *other)
{
	const uint8_t all[16] = {0};

	e->peer = peers_new(e->device, other->device->identity.public_key);
	assert_non_null(e->peer);
	e->peer->endpoint = loopback_endpoint(other->device->udp.port);
	assert_int_equal(allowedips_insert(e->device->tables.allowed_ips, AF_INET, all, 0,
	                                   &e->peer->allowed_ips),
	                 0);
	assert_int_equal(allowedips_insert(e->device->tables.allowed_ips, AF_INET6, all, 0,
	                                   &e->peer->allowed_ips),
	                 0);
}

static int set_up(void **state)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(here);
	int on = 1;

	(void)state;
	loopback_take_clock();
	open_end(&a, 1);
	open_end(&b, 2);
	introduce(&a, &b);
	introduce(&b, &a);
	struct noise_session of_a = {.initiator = true,
	                             .local_index =
	                                 index_new(a.device->tables.by_index, a.peer)->index},
	                     of_b = {.local_index =
	                                 index_new(b.device->tables.by_index, b.peer)->index};
	of_a.remote_index = of_b.local_index;
	of_b.remote_index = of_a.local_index;
	memset(of_a.send_key, 0x41, NOISE_KEY_BYTES);
	memset(of_b.receive_key, 0x41, NOISE_KEY_BYTES);
	memset(of_a.receive_key, 0x42, NOISE_KEY_BYTES);
	memset(of_b.send_key, 0x42, NOISE_KEY_BYTES);
	assert_int_equal(session_install(a.peer, &of_a, loopback_now_ns), 0);
	assert_int_equal(session_install(b.peer, &of_b, loopback_now_ns), 0);
	session_confirm(b.peer);

	wire = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(wire, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(wire, (struct sockaddr *)&here, &bytes), 0);
	setsockopt(wire, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	wire_port = ntohs(here.sin_port);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(wire);
	close(a.tun);
	close(b.tun);
	device_free(a.device);
	device_free(b.device);
	return 0;
}

// From here on a's messages come to the wire.
static void cut(void)
{
	a.peer->endpoint = loopback_endpoint(wire_port);
}

// A packet of `bytes` with a pattern behind its header.
static void fill(uint8_t *p, int family, uint8_t tos, uint16_t bytes)
{
	for (uint16_t i = 0; i < bytes; i++)
		p[i] = i * 7;
	if (family == AF_INET) {
		struct iphdr ip = {.version = 4,
		                   .ihl = 5,
		                   .tos = tos,
		                   .tot_len = htons(bytes),
		                   .ttl = 64,
		                   .protocol = 254,
		                   .saddr = htonl(10 << 24 | 1),
		                   .daddr = htonl(10 << 24 | 2)};
		ip.check = ~checksum_fold(checksum_add(0, &ip, sizeof(ip)));
		memcpy(p, &ip, sizeof(ip));
	} else {
		struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28 | (uint32_t)tos << 20),
		                     .ip6_plen = htons(bytes - sizeof(ip)),
		                     .ip6_nxt = 254,
		                     .ip6_src = {{{0xfd, [15] = 1}}},
		                     .ip6_dst = {{{0xfd, [15] = 2}}}};
		memcpy(p, &ip, sizeof(ip));
	}
}

// Through the data path as the TUN would have brought it.
static void send_packet(struct end *e, int family, uint8_t tos, uint16_t bytes)
{
	struct queue *queue = &e->device->queue[0];
	struct buffer *buffer = pool_get_buffer(&queue->pool);
	struct gather g;

	assert_non_null(buffer);
	struct frame *f = (struct frame *)buffer->item.bytes;
	memset(f->packet, 0xff, PACKET_MAX); // padding must be zeroed
	fill(f->packet, family, tos, bytes);
	f->queued = (struct aqm_packet){.bytes = bytes};
	f->buffer = buffer;
	f->header = (struct virtio_net_hdr){0};
	assert_int_equal(inner_parse(&f->ip, f->packet, bytes), 0);
	lock_share(&e->device->lock);
	gather_init(&g, queue, loopback_now_ns);
	gather_add(&g, f);
	gather_close(&g);
	lanes_flush(queue);
	lock_release(&e->device->lock);
}

static void receive(struct end *e, int fd)
{
	bool backlog = false;

	assert_true(loopback_readable(fd, LOOPBACK_WAIT_MS));
	lock_share(&e->device->lock);
	assert_true(udp_receive(&e->device->queue[0], fd, loopback_now_ns, &backlog) > 0);
	lanes_flush(&e->device->queue[0]);
	lock_release(&e->device->lock);
}

// What came out of the TUN, without the vnet header; 0: nothing.
static size_t taken(struct end *e, uint8_t packet[PACKET_MAX])
{
	struct virtio_net_hdr header;
	struct iovec iov[] = {{&header, sizeof(header)}, {packet, PACKET_MAX}};
	ssize_t n = readv(e->tun, iov, 2);

	return n < 0 ? 0 : n - sizeof(header);
}

// The next message on the wire, and its TOS byte.
static ssize_t on_wire(uint8_t message[PACKET_MAX], int *tos)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[64];
	} control;
	struct iovec iov = {message, PACKET_MAX};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};

	assert_true(loopback_readable(wire, LOOPBACK_WAIT_MS));
	ssize_t n = recvmsg(wire, &m, 0);
	assert_true(n >= MESSAGE_DATA_OVERHEAD);
	*tos = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			*tos = *CMSG_DATA(c);
	return n;
}

static void carry_on(int from, const uint8_t *message, size_t bytes)
{
	struct sockaddr_in to = loopback_endpoint(b.device->udp.port).remote.v4;

	assert_int_equal(sendto(from, message, bytes, 0, (struct sockaddr *)&to, sizeof(to)),
	                 bytes);
	receive(&b, loopback_socket(b.device, MESSAGE_DATA));
}

// ---- length

static void padded_to_16_and_never_above_the_mtu(void **state)
{
	const uint16_t mtu = 1413;
	uint8_t message[PACKET_MAX], packet[PACKET_MAX], expected[PACKET_MAX];
	int tos;

	(void)state;
	cut();
	atomic_store(&a.device->tun.mtu, mtu);
	// Also some above the MTU, as may still come when it has just been lowered.
	for (uint16_t bytes = 20; bytes < mtu + 20; bytes++) {
		uint16_t padded = (bytes + 15) / 16 * 16;

		if (padded > mtu)
			padded = bytes < mtu ? mtu : bytes;
		send_packet(&a, AF_INET, 0, bytes);
		assert_int_equal(on_wire(message, &tos), MESSAGE_DATA_OVERHEAD + padded);
		carry_on(wire, message, MESSAGE_DATA_OVERHEAD + padded);
		fill(expected, AF_INET, 0, bytes);
		assert_int_equal(taken(&b, packet), bytes);
		assert_memory_equal(packet, expected, bytes);
	}
}

// The padding is authenticated, so its receiver would see anything else.
static void padding_is_zero(void **state)
{
	uint8_t message[PACKET_MAX];
	const uint8_t zero[16] = {0};
	int tos;

	(void)state;
	cut();
	send_packet(&a, AF_INET, 0, 33);
	ssize_t n = on_wire(message, &tos);
	struct message_data *m = (struct message_data *)message;
	struct aead_message open = {.source = m->payload,
	                            .target = m->payload,
	                            .length = n - MESSAGE_DATA_OVERHEAD,
	                            .counter = le64toh(m->counter)};
	aead_open(cipher_thread(), b.peer->current->receive_key, &open, 1);
	assert_true(open.authentic);
	assert_int_equal(open.length, 48);
	assert_memory_equal(m->payload + 33, zero, 15);
}

// ---- TOS

// RFC 6040, section 4.1 (normal mode): ECN is copied. DSCP isn't, so that it tells nobody what a
// packet is.
static void ecn_goes_out_and_dscp_stays_in(void **state)
{
	uint8_t message[PACKET_MAX];
	int tos;

	(void)state;
	cut();
	for (int family = 0; family < 2; family++)
		for (int inner = 0; inner < 256; inner++) {
			send_packet(&a, family ? AF_INET6 : AF_INET, inner, 100);
			on_wire(message, &tos);
			assert_int_equal(tos, inner & 3);
		}
}

// RFC 6040, figure 4; but what isn't ECN-capable comes up unmarked from a path that marks
// everything, as with the kernel's WireGuard.
enum { NOT, ECT1, ECT0, CE };
static const int comes_up[4][4] = {
    // outer: not, ECT(1), ECT(0), CE
    [NOT] = {NOT, NOT, NOT, NOT},
    [ECT1] = {ECT1, ECT1, ECT1, CE},
    [ECT0] = {ECT0, ECT1, ECT0, CE},
    [CE] = {CE, CE, CE, CE},
};

static void check_taken(int family, uint8_t dscp, int inner, int outer)
{
	uint8_t packet[PACKET_MAX], expected[PACKET_MAX];

	fill(expected, family, dscp | comes_up[inner][outer], 100);
	assert_int_equal(taken(&b, packet), 100);
	assert_memory_equal(packet, expected, 100);
}

static void ecn_comes_in_as_with_the_kernel(void **state)
{
	uint8_t message[PACKET_MAX];
	const uint8_t dscp = 0xb8;
	int tos;

	(void)state;
	cut();
	for (int run = 0; run < 32; run++) {
		int family = run & 16 ? AF_INET6 : AF_INET, inner = run >> 2 & 3, outer = run & 3;

		send_packet(&a, family, dscp | inner, 100);
		ssize_t n = on_wire(message, &tos);
		assert_int_equal(setsockopt(wire, IPPROTO_IP, IP_TOS, &outer, sizeof(outer)), 0);
		carry_on(wire, message, n);
		check_taken(family, dscp, inner, outer);
	}
	assert_int_equal(counters_sum(&b.device->counters, rx_ce_ignored), 2);
	assert_int_equal(counters_sum(&b.device->counters, drop_rx_invalid), 0);
	assert_int_equal(counters_sum(&b.device->counters, rx_packets), 32);
}

static void ecn_comes_in_over_ipv6_likewise(void **state)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
	                          .sin6_port = htons(b.device->udp.port),
	                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int v6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), tos;
	uint8_t message[PACKET_MAX];

	(void)state;
	if (v6 < 0 || connect(v6, (struct sockaddr *)&to, sizeof(to))) {
		print_message("this host has no IPv6\n");
		skip();
	}
	cut();
	for (int run = 0; run < 16; run++) {
		int inner = run >> 2, outer = run & 3;

		send_packet(&a, AF_INET, inner, 100);
		ssize_t n = on_wire(message, &tos);
		setsockopt(v6, IPPROTO_IPV6, IPV6_TCLASS, &outer, sizeof(outer));
		assert_int_equal(send(v6, message, n, 0), n);
		receive(&b, b.device->queue[0].udp[1]);
		check_taken(AF_INET, 0, inner, outer);
	}
	assert_int_equal(counters_sum(&b.device->counters, rx_ce_ignored), 1);
	close(v6);
}

// Several packets under one mark, in one buffer of the kernel's or in several.
static void a_marked_batch_comes_up_whole(void **state)
{
	enum { PACKETS = 8 };
	const int outer = CE;
	uint8_t messages[PACKETS * PACKET_MAX];
	struct iovec iov = {messages, 0};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {.align = {.cmsg_level = IPPROTO_UDP,
	                       .cmsg_type = UDP_SEGMENT,
	                       .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
	struct sockaddr_in to = loopback_endpoint(b.device->udp.port).remote.v4;
	struct msghdr m = {.msg_name = &to,
	                   .msg_namelen = sizeof(to),
	                   .msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	int tos;

	(void)state;
	cut();
	for (int i = 0; i < PACKETS; i++) {
		send_packet(&a, AF_INET, i & 1 ? ECT0 : NOT, 100);
		iov.iov_len += on_wire(messages + iov.iov_len, &tos);
	}
	memcpy(CMSG_DATA(&control.align), &(uint16_t){iov.iov_len / PACKETS}, sizeof(uint16_t));
	assert_int_equal(setsockopt(wire, IPPROTO_IP, IP_TOS, &outer, sizeof(outer)), 0);
	assert_int_equal(sendmsg(wire, &m, 0), iov.iov_len);
	while (counters_sum(&b.device->counters, rx_packets) < PACKETS)
		receive(&b, loopback_socket(b.device, MESSAGE_DATA));
	for (int i = 0; i < PACKETS; i++)
		check_taken(AF_INET, 0, i & 1 ? ECT0 : NOT, CE);
	assert_int_equal(counters_sum(&b.device->counters, rx_ce_ignored), PACKETS / 2);
}

// ---- endpoints

static void a_replay_from_elsewhere_moves_no_endpoint(void **state)
{
	uint8_t message[PACKET_MAX], packet[PACKET_MAX];
	int tos, elsewhere = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	cut();
	send_packet(&a, AF_INET, 0, 100);
	ssize_t n = on_wire(message, &tos);
	carry_on(wire, message, n);
	assert_int_equal(taken(&b, packet), 100);
	assert_int_equal(ntohs(b.peer->endpoint.remote.v4.sin_port), wire_port);
	carry_on(elsewhere, message, n);
	assert_int_equal(counters_sum(&b.device->counters, drop_rx_replay), 1);
	assert_int_equal(taken(&b, packet), 0);
	assert_int_equal(ntohs(b.peer->endpoint.remote.v4.sin_port), wire_port);
	close(elsewhere);
}

// An authenticated packet moves it even where cryptokey routing refuses what is in it.
static void a_refused_source_still_moves_the_endpoint(void **state)
{
	uint8_t message[PACKET_MAX], packet[PACKET_MAX];
	int tos;

	(void)state;
	cut();
	allowedips_remove_owner(b.device->tables.allowed_ips, &b.peer->allowed_ips);
	send_packet(&a, AF_INET, 0, 100);
	ssize_t n = on_wire(message, &tos);
	carry_on(wire, message, n);
	assert_int_equal(counters_sum(&b.device->counters, drop_rx_allowed_ips), 1);
	assert_int_equal(taken(&b, packet), 0);
	assert_int_equal(ntohs(b.peer->endpoint.remote.v4.sin_port), wire_port);
}

// ---- when new keys are asked for

// Takes what was posted, as the control thread would, but only looks at it.
static bool asks(struct end *e)
{
	struct peer *p = mailbox_take_peers(&e->device->mailbox);

	if (!p)
		return false;
	assert_ptr_equal(p, e->peer);
	unsigned events = atomic_exchange(&p->events, 0);
	peer_release(p);
	return events & PEER_EVENT_HANDSHAKE;
}

static void pass_to(uint64_t age_ns)
{
	loopback_pass(a.peer->current->born_ns + age_ns - loopback_now_ns);
}

static void the_initiator_alone_rekeys_on_send_at_120_s(void **state)
{
	(void)state;
	pass_to(120 * NS_PER_S - 1);
	send_packet(&a, AF_INET, 0, 100);
	send_packet(&b, AF_INET, 0, 100);
	assert_false(asks(&a) || asks(&b));
	pass_to(120 * NS_PER_S);
	send_packet(&b, AF_INET, 0, 100);
	assert_false(asks(&b));
	send_packet(&a, AF_INET, 0, 100);
	assert_true(asks(&a));
	// It was sent all the same.
	assert_int_equal(a.peer->staged_packets, 0);
	assert_int_equal(counters_sum(&a.device->counters, tx_packets), 2);
}

static void either_role_rekeys_after_2_60_messages(void **state)
{
	struct end *ends[] = {&a, &b};

	(void)state;
	for (int i = 0; i < 2; i++) {
		ends[i]->peer->current->send_counter = (1ull << 60) - 1;
		send_packet(ends[i], AF_INET, 0, 100);
		assert_false(asks(ends[i]));
		send_packet(ends[i], AF_INET, 0, 100);
		assert_true(asks(ends[i]));
		assert_int_equal(ends[i]->peer->staged_packets, 0);
	}
}

static void the_initiator_alone_rekeys_on_receive_at_165_s_once(void **state)
{
	(void)state;
	pass_to(165 * NS_PER_S - 1);
	send_packet(&b, AF_INET, 0, 100);
	receive(&a, loopback_socket(a.device, MESSAGE_DATA));
	assert_false(asks(&a));
	pass_to(165 * NS_PER_S);
	for (int i = 0; i < 3; i++) {
		send_packet(&b, AF_INET, 0, 100);
		receive(&a, loopback_socket(a.device, MESSAGE_DATA));
		assert_int_equal(asks(&a), i == 0);
	}
	send_packet(&a, AF_INET, 0, 100);
	receive(&b, loopback_socket(b.device, MESSAGE_DATA));
	assert_false(asks(&b));
}

static void keys_are_rejected_at_180_s(void **state)
{
	uint8_t packet[PACKET_MAX];

	(void)state;
	pass_to(180 * NS_PER_S - 1);
	send_packet(&b, AF_INET, 0, 100);
	receive(&a, loopback_socket(a.device, MESSAGE_DATA));
	assert_int_equal(taken(&a, packet), 100);
	send_packet(&b, AF_INET, 0, 100);
	pass_to(180 * NS_PER_S);
	receive(&a, loopback_socket(a.device, MESSAGE_DATA));
	assert_int_equal(taken(&a, packet), 0);
	assert_int_equal(counters_sum(&a.device->counters, drop_rx_expired), 1);
	send_packet(&b, AF_INET, 0, 100);
	assert_int_equal(b.peer->staged_packets, 1);
	assert_true(asks(&b));
}

// The sender that is ours never gets there; another may.
static void messages_beyond_the_last_are_not_received(void **state)
{
	static const uint64_t last = UINT64_MAX - (1 << 13) - 1;
	uint8_t text[PACKET_MAX], packet[PACKET_MAX];

	(void)state;
	for (int i = 0; i < 4; i++) {
		const uint64_t counters[] = {last, last + 1, last + 2, UINT64_MAX};
		struct message_data *m = (struct message_data *)packet;
		struct aead_message seal = {
		    .source = text, .target = m->payload, .length = 112, .counter = counters[i]};

		memset(text, 0, sizeof(text));
		fill(text, AF_INET, 0, 100);
		m->type = htole32(MESSAGE_DATA);
		m->receiver_index = b.peer->current->local_index;
		m->counter = htole64(counters[i]);
		aead_seal(cipher_thread(), b.peer->current->receive_key, &seal, 1);
		carry_on(wire, packet, MESSAGE_DATA_OVERHEAD + 112);
		assert_int_equal(counters_sum(&b.device->counters, drop_rx_replay), i);
		assert_int_equal(taken(&b, packet), i ? 0 : 100);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(padded_to_16_and_never_above_the_mtu),
	    TEST(padding_is_zero),
	    TEST(ecn_goes_out_and_dscp_stays_in),
	    TEST(ecn_comes_in_as_with_the_kernel),
	    TEST(ecn_comes_in_over_ipv6_likewise),
	    TEST(a_marked_batch_comes_up_whole),
	    TEST(a_replay_from_elsewhere_moves_no_endpoint),
	    TEST(a_refused_source_still_moves_the_endpoint),
	    TEST(the_initiator_alone_rekeys_on_send_at_120_s),
	    TEST(either_role_rekeys_after_2_60_messages),
	    TEST(the_initiator_alone_rekeys_on_receive_at_165_s_once),
	    TEST(keys_are_rejected_at_180_s),
	    TEST(messages_beyond_the_last_are_not_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
