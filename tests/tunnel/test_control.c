// The control thread's sources, one event after another in the test's own thread: what other
// threads post, signals, the configuration socket and its clients, and the link, also after moves
// between namespaces. The latter two need root and are skipped without.
#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tunnel/device.h"
#include "tunnel/uapi.h"

enum { TIMEOUT_MS = 5000, QUIET_MS = 2, LIMIT_S = 120 };

static struct device *device;
static char name[IFNAMSIZ], socket_path[64];

static int set_up(void **state)
{
	struct switches switches;

	(void)state;
	if (switches_parse(&switches, NULL))
		return -1;
	return device_create(&device, name, &switches);
}

static int tear_down(void **state)
{
	(void)state;
	uapi_close(device);
	link_close(device);
	device_free(device);
	return 0;
}

// Handles one event. false: none came in time.
static bool step(int timeout_ms)
{
	struct epoll_event event;

	if (epoll_wait(device->control.epoll, &event, 1, timeout_ms) != 1)
		return false;
	struct control_source *source = event.data.ptr;
	source->ready(device, source, event.events);
	return true;
}

static void settle(void)
{
	while (step(QUIET_MS))
		;
}

static void set(const char *text)
{
	struct uapi_request r;

	assert_int_equal(uapi_parse(&r, text, strlen(text)), 0);
	assert_int_equal(uapi_set(device, &r), 0);
	uapi_request_free(&r);
}

#define PEER_A "public_key=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0\n"

// ---- posts and signals

static void test_stop_and_failure_end_the_loop(void **state)
{
	(void)state;
	control_stop(device);
	assert_int_equal(control_run(device), 0);
	control_fail(device);
	assert_int_equal(control_run(device), -EBADFD);
}

static void test_signals(void **state)
{
	(void)state;
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
	FILE *to = tmpfile();
	char text[4096];
	int real = dup(STDERR_FILENO);

	for (int i = 0; i < 3; i++) {
		atomic_store(&device->control.stop, false);
		kill(getpid(), ending[i]);
		assert_int_equal(control_run(device), 0);
	}

	device_count(device, drop_rx_replay, 42);
	assert_true(dup2(fileno(to), STDERR_FILENO) >= 0);
	kill(getpid(), SIGUSR1);
	settle();
	assert_true(dup2(real, STDERR_FILENO) >= 0);
	close(real);
	rewind(to);
	text[fread(text, 1, sizeof(text) - 1, to)] = 0;
	fclose(to);
	assert_true(text[0] == '{');
	assert_string_equal(text + strlen(text) - 2, "}\n");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, "{\"offloads\": {\"tun-gso\": false, "));
	assert_non_null(strstr(text, ", \"receive-buffer\": 0, "));
	assert_non_null(strstr(text, "}, \"counters\": {\"tun_reads\": 0, "));
	assert_non_null(strstr(text, ", \"drop_rx_replay\": 42, "));
}

enum { POSTERS = 4, POSTS = 20000 };

static void *post(void *peer)
{
	for (int i = 0; i < POSTS; i++)
		control_post(peer, PEER_EVENT_TIMER);
	return NULL;
}

static void *run_loop(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)control_run(device);
}

// Each post is handled, and the reference that it holds is given back.
static void test_posts_from_many_threads(void **state)
{
	(void)state;
	pthread_t posters[POSTERS], loop;

	set("set=1\n" PEER_A "\n");
	struct peer *p = peer_hold(device->peers);
	assert_int_equal(pthread_create(&loop, NULL, run_loop, NULL), 0);
	for (int i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&posters[i], NULL, post, p), 0);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i], NULL);
	for (int ms = 0; atomic_load(&p->events) && ms < TIMEOUT_MS; ms++)
		usleep(1000);
	control_stop(device);
	pthread_join(loop, NULL);
	assert_int_equal(atomic_load(&p->events), 0);
	assert_int_equal(atomic_load(&p->references), 2);

	// What is posted when the peer goes, and what nobody handles any more, holds it no longer.
	control_post(p, PEER_EVENT_TIMER | PEER_EVENT_KEEPALIVE);
	peer_remove(p);
	assert_int_equal(atomic_load(&p->references), 2);
	settle();
	assert_int_equal(atomic_load(&p->references), 1);
	peer_release(p);
	set("set=1\n" PEER_A "\n");
	control_post(device->peers, PEER_EVENT_TIMER);
}

