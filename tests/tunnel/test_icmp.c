// Errors to the senders of packets that have no peer or no endpoint: what is written, for which
// packets nothing may be, and how often. The TUN is one end of a pair of sockets.
#include "tests/support/support.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"
#include "tunnel/icmp.h"
#include "tunnel/peers.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"

enum { BYTES = 100, BURST = 50 };

static struct device *device;
static struct peer *peer;
static int far; // the TUN's other end
static uint64_t now_ns;

static int set_up(void **state)
{
	const uint8_t key[NOISE_KEY_BYTES] = {1}, network[16] = {10, 0, 1};
	struct switches switches;
	int pair[2];

	(void)state;
	assert_int_equal(switches_parse(&switches, "queues=1"), 0);
	assert_int_equal(device_create(&device, "wgbtest", &switches), 0);
	peer = peers_new(device, key);
	assert_non_null(peer);
	assert_int_equal(
	    allowedips_insert(device->tables.allowed_ips, AF_INET, network, 24, &peer->allowed_ips),
	    0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
	                 0);
	device->queue[0].tun = pair[0];
	far = pair[1];
	now_ns = 1000 * NS_PER_S;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(far);
	device_free(device);
	return 0;
}

static struct iphdr v4(uint32_t source, uint32_t destination, uint16_t bytes)
{
	return (struct iphdr){.version = 4,
	                      .ihl = 5,
	                      .tot_len = htons(bytes),
	                      .ttl = 64,
	                      .protocol = IPPROTO_UDP,
	                      .saddr = htonl(source),
	                      .daddr = htonl(destination)};
}

static struct ip6_hdr v6(uint8_t source, uint8_t destination, uint16_t bytes)
{
	return (struct ip6_hdr){.ip6_flow = htonl(6u << 28),
	                        .ip6_plen = htons(bytes - sizeof(struct ip6_hdr)),
	                        .ip6_nxt = IPPROTO_UDP,
	                        .ip6_src = {{{source, 1, [15] = 1}}},
	                        .ip6_dst = {{{destination, 1, [15] = 2}}}};
}

enum { HOST = 10 << 24 | 1, ELSEWHERE = 10 << 24 | 2 << 8 | 9, OF_PEER = 10 << 24 | 1 << 8 | 9 };

// Offers a packet with that header to the data path, filled up with a pattern.
static void offer(const void *header, size_t header_bytes, uint32_t bytes)
{
	struct buffer *buffer = pool_get_buffer(&device->queue[0].pool);
	struct gather g;

	assert_non_null(buffer);
	struct frame *f = (struct frame *)buffer->item.bytes;
	for (uint32_t i = 0; i < bytes; i++)
		f->packet[i] = i;
	memcpy(f->packet, header, header_bytes);
	f->queued = (struct aqm_packet){.bytes = bytes};
	f->buffer = buffer;
	f->header = (struct virtio_net_hdr){0};
	assert_int_equal(inner_parse(&f->ip, f->packet, bytes), 0);
	gather_init(&g, &device->queue[0], now_ns);
	gather_add(&g, f);
	gather_close(&g);
}

static void offer_v4(struct iphdr ip, uint32_t bytes)
{
	offer(&ip, sizeof(ip), bytes);
}

static void offer_v6(struct ip6_hdr ip, uint32_t bytes)
{
	offer(&ip, sizeof(ip), bytes);
}

// What the TUN was given; without its vnet header, which must be zero. 0: nothing.
static size_t answer(uint8_t *to, size_t room)
{
	static const struct virtio_net_hdr plain;
	struct virtio_net_hdr header;
	struct iovec iov[] = {{&header, sizeof(header)}, {to, room}};
	ssize_t n = readv(far, iov, 2);

	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return 0;
	}
	assert_true(n > (ssize_t)sizeof(header));
	assert_memory_equal(&header, &plain, sizeof(plain));
	return n - sizeof(header);
}

static bool silent(void)
{
	uint8_t packet[2048];

	return !answer(packet, sizeof(packet));
}

