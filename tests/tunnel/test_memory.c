// Configuration while memory is refused: each request for it in turn, alone and with all that
// follow. Nothing of a refused request takes effect, nothing is lost, and what is asked for again
// works.
#include "tests/support/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "tunnel/device.h"
#include "tunnel/index.h"
#include "tunnel/interface.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/session.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"
#include "tunnel/uapi_socket.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define PEER_A "public_key=" KEY_A "\n"
#define PEER_B "public_key=" KEY_B "\n"
#define PEER_C "public_key=" KEY_C "\n"

// Two peers, with entries inside others.
#define BEFORE                                                                                     \
	"set=1\nprivate_key=" KEY_C "\nfwmark=7\n" PEER_A "preshared_key=" KEY_B                   \
	"\nendpoint=1.2.3.4:5\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.2.0/24\n"                    \
	"allowed_ip=fd00::/8\n" PEER_B "allowed_ip=10.1.0.0/16\nallowed_ip=fd00:1::/32\n\n"

static char name[IFNAMSIZ];
static long live_before, mapped_before;

static int make_device(struct device **d)
{
	struct switches s;

	return switches_parse(&s, "queues=2") ? -1 : device_create(d, name, &s);
}

static int set_up(void **state)
{
	(void)state;
	refusal_needed();
	live_before = refusal_live;
	mapped_before = refusal_mapped;
	return 0;
}

static void assert_nothing_left(void)
{
	assert_int_equal(refusal_live, live_before);
	assert_int_equal(refusal_mapped, mapped_before);
}

static int run(struct device *d, const char *text)
{
	struct uapi_request request;
	int ret = uapi_parse(&request, text, strlen(text));

	if (!ret)
		ret = uapi_device_set(d, &request);
	uapi_request_free(&request);
	return ret;
}

static struct uapi_buffer get(struct device *d)
{
	struct uapi_buffer out = {0};

	uapi_print(&out, "%s", "");
	uapi_device_get(d, &out);
	uapi_print(&out, "%s", "\n");
	return out;
}

static void expect(struct device *d, const struct uapi_buffer *before)
{
	struct uapi_buffer now = get(d);

	assert_false(now.failed);
	assert_string_equal(now.text, before->text);
	uapi_buffer_free(&now);
}

// ---- life

// What is said of it is for people.
static int silence(void)
{
	int real = dup(STDERR_FILENO);

	assert_non_null(freopen("/dev/null", "w", stderr));
	return real;
}

static void speak(int real)
{
	fflush(stderr);
	assert_true(dup2(real, STDERR_FILENO) >= 0);
	close(real);
}

static void a_device_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	struct device *d;
	unsigned refusals = 0;

	for (int kind = 0; kind < REFUSALS; kind++) {
		for (long grants = 0;; grants++) {
			int real = silence();

			refusal_begin(kind, grants);
			int ret = make_device(&d);
			bool refused = refusal_end();
			speak(real);
			assert_int_equal(ret, refused ? -ENOMEM : 0);
			if (!refused)
				break;
			refusals++;
			assert_nothing_left();
		}
		assert_int_equal(run(d, BEFORE), 0);
		device_free(d);
		assert_nothing_left();
	}
	assert_true(refusals > 10);
}

// ---- requests

static void give_session(struct peer *p)
{
	struct noise_session s = {.initiator = true,
	                          .local_index = index_new(p->device->tables.by_index, p)->index};

	assert_int_equal(session_install(p, &s, clock_now_ns()), 0);
}

