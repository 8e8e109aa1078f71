// The configuration socket, its clients and its file. All of it needs root and is skipped without.
#include "tests/support/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char socket_path[64];

static int client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

// What the client has got once nothing moves any more.
static char *received(int fd)
{
	static char text[1 << 16];
	ssize_t n, length = 0;

	settle();
	while ((n = recv(fd, text + length, sizeof(text) - 1 - length, 0)) > 0)
		length += n;
	text[length] = 0;
	return text;
}

static bool is_closed(int fd)
{
	char byte;

	settle();
	return recv(fd, &byte, 1, 0) == 0;
}

static void test_clients(void **state)
{
	(void)state;
	struct stat info;

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	assert_int_equal(stat(socket_path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);

	int a = client(), b = client();
	send_text(a, "set=1\nfwmark=7\n");
	assert_string_equal(received(a), "");
	send_text(b, "get=1\n\n");
	assert_string_equal(received(b), "errno=0\n\n");
	send_text(a, "\nget=1\n\nset=1\nfwmark=x\n\nset=1\nfwmark=8\n\nget=1\n\nget=1\n");
	assert_string_equal(received(a), "errno=0\n\nfwmark=7\nerrno=0\n\nerrno=-22\n\nerrno=0\n\n"
	                                 "fwmark=8\nerrno=0\n\n");
	send_text(a, "\n");
	assert_string_equal(received(a), "fwmark=8\nerrno=0\n\n");

	// What makes no sense ends the connection.
	send_text(a, "put=1\n\nset=1\nfwmark=9\n\n");
	assert_string_equal(received(a), "errno=-71\n\n");
	assert_true(is_closed(a));

	// Cut off: nothing happens.
	send_text(b, "set=1\nfwmark=9\n");
	shutdown(b, SHUT_WR);
	assert_string_equal(received(b), "errno=-71\n\n");
	assert_true(is_closed(b));
	close(b);
	b = client();
	send_text(b, "set=1\nfwmark=9\n");
	settle();
	close(b);
	settle();
	assert_int_equal(device->fwmark, 8);
	close(a);

	// Byte by byte.
	a = client();
	for (const char *p = "set=1\nfwmark=10\n\n"; *p; p++) {
		char byte[] = {*p, 0};
		send_text(a, byte);
		assert_true(step(TIMEOUT_MS));
	}
	assert_string_equal(received(a), "errno=0\n\n");
	close(a);
	settle();
	assert_int_equal(device->fwmark, 10);
}

// Requests of different lengths in portions that end anywhere.
static void test_a_stream_in_random_portions(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	static const char answer[] = "errno=0\n\n";
	struct support_random r;
	struct uapi_buffer text = {0};
	size_t sent = 0, answers = 0;

	if (!is_root())
		skip();
	support_random_init(&r, support_seed());
	for (unsigned i = 0; i < COUNT; i++)
		uapi_print(&text, "set=1\nfwmark=%0*u\n\n", (int)support_random_below(&r, 300), i);
	assert_int_equal(uapi_socket_open(device), 0);
	int fd = client();
	while (sent < text.length) {
		size_t portion = 1 + support_random_below(&r, 6000);
		portion = portion < text.length - sent ? portion : text.length - sent;
		assert_int_equal(send(fd, text.text + sent, portion, MSG_NOSIGNAL), portion);
		sent += portion;
		const char *got = received(fd);
		for (; !strncmp(got, answer, strlen(answer)); got += strlen(answer))
			answers++;
		assert_string_equal(got, "");
	}
	assert_int_equal(answers, COUNT);
	assert_int_equal(device->fwmark, COUNT - 1);
	close(fd);
	uapi_buffer_free(&text);
}

static void test_a_stalled_client_stalls_nobody(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	struct uapi_buffer text = {0};
	int stalled, greedy, other;
	char requests[7 * 1000 + 1];

	if (!is_root())
		skip();
	uapi_print(&text, "set=1\n" PEER_A);
	for (unsigned i = 0; i < COUNT; i++)
		uapi_print(&text, "allowed_ip=10.%u.%u.%u/32\n", i >> 16, i >> 8 & 255, i & 255);
	uapi_print(&text, "\n");
	assert_int_equal(uapi_socket_open(device), 0);

	// A request larger than any buffer between us.
	other = client();
	for (size_t sent = 0; sent < text.length;) {
		ssize_t n = send(other, text.text + sent, text.length - sent, MSG_NOSIGNAL);
		assert_true(n > 0 || errno == EAGAIN);
		sent += n > 0 ? n : 0;
		while (step(0))
			;
	}
	assert_string_equal(received(other), "errno=0\n\n");
	uapi_buffer_free(&text);

	stalled = client();
	greedy = client();
	send_text(stalled, "get=1\n\n");
	for (int i = 0; i < 1000; i++)
		memcpy(requests + 7 * i, "get=1\n\n", 8);
	send_text(greedy, requests);
	settle();
	send_text(other, "set=1\nfwmark=3\n\n");
	assert_string_equal(received(other), "errno=0\n\n");

	// It gets all of its answer when it reads at last.
	size_t length = 0;
	char last[4096] = "";
	for (;;) {
		ssize_t n = recv(stalled, last, sizeof(last) - 1, 0);
		if (n > 0) {
			last[n] = 0;
			length += n;
		} else if (!step(QUIET_MS)) {
			break;
		}
	}
	assert_true(length > COUNT * strlen("allowed_ip=10.0.0.0/32\n"));
	assert_string_equal(last + strlen(last) - strlen("errno=0\n\n"), "errno=0\n\n");
	close(stalled);
	close(greedy);
	close(other);
	settle();
}

enum { CLIENTS = 200, SERVED = 64 };

// Whatever it had been sent before.
static bool is_let_go(int fd)
{
	char text[4096];
	ssize_t n;

	settle();
	while ((n = recv(fd, text, sizeof(text), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET;
}

static void connect_clients(int *fds)
{
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client();
		assert_true(fds[i] >= 0);
		settle();
	}
}

static void close_clients(const int *fds)
{
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	settle();
}

static void test_many_clients_are_all_answered(void **state)
{
	(void)state;
	int fds[CLIENTS];

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client();
		assert_true(fds[i] >= 0);
		send_text(fds[i], "get=1\n\n");
		settle();
	}
	for (int i = 0; i < CLIENTS; i++)
		assert_string_equal(received(fds[i]), "errno=0\n\n");
	close_clients(fds);
}

// The longest without a move are let go, whatever they have begun; who asks is answered.
static void test_silent_clients_make_room(void **state)
{
	(void)state;
	static const char *const begun[] = {"", "get=1\n\n", "set=1\n", "g"};
	int fds[CLIENTS];

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	for (size_t b = 0; b < sizeof(begun) / sizeof(begun[0]); b++) {
		connect_clients(fds);
		for (int i = CLIENTS - SERVED; i < CLIENTS; i++) {
			send_text(fds[i], begun[b]);
			settle();
		}
		int other = client();
		send_text(other, "get=1\n\n");
		assert_string_equal(received(other), "errno=0\n\n");
		assert_true(is_let_go(fds[0]));
		assert_true(is_let_go(fds[CLIENTS - SERVED]));
		// One that moves stays.
		send_text(fds[CLIENTS - SERVED + 1], b == 2 ? "\n" : &"get=1\n\n"[b == 3]);
		settle();
		int another = client();
		settle();
		assert_true(is_let_go(fds[CLIENTS - SERVED + 2]));
		assert_non_null(strstr(received(fds[CLIENTS - SERVED + 1]), "errno=0\n\n"));
		close(other);
		close(another);
		close_clients(fds);
	}
}

static void test_silent_clients_give_up_their_descriptors(void **state)
{
	(void)state;
	struct rlimit before, few;
	int silent[3], next, more[2];

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	for (int i = 0; i < 3; i++) {
		silent[i] = client();
		settle();
	}
	next = client();
	send_text(next, "get=1\n\n");
	assert_int_equal(pipe(more), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = more[1] + 1; // none above these, and below them there is no gap
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	const char *answer = received(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_string_equal(answer, "errno=0\n\n");
	assert_true(is_closed(silent[0]));
	for (int i = 0; i < 3; i++)
		close(silent[i]);
	close(next);
	close(more[0]);
	close(more[1]);
	settle();
}

static size_t heap_bytes(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

static void send_endless(int fd, size_t bytes)
{
	static char text[1 << 16];

	memset(text, 'x', sizeof(text));
	for (size_t sent = 0; sent < bytes;) {
		ssize_t n = send(fd, text, sizeof(text), MSG_NOSIGNAL);

		assert_true(n > 0 || errno == EAGAIN);
		sent += n > 0 ? n : 0;
		while (step(0))
			;
	}
}

// Whoever sends much without an end is let go for the next.
static void test_clients_hold_little_memory(void **state)
{
	(void)state;
	enum { SENDING = 24, BYTES = 5 << 20, BOUND = 128 << 20 };
	int fds[SENDING];

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	size_t before = heap_bytes();
	for (int i = 0; i < SENDING; i++) {
		fds[i] = client();
		send_endless(fds[i], BYTES);
		// A sanitizer's heap isn't told. While memory grows it is there twice.
		assert_true(heap_bytes() <= before + BOUND + 4 * BYTES);
	}
	assert_true(is_let_go(fds[0]));
	int other = client();
	send_text(other, "set=1\nfwmark=6\n\n");
	assert_string_equal(received(other), "errno=0\n\n");
	// Nor does one keep what a request took that has been served.
	send_endless(other, BYTES);
	send_text(other, "\n\n");
	assert_string_equal(received(other), "errno=-71\n\n");
	for (int i = 0; i < SENDING; i++)
		close(fds[i]);
	close(other);
	settle();
	assert_true(heap_bytes() <= before + (1 << 20));
}

static void test_socket_file(void **state)
{
	(void)state;
	struct switches switches;
	struct device *second;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat info;
	int fd;

	if (!is_root())
		skip();
	assert_int_equal(switches_parse(&switches, NULL), 0);
	assert_int_equal(device_create(&second, name, &switches), 0);
	assert_int_equal(uapi_socket_open(device), 0);
	assert_int_equal(uapi_socket_open(second), -EADDRINUSE);
	fd = client();
	assert_true(fd >= 0);
	close(fd);
	settle();
	uapi_socket_close(device);
	assert_int_equal(stat(socket_path, &info), -1);

	// One that its program left behind.
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(uapi_socket_open(device), 0);

	// Gone, and in its place another's: ours ends and leaves that one alone.
	assert_int_equal(unlink(socket_path), 0);
	assert_int_equal(uapi_socket_open(second), 0);
	assert_int_equal(control_run(device), 0);
	uapi_socket_close(device);
	assert_int_equal(stat(socket_path, &info), 0);
	uapi_socket_close(second);
	assert_int_equal(stat(socket_path, &info), -1);

	// Not a socket.
	fd = open(socket_path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(uapi_socket_open(device), -EEXIST);
	assert_int_equal(unlink(socket_path), 0);
	device_free(second);
}

static void test_the_umask_is_no_matter(void **state)
{
	(void)state;
	static const mode_t masks[] = {0, 022, 077, 0777};
	struct stat info;

	if (!is_root())
		skip();
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t before = umask(masks[i]);

		assert_int_equal(uapi_socket_open(device), 0);
		assert_int_equal(umask(before), masks[i]);
		assert_int_equal(stat(socket_path, &info), 0);
		assert_int_equal(info.st_mode & 0777, 0700);
		uapi_socket_close(device);
	}
}

static void test_a_lock_that_is_held_is_not_waited_for_without_end(void **state)
{
	(void)state;
	struct stat info;

	if (!is_root())
		skip();
	assert_int_equal(uapi_socket_open(device), 0);
	int holder = open("/var/run/wireguard", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(holder, LOCK_EX), 0);
	uapi_socket_close(device);
	assert_int_equal(stat(socket_path, &info), -1);
	assert_int_equal(uapi_socket_open(device), 0);
	close(holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_clients),
	    TEST(test_a_stream_in_random_portions),
	    TEST(test_a_stalled_client_stalls_nobody),
	    TEST(test_many_clients_are_all_answered),
	    TEST(test_silent_clients_make_room),
	    TEST(test_silent_clients_give_up_their_descriptors),
	    TEST(test_clients_hold_little_memory),
	    TEST(test_socket_file),
	    TEST(test_the_umask_is_no_matter),
	    TEST(test_a_lock_that_is_held_is_not_waited_for_without_end),
	};

	begin();
	snprintf(socket_path, sizeof(socket_path), "/var/run/wireguard/%s.sock", name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