// RFC 1071, byte by byte; 0 over data that holds its own checksum.
static uint16_t sum(const uint8_t *data, size_t bytes, uint32_t start)
{
	uint32_t s = start;

	for (size_t i = 0; i < bytes; i++)
		s += i % 2 ? data[i] : data[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s;
}

static void check_quote(const uint8_t *quote, const void *header, size_t header_bytes, size_t bytes)
{
	assert_memory_equal(quote, header, header_bytes);
	for (size_t i = header_bytes; i < bytes; i++)
		assert_int_equal(quote[i], i & 0xff);
}

static void check_v4(struct iphdr cause, size_t quoted)
{
	uint8_t p[2048];
	struct iphdr ip;

	assert_int_equal(answer(p, sizeof(p)), 28 + quoted);
	memcpy(&ip, p, sizeof(ip));
	assert_int_equal(ip.version, 4);
	assert_int_equal(ip.ihl, 5);
	assert_int_equal(ntohs(ip.tot_len), 28 + quoted);
	assert_int_equal(ip.protocol, 1);
	assert_int_equal(ip.saddr, cause.daddr);
	assert_int_equal(ip.daddr, cause.saddr);
	assert_int_equal(sum(p, 20, 0), 0);
	assert_int_equal(p[20], 3); // destination unreachable
	assert_int_equal(p[21], 1); // host
	assert_int_equal(sum(p + 20, 8 + quoted, 0), 0);
	check_quote(p + 28, &cause, sizeof(cause), quoted);
	assert_true(silent());
}

static void check_v6(struct ip6_hdr cause, size_t quoted)
{
	uint8_t p[2048];
	struct ip6_hdr ip;
	size_t bytes = answer(p, sizeof(p));

	assert_int_equal(bytes, 48 + quoted);
	memcpy(&ip, p, sizeof(ip));
	assert_int_equal(p[0] >> 4, 6);
	assert_int_equal(ntohs(ip.ip6_plen), 8 + quoted);
	assert_int_equal(ip.ip6_nxt, 58);
	assert_memory_equal(&ip.ip6_src, &cause.ip6_dst, 16);
	assert_memory_equal(&ip.ip6_dst, &cause.ip6_src, 16);
	assert_int_equal(p[40], 1); // destination unreachable
	assert_int_equal(p[41], 3); // address
	// With the pseudo header: both addresses, the length, and the protocol.
	uint32_t start = (uint16_t)~sum(p + 8, 32, 0) + 8 + quoted + 58;
	assert_int_equal(sum(p + 40, 8 + quoted, start), 0);
	check_quote(p + 48, &cause, sizeof(cause), quoted);
	assert_true(silent());
}

static void a_packet_without_peer_is_answered(void **state)
{
	const uint32_t sizes[] = {40, 99, 548, 549, 1232, 1233, 1420};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		offer_v4(v4(HOST, ELSEWHERE, sizes[i]), sizes[i]);
		check_v4(v4(HOST, ELSEWHERE, sizes[i]), sizes[i] < 548 ? sizes[i] : 548);
		offer_v6(v6(0xfd, 0xfd, sizes[i]), sizes[i]);
		check_v6(v6(0xfd, 0xfd, sizes[i]), sizes[i] < 1232 ? sizes[i] : 1232);
	}
	assert_int_equal(counters_sum(&device->counters, icmp_errors), 14);
	assert_int_equal(counters_sum(&device->counters, drop_tx_no_peer), 14);
}

static void a_packet_whose_peer_has_no_endpoint_is_answered(void **state)
{
	(void)state;
	offer_v4(v4(HOST, OF_PEER, BYTES), BYTES);
	check_v4(v4(HOST, OF_PEER, BYTES), BYTES);
	assert_int_equal(counters_sum(&device->counters, drop_tx_no_endpoint), 1);
	assert_int_equal(peer->staged_packets, 0);
	// With one it waits for a key pair.
	peer->endpoint.remote.v4 = (struct sockaddr_in){.sin_family = AF_INET};
	offer_v4(v4(HOST, OF_PEER, BYTES), BYTES);
	assert_true(silent());
	assert_int_equal(peer->staged_packets, 1);
}

