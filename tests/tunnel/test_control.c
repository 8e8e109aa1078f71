// The control thread's sources, one event after another in the test's own thread: what other
// threads post, signals, and the link, also after moves between namespaces, which needs root and is
// skipped without.
#include "tests/support/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

// ---- posts and signals

static void test_stop_and_failure_end_the_loop(void **state)
{
	(void)state;
	loop_stop(&device->loop);
	assert_int_equal(control_run(device), 0);
	loop_fail(&device->loop);
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
		atomic_store(&device->loop.stop, false);
		kill(getpid(), ending[i]);
		assert_int_equal(control_run(device), 0);
	}

	counters_add(&device->counters, drop_rx_replay, 42);
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
		mailbox_post(peer, PEER_EVENT_TIMER);
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
	loop_stop(&device->loop);
	pthread_join(loop, NULL);
	assert_int_equal(atomic_load(&p->events), 0);
	assert_int_equal(atomic_load(&p->references), 2);

	// What is posted when the peer goes, and what nobody handles any more, holds it no longer.
	mailbox_post(p, PEER_EVENT_TIMER | PEER_EVENT_KEEPALIVE);
	peers_remove(p);
	assert_int_equal(atomic_load(&p->references), 2);
	settle();
	assert_int_equal(atomic_load(&p->references), 1);
	peer_release(p);
	set("set=1\n" PEER_A "\n");
	mailbox_post(device->peers, PEER_EVENT_TIMER);
}

// The queue is bounded, and no more than a portion is taken before others have their turn.
static void test_messages(void **state)
{
	(void)state;
	struct endpoint from = {0};
	uint8_t message[MESSAGE_HANDSHAKE_MAX + 1] = {9}; // of no type: dropped
	struct mailbox *c = &device->mailbox;
	unsigned count, steps = 0;

	assert_false(mailbox_put(&device->mailbox, message, sizeof(message), &from));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MAILBOX_MESSAGES_MAX; i++)
			assert_true(mailbox_put(&device->mailbox, message, 148, &from));
		assert_false(mailbox_put(&device->mailbox, message, 148, &from));
		for (count = c->messages_count; count; count = c->messages_count, steps++) {
			assert_true(step(TIMEOUT_MS));
			assert_true(c->messages_count + 256 >= count);
		}
	}
	assert_true(steps > 3 * MAILBOX_MESSAGES_MAX / 256);
	settle();
}

static void test_keys_go_with_a_suspend(void **state)
{
	(void)state;
	struct noise_session session = {.initiator = true};

	set("set=1\n" PEER_A "\n");
	session.local_index = index_new(device->tables.by_index, device->peers)->index;
	assert_int_equal(session_install(device->peers, &session, clock_now_ns()), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(control_run(device), 0);
	assert_non_null(device->peers->current);

	device->control->suspended_ns -= 2 * NS_PER_S;
	atomic_store(&device->loop.stop, false);
	kill(getpid(), SIGTERM);
	assert_int_equal(control_run(device), 0);
	assert_null(device->peers->current);
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
	const struct CMUnitTest tests[] = {
	    TEST(test_stop_and_failure_end_the_loop),
	    TEST(test_signals),
	    TEST(test_posts_from_many_threads),
	    TEST(test_messages),
	    TEST(test_keys_go_with_a_suspend),
	    TEST(test_link_is_followed_through_namespaces),
	};

	begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
