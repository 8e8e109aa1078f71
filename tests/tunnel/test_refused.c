// What the tunnel does where the kernel refuses a super-packet, UDP_SEGMENT or a socket's option,
// now or for ever. On an injected clock, with the kernel's answers made up: the program has system
// calls of its own.
#include "tests/support/loopback.h"
#include "tests/support/packets.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"

static struct {
	int merged, segmented, source; // errno; 0: taken
	unsigned merged_writes, plain_writes, segment_sends, plain_sends;
	int option, option_error; // of a socket
} kernel;

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	bool merged = count > 2;
	ssize_t bytes = 0;

	if (fd != -2)
		return syscall(SYS_writev, fd, iov, count);
	kernel.merged_writes += merged;
	kernel.plain_writes += !merged;
	for (int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	errno = merged ? kernel.merged : 0;
	return errno ? -1 : bytes;
}

static bool has_control(const struct msghdr *m, int level, int type)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)m, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			return true;
	return false;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	const struct msghdr *first = &messages[0].msg_hdr;
	bool segment = has_control(first, IPPROTO_UDP, 103); // UDP_SEGMENT

	(void)fd;
	(void)flags;
	kernel.segment_sends += segment;
	kernel.plain_sends += !segment;
	errno = segment ? kernel.segmented : 0;
	if (!errno && kernel.source && has_control(first, IPPROTO_IP, IP_PKTINFO))
		errno = kernel.source;
	return errno ? -1 : (int)n;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
	if (!kernel.option || option != kernel.option)
		return syscall(SYS_setsockopt, fd, level, option, value, bytes);
	errno = kernel.option_error;
	return -1;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
	if (!kernel.option || option != kernel.option)
		return syscall(SYS_getsockopt, fd, level, option, value, bytes);
	errno = kernel.option_error;
	return -1;
}

// ---- at the TUN

enum { PACKETS = 3, PAYLOAD = 100 };

static struct device *device;
static struct peer *peer;

static int set_up(void **state)
{
	(void)state;
	loopback_take_clock();
	device = loopback_device((const uint8_t[NOISE_KEY_BYTES]){0, 1});
	device->tun.merge_tcp = device->tun.merge_udp = FEATURE(true);
	device->queue[0].tun = -2;
	peer = peers_new(device, (const uint8_t[NOISE_KEY_BYTES]){9});
	assert_non_null(peer);
	peer->endpoint = loopback_endpoint(9);
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	device_free(device);
	return 0;
}

static void write_burst(uint8_t protocol)
{
	static uint8_t payload[PAYLOAD], memory[PACKETS][256];
	struct receive_packet packets[PACKETS];

	for (unsigned i = 0; i < PACKETS; i++) {
		struct packet_spec s = {.family = AF_INET,
		                        .protocol = protocol,
		                        .source = 1,
		                        .destination = 2,
		                        .ttl = 64,
		                        .id = i,
		                        .sequence = i * PAYLOAD,
		                        .tcp_flags = 0x10,
		                        .payload = payload,
		                        .payload_bytes = PAYLOAD};
		packets[i] = (struct receive_packet){memory[i], packet_build(memory[i], &s)};
	}
	kernel.merged_writes = kernel.plain_writes = 0;
	lock_share(&device->lock);
	tun_write_merged(&device->queue[0], packets, PACKETS);
	lock_release(&device->lock);
}

static void check_writes(unsigned merged, unsigned plain, bool on)
{
	assert_int_equal(kernel.merged_writes, merged);
	assert_int_equal(kernel.plain_writes, plain);
	assert_int_equal(feature_on(&device->tun.merge_tcp), on);
}

static void a_passing_error_at_the_tun_costs_its_packets_only(void **state)
{
	static const int passing[] = {EIO, EAGAIN, ENOBUFS, ENOMEM, ENETDOWN, EINTR};

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		kernel.merged = passing[i];
		write_burst(IPPROTO_TCP);
		check_writes(1, 0, true);
		assert_int_equal(counters_sum(&device->counters, drop_rx_tun), (i + 1) * PACKETS);
	}
	kernel.merged = 0;
	write_burst(IPPROTO_TCP);
	check_writes(1, 0, true);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 0);
}

