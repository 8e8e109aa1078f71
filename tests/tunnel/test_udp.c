// The outer sockets: what comes to which of them, and that a flood of handshakes leaves those for
// data alone. Over loopback, with a socket of the test's own for each sender.
#include "tests/support/loopback.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tunnel/pool.h"

enum { SENDERS = 64, DATA_BYTES = 32 };

static struct device *device;
static int senders[SENDERS];

static void open_device(const char *switches_text)
{
	const uint8_t private_key[NOISE_KEY_BYTES] = {0, 1};
	struct switches s;

	assert_int_equal(switches_parse(&s, switches_text), 0);
	assert_int_equal(device_create(&device, "wgbtest", &s), 0);
	interface_set_private_key(device, private_key);
	assert_int_equal(interface_up(device), 0);
}

// Connected to the device, each from a port of its own or (IPv4, all above `ports`) an address of
// its own and one port. false: the host has no such family.
static bool open_senders(int family, int ports)
{
	struct sockaddr_in v4 = loopback_endpoint(device->udp.port).remote.v4;
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
	                          .sin6_port = htons(device->udp.port),
	                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	for (int i = 0; i < SENDERS; i++) {
		senders[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (family == AF_INET && i >= ports) {
			struct sockaddr_in own = {.sin_family = AF_INET,
			                          .sin_port = htons(device->udp.port - 1),
			                          .sin_addr = {htonl(INADDR_LOOPBACK + i)}};
			assert_int_equal(bind(senders[i], (void *)&own, sizeof(own)), 0);
		}
		if (family == AF_INET)
			assert_int_equal(connect(senders[i], (void *)&v4, sizeof(v4)), 0);
		else if (senders[i] < 0 || connect(senders[i], (void *)&v6, sizeof(v6)))
			return false;
	}
	return true;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < SENDERS; i++)
		close(senders[i]);
	device_free(device);
	return 0;
}

static void send_message(int sender, uint8_t first_byte, uint16_t bytes)
{
	uint8_t message[MESSAGE_HANDSHAKE_MAX] = {first_byte};

	assert_int_equal(send(senders[sender], message, bytes, 0), bytes);
}

static bool take(int fd, uint8_t *first_byte)
{
	uint8_t message[MESSAGE_HANDSHAKE_MAX];

	if (recv(fd, message, sizeof(message), MSG_DONTWAIT) < 1)
		return false;
	*first_byte = message[0];
	return true;
}

// The queue whose socket got the one message that is under way; the number of queues: the socket
// for what isn't data.
static unsigned arrival(int family, uint8_t type)
{
	const int i = family == AF_INET6;
	unsigned at = UINT32_MAX;
	uint8_t first;

	for (unsigned q = 0; q <= device->queues; q++) {
		int fd = q < device->queues ? device->queue[q].udp[i] : device->udp.handshake[i];

		if (!take(fd, &first))
			continue;
		assert_int_equal(first, type);
		assert_int_equal(at, UINT32_MAX);
		at = q;
	}
	return at;
}

static void check_parting(const char *switches_text, int family, int ports)
{
	unsigned used[QUEUES_MAX] = {0};

	open_device(switches_text);
	if (!open_senders(family, ports)) {
		print_message("this host has no such family\n");
		skip();
	}
	assert_true(device->udp.handshake[family == AF_INET6] >= 0);
	for (int type = 0; type < 256; type++) {
		send_message(0, type, DATA_BYTES);
		unsigned at = arrival(family, type);
		if (type == MESSAGE_DATA)
			assert_true(at < device->queues);
		else
			assert_int_equal(at, device->queues);
	}
	// Data of a peer comes to one queue, that of many to all.
	for (int i = 0; i < SENDERS; i++) {
		send_message(i, MESSAGE_DATA, DATA_BYTES);
		unsigned first = arrival(family, MESSAGE_DATA);
		assert_true(first < device->queues);
		used[first]++;
		for (int again = 0; again < 3; again++) {
			send_message(i, MESSAGE_DATA, DATA_BYTES + again);
			assert_int_equal(arrival(family, MESSAGE_DATA), first);
		}
	}
	for (unsigned q = 0; q < device->queues; q++)
		assert_true(used[q] > 0);
}

static void one_queue_is_parted(void **state)
{
	(void)state;
	check_parting("queues=1", AF_INET, SENDERS);
}