// The queue is bounded, and no more than a portion is taken before others have their turn.
static void test_messages(void **state)
{
	(void)state;
	struct udp_endpoint from = {0};
	uint8_t message[MESSAGE_HANDSHAKE_MAX + 1] = {9}; // of no type: dropped
	struct control *c = &device->control;
	unsigned count, steps = 0;

	assert_false(control_post_message(device, message, sizeof(message), &from));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CONTROL_MESSAGES_MAX; i++)
			assert_true(control_post_message(device, message, 148, &from));
		assert_false(control_post_message(device, message, 148, &from));
		for (count = c->messages_count; count; count = c->messages_count, steps++) {
			assert_true(step(TIMEOUT_MS));
			assert_true(c->messages_count + 256 >= count);
		}
	}
	assert_true(steps > 3 * CONTROL_MESSAGES_MAX / 256);
	settle();
}

static void test_keys_go_with_a_suspend(void **state)
{
	(void)state;
	struct noise_session session = {.initiator = true};

	set("set=1\n" PEER_A "\n");
	session.local_index = index_new(device, device->peers)->index;
	assert_int_equal(peer_install_session(device->peers, &session, clock_now_ns()), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(control_run(device), 0);
	assert_non_null(device->peers->current);

	device->control.suspended_ns -= 2 * NS_PER_S;
	atomic_store(&device->control.stop, false);
	kill(getpid(), SIGTERM);
	assert_int_equal(control_run(device), 0);
	assert_null(device->peers->current);
}

// ---- the socket

static bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("skipped: it needs root\n");
	return false;
}

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
	assert_int_equal(uapi_open(device), 0);
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
	assert_int_equal(uapi_open(device), 0);
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
	assert_int_equal(uapi_open(device), 0);

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

static void test_more_clients_than_are_served(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	int fds[COUNT];

	if (!is_root())
		skip();
	assert_int_equal(uapi_open(device), 0);
	for (int i = 0; i < COUNT; i++) {
		fds[i] = client();
		assert_true(fds[i] >= 0);
		settle();
		send_text(fds[i], "get=1\n\n");
	}
	settle();
	for (int i = 0; i < COUNT; i++) {
		assert_string_equal(received(fds[i]), "errno=0\n\n");
		close(fds[i]);
	}
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
	assert_int_equal(uapi_open(device), 0);
	assert_int_equal(uapi_open(second), -EADDRINUSE);
	fd = client();
	assert_true(fd >= 0);
	close(fd);
	settle();
	uapi_close(device);
	assert_int_equal(stat(socket_path, &info), -1);

	// One that its program left behind.
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(uapi_open(device), 0);

	// Gone, and in its place another's: ours ends and leaves that one alone.
	assert_int_equal(unlink(socket_path), 0);
	assert_int_equal(uapi_open(second), 0);
	assert_int_equal(control_run(device), 0);
	uapi_close(device);
	assert_int_equal(stat(socket_path, &info), 0);
	uapi_close(second);
	assert_int_equal(stat(socket_path, &info), -1);

	// Not a socket.
	fd = open(socket_path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(uapi_open(device), -EEXIST);
	assert_int_equal(unlink(socket_path), 0);
	device_free(second);
}

// ---- the link

static int enter_new_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static struct ifreq named(const char *link_name)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", link_name);
	return r;
}

static void set_link(const char *link_name, bool up, int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = named(link_name);

	r.ifr_mtu = mtu;
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &r), 0);
	r.ifr_flags = up ? IFF_UP : 0;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
}

static void ask(struct nlmsghdr *h)
{
	char reply[4096];
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	assert_true(s && mnl_socket_sendto(s, h, h->nlmsg_len) > 0);
	ssize_t n = mnl_socket_recvfrom(s, reply, sizeof(reply));
	assert_true(n > 0 && mnl_cb_run(reply, n, 0, 0, NULL, NULL) >= 0);
	mnl_socket_close(s);
}

