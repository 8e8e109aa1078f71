// The outer sockets: what comes to which of them, and that a flood of handshakes leaves those for
// data alone. Over loopback, with a socket of the test's own for each sender.
#include "tests/tunnel/loopback.h"

#include <errno.h>

enum { SENDERS = 64, DATA_BYTES = 32 };

static struct device *device;
static int senders[SENDERS];

static void open_device(const char *switches_text)
{
	const uint8_t private_key[NOISE_KEY_BYTES] = {0, 1};
	struct switches s;

	assert_int_equal(switches_parse(&s, switches_text), 0);
	assert_int_equal(device_create(&device, "wgbtest", &s), 0);
	device_set_private_key(device, private_key);
	assert_int_equal(device_up(device), 0);
}

// Connected to the device, each from a port of its own. false: the host has no such family.
static bool open_senders(int family)
{
	struct sockaddr_in v4 = loopback_endpoint(device->udp.port).remote.v4;
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
	                          .sin6_port = htons(device->udp.port),
	                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	for (int i = 0; i < SENDERS; i++) {
		senders[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
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
		int fd = q < device->queues ? device->paths[q].udp[i] : device->udp.handshake[i];

		if (!take(fd, &first))
			continue;
		assert_int_equal(first, type);
		assert_int_equal(at, UINT32_MAX);
		at = q;
	}
	return at;
}

static void check_parting(const char *switches_text, int family)
{
	unsigned used[PATHS_MAX] = {0};

	open_device(switches_text);
	if (!open_senders(family)) {
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
	check_parting("queues=1", AF_INET);
}

static void one_queue_is_parted_over_ipv6(void **state)
{
	(void)state;
	check_parting("queues=1", AF_INET6);
}

static void several_queues_are_parted(void **state)
{
	(void)state;
	check_parting("queues=5", AF_INET);
}

static void several_queues_are_parted_over_ipv6(void **state)
{
	(void)state;
	check_parting("queues=5", AF_INET6);
}

// Nobody reads meanwhile, so what has no room is lost.
static void a_flood_of_handshakes_displaces_no_data(void **state)
{
	enum { FLOOD = 20000, DATA = 20 };
	uint8_t first;
	unsigned handshakes = 0;

	(void)state;
	open_device("queues=1,socket-buffer=100000");
	assert_true(open_senders(AF_INET));
	for (int i = 0; i < FLOOD; i++)
		send_message(i % SENDERS, MESSAGE_INITIATION, MESSAGE_HANDSHAKE_MAX);
	for (int i = 0; i < DATA; i++)
		send_message(0, MESSAGE_DATA, DATA_BYTES);
	for (int i = 0; i < DATA; i++) {
		assert_true(take(device->paths[0].udp[0], &first));
		assert_int_equal(first, MESSAGE_DATA);
	}
	while (take(device->udp.handshake[0], &first))
		handshakes++;
	assert_in_range(handshakes, 1, FLOOD - 1);
}

static void unparted_all_comes_to_the_queues(void **state)
{
	(void)state;
	open_device("queues=1,handshake-socket=off");
	assert_true(open_senders(AF_INET));
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
	assert_true(open_senders(AF_INET));
	if (udp_set_fwmark(device, 7)) {
		print_message("SO_MARK needs CAP_NET_ADMIN\n");
		skip();
	}
	for (int i = 0; i < 2; i++) {
		fds[n++] = device->paths[0].udp[i];
		fds[n++] = device->paths[1].udp[i];
		fds[n++] = device->udp.handshake[i];
	}
	for (int i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_MARK, &mark, &bytes), 0);
		assert_int_equal(mark, 7);
	}
	assert_int_equal(device_down(device), 0);
	for (int i = 0; i < n; i++) {
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_MARK, &mark, &bytes), -1);
		assert_int_equal(errno, EBADF);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(one_queue_is_parted),
	    TEST(one_queue_is_parted_over_ipv6),
	    TEST(several_queues_are_parted),
	    TEST(several_queues_are_parted_over_ipv6),
	    TEST(a_flood_of_handshakes_displaces_no_data),
	    TEST(unparted_all_comes_to_the_queues),
	    TEST(all_sockets_are_marked_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