static void one_queue_is_parted_over_ipv6(void **state)
{
	(void)state;
	check_parting("queues=1", AF_INET6, SENDERS);
}

static void several_queues_are_parted(void **state)
{
	(void)state;
	check_parting("queues=5", AF_INET, SENDERS);
}

static void several_queues_are_parted_over_ipv6(void **state)
{
	(void)state;
	check_parting("queues=5", AF_INET6, SENDERS);
}

static void several_queues_are_parted_by_address_too(void **state)
{
	(void)state;
	check_parting("queues=5", AF_INET, 0);
}

// Nobody reads meanwhile, so what has no room is lost.
static void a_flood_of_handshakes_displaces_no_data(void **state)
{
	enum { FLOOD = 20000, DATA = 20 };
	uint8_t first;
	unsigned handshakes = 0;

	(void)state;
	open_device("queues=1,socket-buffer=100000");
	assert_true(open_senders(AF_INET, SENDERS));
	for (int i = 0; i < FLOOD; i++)
		send_message(i % SENDERS, MESSAGE_INITIATION, MESSAGE_HANDSHAKE_MAX);
	for (int i = 0; i < DATA; i++)
		send_message(0, MESSAGE_DATA, DATA_BYTES);
	for (int i = 0; i < DATA; i++) {
		assert_true(take(device->queue[0].udp[0], &first));
		assert_int_equal(first, MESSAGE_DATA);
	}
	while (take(device->udp.handshake[0], &first))
		handshakes++;
	assert_in_range(handshakes, 1, FLOOD - 1);
}

// ---- reading handshakes

static void read_handshakes(void)
{
	struct loop_source *source = &device->intake->socket[0];

	source->ready(device, source, 0);
}

static void handshakes_are_posted(void **state)
{
	enum { MESSAGES = 40, MERGED = 5 };
	const int size = MESSAGE_HANDSHAKE_MAX;
	const struct mailbox *c;
	uint8_t merged[MERGED * MESSAGE_HANDSHAKE_MAX], longer[MESSAGE_HANDSHAKE_MAX + 1] = {0};

	(void)state;
	open_device("queues=1");
	c = &device->mailbox;
	assert_true(open_senders(AF_INET, SENDERS));
	for (int i = 0; i < MESSAGES; i++)
		send_message(i, MESSAGE_INITIATION, size - i);
	read_handshakes();
	assert_int_equal(c->messages_count, MESSAGES);
	for (int i = 0; i < MESSAGES; i++) {
		struct sockaddr_in own;
		socklen_t bytes = sizeof(own);

		assert_int_equal(getsockname(senders[i], (void *)&own, &bytes), 0);
		assert_int_equal(c->messages[i].length, size - i);
		assert_int_equal(c->messages[i].bytes[0], MESSAGE_INITIATION);
		assert_int_equal(c->messages[i].from.remote.v4.sin_port, own.sin_port);
		assert_int_equal(c->messages[i].from.local.v4.s_addr, htonl(INADDR_LOOPBACK));
	}
	// Several that come as one.
	for (int i = 0; i < MERGED * size; i++)
		merged[i] = i % size ? i / size : MESSAGE_INITIATION;
	assert_int_equal(setsockopt(senders[0], SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	assert_int_equal(send(senders[0], merged, sizeof(merged), 0), sizeof(merged));
	read_handshakes();
	assert_int_equal(c->messages_count, MESSAGES + MERGED);
	for (int i = 0; i < MERGED; i++) {
		assert_int_equal(c->messages[MESSAGES + i].length, size);
		assert_int_equal(c->messages[MESSAGES + i].bytes[size - 1], i);
	}
	assert_int_equal(send(senders[1], longer, sizeof(longer), 0), sizeof(longer));
	read_handshakes();
	assert_int_equal(c->messages_count, MESSAGES + MERGED);
	assert_int_equal(counters_sum(&device->counters, drop_rx_malformed), 1);
}

// Whether the control thread's loop is told of it.
static bool told(const struct loop_source *source)
{
	struct epoll_event event[8];
	int n = epoll_wait(device->loop.epoll, event, 8, 0);

	for (int i = 0; i < n; i++)
		if (event[i].data.ptr == source)
			return true;
	return false;
}

static void under_load_handshakes_are_read_at_intervals(void **state)
{
	enum { FLOOD = 1200, LOAD = MAILBOX_MESSAGES_MAX / 8 };
	struct loop_source *source, *pause;
	unsigned count;

	(void)state;
	open_device("queues=1");
	source = &device->intake->socket[0], pause = &device->intake->pause;
	assert_true(open_senders(AF_INET, SENDERS));
	for (int i = 0; i < FLOOD; i++)
		send_message(i % SENDERS, MESSAGE_INITIATION, MESSAGE_HANDSHAKE_MAX);
	while ((count = device->mailbox.messages_count) < LOAD) {
		assert_true(told(source));
		read_handshakes();
		assert_true(device->mailbox.messages_count > count);
	}
	assert_in_range(count, LOAD, FLOOD - 1);
	assert_false(told(source));
	assert_true(loopback_readable(pause->fd, LOOPBACK_WAIT_MS));
	assert_true(told(pause));
	pause->ready(device, pause, 0);
	assert_true(told(source));
	assert_false(told(pause));
}

static void unparted_all_comes_to_the_queues(void **state)
{
	(void)state;
	open_device("queues=1,handshake-socket=off");
	assert_true(open_senders(AF_INET, SENDERS));
	assert_int_equal(device->udp.handshake[0], -1);
	assert_int_equal(device->udp.handshake[1], -1);
	for (int type = 0; type < 8; type++) {
		send_message(0, type, DATA_BYTES);
		assert_int_equal(arrival(AF_INET, type), 0);
	}
}

static void all_sockets_are_marked_and_closed(void **state)
{
	int fds[6], n = 0;
	uint32_t mark;
	socklen_t bytes = sizeof(mark);

	(void)state;
	open_device("queues=2");
	assert_true(open_senders(AF_INET, SENDERS));
	if (sockets_set_fwmark(device, 7)) {
		print_message("SO_MARK needs CAP_NET_ADMIN\n");
		skip();
	}
	for (int i = 0; i < 2; i++) {
		fds[n++] = device->queue[0].udp[i];
		fds[n++] = device->queue[1].udp[i];
		fds[n++] = device->udp.handshake[i];
	}
	for (int i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_MARK, &mark, &bytes), 0);
		assert_int_equal(mark, 7);
	}
	assert_int_equal(interface_down(device), 0);
	for (int i = 0; i < n; i++) {
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_MARK, &mark, &bytes), -1);
		assert_int_equal(errno, EBADF);
	}
}