static void a_tun_that_takes_no_super_packets_is_believed(void **state)
{
	(void)state;
	kernel.merged = EINVAL;
	write_burst(IPPROTO_TCP);
	check_writes(1, PACKETS, false);
	loopback_pass(100000 * NS_PER_S);
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(interface_up(device), 0);
	write_burst(IPPROTO_TCP);
	check_writes(0, PACKETS, false);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 1);
	assert_int_equal(counters_sum(&device->counters, drop_rx_tun), 0);
	// The other kind is another matter.
	kernel.merged = 0;
	write_burst(IPPROTO_UDP);
	assert_int_equal(kernel.merged_writes, 1);
}

static void one_bad_super_packet_turns_nothing_off(void **state)
{
	(void)state;
	write_burst(IPPROTO_TCP);
	kernel.merged = EINVAL;
	write_burst(IPPROTO_TCP);
	check_writes(1, PACKETS, true);
	assert_int_equal(counters_sum(&device->counters, drop_rx_tun), 0);
}

static void a_doubtful_error_at_the_tun_is_tried_again(void **state)
{
	(void)state;
	kernel.merged = EFAULT;
	write_burst(IPPROTO_TCP);
	check_writes(1, PACKETS, false);
	kernel.merged = 0;
	write_burst(IPPROTO_TCP);
	check_writes(0, PACKETS, false);
	loopback_pass(NS_PER_S);
	write_burst(IPPROTO_TCP);
	check_writes(1, 0, true);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 2);
	// And when the link comes up.
	kernel.merged = EFAULT;
	write_burst(IPPROTO_TCP);
	kernel.merged = 0;
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(interface_up(device), 0);
	write_burst(IPPROTO_TCP);
	check_writes(1, 0, true);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 4);
}

// ---- at the sockets

static uint32_t send_burst(void)
{
	struct batch *b = pool_get_batch(&device->queue[0].pool);

	assert_non_null(b);
	b->peer = peer_hold(peer);
	b->tos = 0;
	for (uint32_t i = 0; i < PACKETS; i++)
		b->span[i] = (struct batch_span){i * PAYLOAD, PAYLOAD};
	b->packets = PACKETS;
	kernel.segment_sends = kernel.plain_sends = 0;
	uint32_t sent = udp_send(b);
	pool_put_batch(b);
	return sent;
}

static void check_sends(unsigned segment, unsigned plain, bool on)
{
	assert_int_equal(kernel.segment_sends, segment);
	assert_int_equal(kernel.plain_sends, plain);
	assert_int_equal(feature_on(&peer->segment), on);
}

static void a_passing_error_of_a_send_costs_its_packets_only(void **state)
{
	static const int passing[] = {EPERM,    EACCES, ENOBUFS,     ENOMEM,       EAGAIN,
	                              ENETDOWN, EINTR,  ENETUNREACH, EHOSTUNREACH, ECONNREFUSED};

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		kernel.segmented = passing[i];
		assert_int_equal(send_burst(), 0);
		check_sends(1, 0, true);
	}
	kernel.segmented = 0;
	assert_int_equal(send_burst(), PACKETS);
	check_sends(1, 0, true);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 0);
}

static void segments_too_large_for_a_path_are_tried_again(void **state)
{
	static const int narrow[] = {EINVAL, EMSGSIZE, EIO};
	uint64_t wait_ns = NS_PER_S; // twice as long after each refusal

	(void)state;
	for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
		kernel.segmented = narrow[i];
		assert_int_equal(send_burst(), PACKETS);
		check_sends(1, 1, false);
		loopback_pass(wait_ns - 1);
		assert_int_equal(send_burst(), PACKETS);
		check_sends(0, 1, false);
		loopback_pass(1);
		assert_int_equal(send_burst(), PACKETS);
		check_sends(1, 1, false);
		kernel.segmented = 0;
		loopback_pass(2 * wait_ns);
		assert_int_equal(send_burst(), PACKETS);
		check_sends(1, 0, true);
		assert_int_equal(counters_sum(&device->counters, offload_changes), 2 * (i + 1));
		wait_ns *= 4;
	}
}

static void another_path_is_tried_at_once(void **state)
{
	(void)state;
	kernel.segmented = EINVAL;
	send_burst();
	check_sends(1, 1, false);
	kernel.segmented = 0;
	peer_segment_again(peer);
	send_burst();
	check_sends(1, 0, true);
}