// The request with each of its requests for memory refused, by a device that has its sockets open
// and a session. What it comes to in the end is what one comes to that was refused none, and that
// opens no sockets.
static void refuse_each(const char *text, enum refusal kind)
{
	struct device *d, *model;
	long grants = 0;

	assert_int_equal(make_device(&d), 0);
	assert_int_equal(make_device(&model), 0);
	assert_int_equal(run(d, BEFORE), 0);
	assert_int_equal(interface_up(d), 0);
	struct peer *a = d->peers->next;
	give_session(a);

	struct uapi_buffer before = get(d);
	for (;; grants++) {
		uint16_t port = d->udp.port;
		long live = refusal_live;

		refusal_begin(kind, grants);
		int ret = run(d, text);
		if (!refusal_end()) {
			assert_int_equal(ret, 0);
			break;
		}
		assert_int_equal(ret, -ENOMEM);
		// But for the room that timers have for more peers.
		assert_in_range(refusal_live, live, live + 1);
		expect(d, &before);
		assert_int_equal(d->udp.port, port);
		assert_true(d->queue[0].udp[0] >= 0);
		assert_ptr_equal(peers_find(d, a->handshake.remote_static), a);
		assert_non_null(a->current);
		for (struct peer *p = d->peers; p; p = p->next)
			assert_false(p->removed);
	}
	assert_true(grants > 2);
	uapi_buffer_free(&before);

	assert_int_equal(run(model, BEFORE), 0);
	model->listen_port = d->listen_port;
	assert_int_equal(run(model, text), 0);
	struct uapi_buffer after = get(model);
	expect(d, &after);
	uapi_buffer_free(&after);
	device_free(d);
	device_free(model);
	assert_nothing_left();
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void a_refused_request_changes_nothing(void **state)
{
	static const char *const requests[] = {
	    "private_key=" KEY_A "\n",
	    "fwmark=9\n",
	    "replace_peers=true\n",
	    "replace_peers=true\n" PEER_A "allowed_ip=10.0.0.0/8\n",
	    PEER_A "remove=true\n",
	    PEER_A "replace_allowed_ips=true\n",
	    PEER_A "replace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=11.0.0.0/8\n"
	           "allowed_ip=10.1.2.0/24\nallowed_ip=10.1.2.128/25\n",
	    PEER_A "allowed_ip=-10.0.0.0/8\nallowed_ip=172.16.0.0/12\nallowed_ip=10.0.0.0/8\n"
	           "allowed_ip=10.1.0.0/16\nallowed_ip=-10.1.0.0/16\n" PEER_B
	           "allowed_ip=-10.1.2.0/24\nallowed_ip=172.16.0.0/12\nallowed_ip=::/0\n",
	    PEER_A "preshared_key=" KEY_A "\nendpoint=[::1]:9\n",
	    PEER_C "endpoint=127.0.0.1:9\npersistent_keepalive_interval=9\nallowed_ip=0.0.0.0/0\n",
	    PEER_C "allowed_ip=10.0.0.0/8\n" PEER_A "remove=true\n" PEER_A
	           "allowed_ip=11.0.0.0/8\n",
	    PEER_A "remove=true\n" PEER_A "allowed_ip=11.0.0.0/8\n" PEER_A "remove=true\n" PEER_A
	           "allowed_ip=12.0.0.0/8\n",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (int kind = 0; kind < REFUSALS; kind++) {
			snprintf(text, sizeof(text), "set=1\n%s\n", requests[i]);
			refuse_each(text, kind);
			snprintf(text, sizeof(text), "set=1\nlisten_port=%u\n%s\n", free_port(),
			         requests[i]);
			refuse_each(text, kind);
		}
	}
}

// So many that every table grows.
static void a_refused_request_for_many_changes_nothing(void **state)
{
	enum { PEERS = 300, EVERY = 7 };
	struct uapi_buffer text = {0};
	struct device *d;
	long grants = 0;

	(void)state;
	assert_int_equal(make_device(&d), 0);
	assert_int_equal(run(d, BEFORE), 0);
	struct uapi_buffer before = get(d);
	uapi_print(&text, "set=1\nreplace_peers=true\n");
	for (unsigned i = 0; i < PEERS; i++)
		uapi_print(&text, "public_key=%064x\nallowed_ip=10.1.%u.%u/32\n", i + 1, i >> 8,
		           i & 255);
	uapi_print(&text, "\n");
	for (;; grants += EVERY) {
		refusal_begin(REFUSE_ALL, grants);
		int ret = run(d, text.text);
		if (!refusal_end()) {
			assert_int_equal(ret, 0);
			break;
		}
		assert_int_equal(ret, -ENOMEM);
		expect(d, &before);
		assert_int_equal(hashtable_count(d->by_key), 2);
	}
	assert_true(grants > 2 * PEERS);
	assert_int_equal(d->peer_count, PEERS);
	uapi_buffer_free(&before);
	uapi_buffer_free(&text);
	device_free(d);
	assert_nothing_left();
}

// ---- clients

// Handles what is there for the control thread.
static void settle(struct device *d)
{
	struct epoll_event event;

	while (epoll_wait(d->loop.epoll, &event, 1, 0) == 1) {
		struct loop_source *source = event.data.ptr;

		source->ready(d, source, event.events);
	}
}

// A client's request and what it is answered; "" where the connection is closed instead.
static void ask(struct device *d, const char *request, char *answer, size_t bytes)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0;
	ssize_t n;

	snprintf(a.sun_path, sizeof(a.sun_path), "/var/run/wireguard/%s.sock", name);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	shutdown(fd, SHUT_WR);
	settle(d);
	while ((n = recv(fd, answer + length, bytes - 1 - length, MSG_DONTWAIT)) > 0)
		length += n;
	answer[length] = 0;
	assert_true(n == 0 || errno == ECONNRESET); // it was closed
	close(fd);
}

static void a_client_is_told_or_nothing_happens(void **state)
{
	static const char *const requests[] = {"get=1\n\n", "set=1\nfwmark=9\n" PEER_C
	                                                    "allowed_ip=0.0.0.0/0\n\n"};
	struct device *d;

	(void)state;
	if (geteuid()) {
		print_message("# its socket's folder is root's\n");
		skip();
	}
	assert_int_equal(make_device(&d), 0);
	assert_int_equal(uapi_socket_open(d), 0);
	for (size_t i = 0; i < 2 * REFUSALS; i++) {
		unsigned told = 0;

		assert_int_equal(run(d, "set=1\nreplace_peers=true\n\n"), 0);
		assert_int_equal(run(d, BEFORE), 0);
		struct uapi_buffer before = get(d);
		for (long grants = 0;; grants++) {
			char answer[4096];
			long live = refusal_live;

			refusal_begin(i % REFUSALS, grants);
			ask(d, requests[i / REFUSALS], answer, sizeof(answer));
			if (!refusal_end()) {
				assert_non_null(strstr(answer, "errno=0\n\n"));
				break;
			}
			assert_in_range(refusal_live, live, live + 1);
			if (strcmp(answer, "errno=-12\n\n"))
				assert_string_equal(answer, "");
			else
				told++;
			expect(d, &before);
		}
		assert_true(told);
		uapi_buffer_free(&before);
	}
	uapi_socket_close(d);
	device_free(d);
	assert_nothing_left();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
	    TEST(a_device_is_made_whole_or_not_at_all),
	    TEST(a_refused_request_changes_nothing),
	    TEST(a_refused_request_for_many_changes_nothing),
	    TEST(a_client_is_told_or_nothing_happens),
	};

	snprintf(name, sizeof(name), "wgbt%d", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