// ---- sending

static struct batch *make_batch(struct peer *p, uint32_t messages, uint32_t bytes)
{
	struct batch *b = pool_get_batch(&device->queue[0].pool);

	assert_non_null(b);
	b->peer = peer_hold(p);
	b->tos = 0;
	for (uint32_t i = 0; i < messages; i++)
		b->span[i] = (struct batch_span){i * bytes, bytes};
	memset(b->out, MESSAGE_DATA, messages * bytes);
	b->packets = messages;
	return b;
}

static struct peer *add_peer(uint8_t key, int *receiver)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(a);
	struct peer *p = peers_new(device, (const uint8_t[NOISE_KEY_BYTES]){key});

	assert_non_null(p);
	*receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*receiver, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(*receiver, (struct sockaddr *)&a, &bytes), 0);
	p->endpoint = loopback_endpoint(ntohs(a.sin_port));
	return p;
}

static void check_received(int receiver, unsigned messages, ssize_t bytes)
{
	uint8_t message[2048];

	while (messages--) {
		assert_true(loopback_readable(receiver, LOOPBACK_WAIT_MS));
		assert_int_equal(recv(receiver, message, sizeof(message), 0), bytes);
	}
	assert_false(loopback_readable(receiver, 0));
}

// Our own address, from which the peer was reached, has gone.
static void a_source_that_is_gone_is_forgotten(void **state)
{
	const struct in_addr gone = {htonl(203u << 24 | 113 << 8 | 1)}; // 203.0.113.1
	int receiver;

	(void)state;
	open_device("queues=1");
	assert_true(open_senders(AF_INET, SENDERS));
	struct peer *p = add_peer(9, &receiver);
	p->endpoint.local.v4 = gone;
	struct batch *b = make_batch(p, 3, 100);
	assert_int_equal(udp_send(b), b->packets);
	pool_put_batch(b);
	check_received(receiver, 3, 100);
	assert_int_equal(p->endpoint.local.v4.s_addr, 0);

	struct endpoint to = p->endpoint;
	to.local.v4 = gone;
	assert_int_equal(udp_send_one(&device->queue[0], &to, "hello", 5, 0), 0);
	check_received(receiver, 1, 5);
	close(receiver);
}