// EINVAL is also what an address that isn't ours any more gives: then that goes, and not segments.
static void a_lost_source_address_is_not_the_segments_fault(void **state)
{
	(void)state;
	peer->endpoint.local.v4.s_addr = htonl(INADDR_LOOPBACK);
	kernel.source = EINVAL;
	assert_int_equal(send_burst(), PACKETS);
	check_sends(2, 1, true);
	assert_int_equal(peer->endpoint.local.v4.s_addr, 0);
	assert_int_equal(counters_sum(&device->counters, offload_changes), 0);
	// And where it's the segments', the source stays.
	peer->endpoint.local.v4.s_addr = htonl(INADDR_LOOPBACK);
	kernel.source = 0;
	kernel.segmented = EINVAL;
	assert_int_equal(send_burst(), PACKETS);
	check_sends(1, 1, false);
	assert_int_not_equal(peer->endpoint.local.v4.s_addr, 0);
}

// ---- when the sockets are opened

static bool whole(void)
{
	const struct udp *u = &device->udp;

	return u->segment && u->gro && u->handshake[0] >= 0;
}

static void reopen(int option, int error)
{
	kernel.option = option;
	kernel.option_error = error;
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(interface_up(device), 0);
}

static void pass_and_expire(uint64_t ns)
{
	loopback_pass(ns);
	due_expire(device, loopback_now_ns);
}

// UDP_SEGMENT and UDP_GRO share their numbers with nothing else that is asked for.
static const int options[] = {103, 104, SO_ATTACH_REUSEPORT_CBPF, SO_REUSEPORT};

static void a_passing_error_of_an_option_is_tried_again(void **state)
{
	(void)state;
	assert_true(whole());
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		uint64_t changes = counters_sum(&device->counters, offload_changes);

		reopen(options[i], ENOMEM);
		assert_false(whole());
		pass_and_expire(NS_PER_S); // it isn't over yet
		assert_false(whole());
		kernel.option = 0;
		pass_and_expire(2 * NS_PER_S - 1);
		assert_false(whole());
		pass_and_expire(1);
		assert_true(whole());
		assert_int_equal(device->timers.sockets_again_at, 0);
		assert_int_equal(counters_sum(&device->counters, offload_changes), changes + 1);
	}
}

static void what_a_socket_lacks_is_not_asked_for_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		reopen(options[i], ENOPROTOOPT);
		assert_false(whole());
		assert_int_equal(device->timers.sockets_again_at, 0);
	}
	// But when the link comes up: it costs nothing.
	reopen(0, 0);
	assert_true(whole());
}

static void a_buffer_that_was_not_granted_is_asked_for_again(void **state)
{
	int small, large;
	socklen_t bytes = sizeof(int);

	(void)state;
	reopen(SO_RCVBUFFORCE, EPERM); // no capability
	assert_int_equal(device->timers.sockets_again_at, 0);
	reopen(SO_RCVBUFFORCE, ENOMEM);
	assert_int_equal(getsockopt(device->queue[0].udp[0], SOL_SOCKET, SO_RCVBUF, &small, &bytes),
	                 0);
	kernel.option = 0;
	pass_and_expire(NS_PER_S);
	assert_int_equal(getsockopt(device->queue[0].udp[0], SOL_SOCKET, SO_RCVBUF, &large, &bytes),
	                 0);
	assert_true(large >= small);
	assert_int_equal(device->timers.sockets_again_at, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_passing_error_at_the_tun_costs_its_packets_only),
	    TEST(a_tun_that_takes_no_super_packets_is_believed),
	    TEST(one_bad_super_packet_turns_nothing_off),
	    TEST(a_doubtful_error_at_the_tun_is_tried_again),
	    TEST(a_passing_error_of_a_send_costs_its_packets_only),
	    TEST(segments_too_large_for_a_path_are_tried_again),
	    TEST(another_path_is_tried_at_once),
	    TEST(a_lost_source_address_is_not_the_segments_fault),
	    TEST(a_passing_error_of_an_option_is_tried_again),
	    TEST(what_a_socket_lacks_is_not_asked_for_again),
	    TEST(a_buffer_that_was_not_granted_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