static void some_packets_are_never_answered(void **state)
{
	static const uint8_t errors4[] = {3, 4, 5, 11, 12};
	struct iphdr ip = v4(HOST, ELSEWHERE, BYTES);
	struct ip6_hdr ip6 = v6(0xfd, 0xfd, BYTES);
	uint8_t packet[48];

	(void)state;
	offer_v4(v4(HOST, 0xe0000001, BYTES), BYTES); // to many
	offer_v4(v4(HOST, 0xffffffff, BYTES), BYTES);
	offer_v4(v4(0, ELSEWHERE, BYTES), BYTES); // from nobody
	offer_v4(v4(0xe0000001, ELSEWHERE, BYTES), BYTES);
	offer_v4(v4(0x7f000001, ELSEWHERE, BYTES), BYTES);
	ip.frag_off = htons(1); // not the first fragment
	offer_v4(ip, BYTES);
	ip = v4(HOST, ELSEWHERE, 20); // an ICMP message without a type
	ip.protocol = IPPROTO_ICMP;
	offer_v4(ip, 20);
	ip = v4(HOST, ELSEWHERE, sizeof(packet));
	ip.protocol = IPPROTO_ICMP;
	memcpy(packet, &ip, sizeof(ip));
	for (size_t i = 0; i < sizeof(errors4); i++) {
		packet[sizeof(ip)] = errors4[i];
		offer(packet, sizeof(ip) + 1, sizeof(packet));
	}
	offer_v6(v6(0xfd, 0xff, BYTES), BYTES);
	offer_v6(v6(0xff, 0xfd, BYTES), BYTES);
	ip6.ip6_src = in6addr_any;
	offer_v6(ip6, BYTES);
	ip6 = v6(0xfd, 0xfd, sizeof(packet));
	ip6.ip6_nxt = IPPROTO_ICMPV6;
	memcpy(packet, &ip6, sizeof(ip6));
	for (unsigned type = 0; type < 128; type++) {
		packet[sizeof(ip6)] = type;
		offer(packet, sizeof(ip6) + 1, sizeof(packet));
	}
	packet[sizeof(ip6)] = 137; // redirect
	offer(packet, sizeof(ip6) + 1, sizeof(packet));
	ip6.ip6_nxt = IPPROTO_FRAGMENT;
	offer_v6(ip6, BYTES);
	assert_true(silent());

	// Requests are.
	packet[sizeof(ip6)] = 128;
	offer(packet, sizeof(ip6) + 1, sizeof(packet));
	assert_false(silent());
	memcpy(packet, &ip, sizeof(ip));
	packet[sizeof(ip)] = 8;
	offer(packet, sizeof(ip) + 1, sizeof(packet));
	assert_false(silent());
}

static void errors_are_limited_to_1000_a_second(void **state)
{
	unsigned answers = 0;

	(void)state;
	for (int ms = 0; ms < 1000; ms++, now_ns += NS_PER_S / 1000)
		for (int i = 0; i < 3; i++) {
			offer_v4(v4(HOST, ELSEWHERE, BYTES), BYTES);
			answers += !silent();
		}
	assert_int_equal(answers, 999 + BURST);
	// One that may not be answered takes nothing of what others may have.
	now_ns += NS_PER_S;
	for (int i = 0; i < 1000; i++)
		offer_v4(v4(HOST, 0xe0000001, BYTES), BYTES);
	offer_v4(v4(HOST, ELSEWHERE, BYTES), BYTES);
	assert_false(silent());
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_packet_without_peer_is_answered),
	    TEST(a_packet_whose_peer_has_no_endpoint_is_answered),
	    TEST(some_packets_are_never_answered),
	    TEST(errors_are_limited_to_1000_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