// What can't be sent costs neither what was before it nor another batch.
static void what_was_sent_before_a_failure_counts(void **state)
{
	int receiver;

	(void)state;
	open_device("queues=1");
	assert_true(open_senders(AF_INET, SENDERS));
	struct peer *p = add_peer(9, &receiver);
	struct batch *b = make_batch(p, 3, 100);
	// Larger than any datagram.
	b->span[2].length = 65536;
	b->out_bytes = b->span[2].offset + b->span[2].length;
	output_finish(&b->job);
	assert_int_equal(counters_sum(&device->counters, tx_packets), 2);
	assert_int_equal(counters_sum(&device->counters, drop_tx_send), 1);
	assert_int_equal(p->tx_bytes, 200);
	check_received(receiver, 2, 100);
	b = make_batch(p, 3, 100);
	assert_int_equal(udp_send(b), 3);
	pool_put_batch(b);
	check_received(receiver, 3, 100);
	close(receiver);
}

static bool enter_namespace_with_mtu(int mtu)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_mtu = mtu};

	if (unshare(CLONE_NEWNET))
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &r), 0);
	r.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
	return true;
}

// Segments above the path's MTU: then without UDP_SEGMENT, in fragments, to this peer alone.
static void udp_segment_is_given_up_by_destination(void **state)
{
	int narrow, wide;

	(void)state;
	loopback_take_clock();
	open_device("queues=1");
	assert_true(open_senders(AF_INET, SENDERS));
	if (!enter_namespace_with_mtu(1000)) {
		print_message("a network namespace needs root\n");
		skip();
	}
	// In this namespace, whose loopback is narrow.
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(interface_up(device), 0);
	struct peer *p = add_peer(1, &narrow), *q = add_peer(2, &wide);
	assert_true(device->udp.segment);
	for (int i = 0; i < 2; i++) {
		struct batch *b = make_batch(p, 4, 1200);
		assert_int_equal(udp_send(b), b->packets);
		pool_put_batch(b);
		check_received(narrow, 4, 1200);
		assert_false(feature_on(&p->segment));
		// The first time one send failed; without segments all four go by one call.
		assert_int_equal(counters_sum(&device->counters, udp_sends), i ? 3 : 2);
	}
	struct batch *b = make_batch(q, 4, 900);
	assert_int_equal(udp_send(b), b->packets);
	pool_put_batch(b);
	check_received(wide, 4, 900);
	assert_true(device->udp.segment);
	assert_true(feature_on(&q->segment));
	close(narrow);
	close(wide);
}

// ---- a host without IPv6, as far as a process can be made to see one

static int up_without_ipv6(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 77;
	int ret = interface_down(device);
	device->listen_port = 0; // the parent still has the old one
	if (ret || interface_up(device))
		return 1;
	for (unsigned q = 0; q < device->queues; q++)
		if (device->queue[q].udp[0] < 0 || device->queue[q].udp[1] >= 0)
			return 2;
	return device->udp.handshake[0] < 0 || device->udp.handshake[1] >= 0 ? 3 : 0;
}

static void works_on_a_host_without_ipv6(void **state)
{
	int status;

	(void)state;
	open_device("queues=2");
	assert_true(open_senders(AF_INET, SENDERS));
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(up_without_ipv6());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no seccomp here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(one_queue_is_parted),
	    TEST(one_queue_is_parted_over_ipv6),
	    TEST(several_queues_are_parted),
	    TEST(several_queues_are_parted_over_ipv6),
	    TEST(several_queues_are_parted_by_address_too),
	    TEST(a_flood_of_handshakes_displaces_no_data),
	    TEST(handshakes_are_posted),
	    TEST(under_load_handshakes_are_read_at_intervals),
	    TEST(unparted_all_comes_to_the_queues),
	    TEST(all_sockets_are_marked_and_closed),
	    TEST(a_source_that_is_gone_is_forgotten),
	    TEST(what_was_sent_before_a_failure_counts),
	    TEST(works_on_a_host_without_ipv6),
	    TEST(udp_segment_is_given_up_by_destination), // last: it leaves the namespace
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