static void move(const char *link_name, int to, const char *new_name)
{
	_Alignas(struct nlmsghdr) char request[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));

	h->nlmsg_type = RTM_NEWLINK;
	info->ifi_index = if_nametoindex(link_name);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, to);
	mnl_attr_put_strz(h, IFLA_IFNAME, new_name);
	ask(h);
}

static void delete (const char *link_name)
{
	_Alignas(struct nlmsghdr) char request[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));

	h->nlmsg_type = RTM_DELLINK;
	info->ifi_index = if_nametoindex(link_name);
	ask(h);
}

static void expect_state(bool up, unsigned mtu)
{
	while ((device->up != up || atomic_load(&device->tun.mtu) != mtu) && step(TIMEOUT_MS))
		;
	settle();
	assert_int_equal(device->up, up);
	assert_int_equal(device->udp.port != 0, up);
	assert_int_equal(atomic_load(&device->tun.mtu), mtu);
}

static void test_link_is_followed_through_namespaces(void **state)
{
	(void)state;
	int back, first, second, third;
	struct switches switches;

	if (!is_root())
		skip();
	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	first = enter_new_namespace();
	second = enter_new_namespace();
	third = enter_new_namespace();
	if (back < 0 || first < 0 || second < 0 || third < 0 ||
	    access("/dev/net/tun", R_OK | W_OK)) {
		print_message("skipped: it needs network namespaces and /dev/net/tun\n");
		skip();
	}
	assert_int_equal(setns(first, CLONE_NEWNET), 0);
	device_free(device);
	assert_int_equal(switches_parse(&switches, NULL), 0);
	assert_int_equal(device_new(&device, name, &switches, -1), 0);
	assert_int_equal(link_open(device, link_socket()), 0);

	expect_state(false, 1420);
	set_link(name, true, 1420);
	expect_state(true, 1420);
	set_link(name, true, 1300);
	expect_state(true, 1300);
	set_link(name, false, 1300);
	expect_state(false, 1300);
	set_link(name, true, 1400);
	expect_state(true, 1400);

	// Each step's control calls run in the first namespace, as a tunnel's thread would.
	static const char *const names[] = {"moved1", "moved2", "moved3"};
	const int way[] = {second, third, first}, *from = &first;
	const char *was = name;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(setns(*from, CLONE_NEWNET), 0);
		move(was, way[i], names[i]);
		assert_int_equal(setns(first, CLONE_NEWNET), 0);
		expect_state(false, 1400 - i);
		from = &way[i];
		was = names[i];
		assert_int_equal(setns(*from, CLONE_NEWNET), 0);
		set_link(was, true, 1399 - i);
		assert_int_equal(setns(first, CLONE_NEWNET), 0);
		expect_state(true, 1399 - i);
	}

	// Deleted: seen by the path's thread.
	assert_int_equal(device_start(device), 0);
	delete (was);
	assert_int_equal(control_run(device), -EBADFD);
	assert_int_equal(setns(back, CLONE_NEWNET), 0);
	close(back);
	close(first);
	close(second);
	close(third);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_stop_and_failure_end_the_loop),
	    TEST(test_signals),
	    TEST(test_posts_from_many_threads),
	    TEST(test_messages),
	    TEST(test_keys_go_with_a_suspend),
	    TEST(test_clients),
	    TEST(test_a_stream_in_random_portions),
	    TEST(test_a_stalled_client_stalls_nobody),
	    TEST(test_more_clients_than_are_served),
	    TEST(test_socket_file),
	    TEST(test_link_is_followed_through_namespaces),
	};
	sigset_t signals;

	// Names carry the process's number, so that several runs can go on side by side.
	snprintf(name, sizeof(name), "wgbt%d", getpid());
	snprintf(socket_path, sizeof(socket_path), "/var/run/wireguard/%s.sock", name);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	alarm(LIMIT_S); // since SIGTERM is blocked, a hang is ended so
	return cmocka_run_group_tests(tests, NULL, NULL);
}
