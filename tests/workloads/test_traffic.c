// wgbench-traffic itself, on the loopback of a namespace of its own. A relay between the two ends
// loses, doubles and delays packets of its choice, so every count has one right value.
#include "base/process.h"
#include "workloads/traffic/traffic.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <blake2.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { RELAY = 7000, SINK = 7001, WAIT_MS = 20000, PERIOD = 20 };
enum { LOSE_AT = 3, DOUBLE_AT = 7, HOLD_AT = 11 }; // sequence numbers modulo PERIOD

#define FIRST "127.1.0.0"
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char program[PATH_MAX + 32];
static const char *no_namespace; // why there is none

static void start_receiver(struct process *p, const char *at, const char *option)
{
	const char *const argv[] = {program, "receive", "--listen", at, option, NULL};

	assert_int_equal(process_start(p, argv, PROCESS_HERE, NULL), 0);
	for (int i = 0; i < WAIT_MS; i++) {
		char *text = process_read(p->out);
		bool ready = !strcmp(text, "ready\n");

		free(text);
		if (ready)
			return;
		assert_int_equal(process_wait(p, 1), -ETIMEDOUT);
	}
	fail_msg("the receiver isn't ready");
}

static json_t *finish(struct process *p)
{
	assert_int_equal(process_wait(p, WAIT_MS), 0);
	char *text = process_read(p->out);
	json_t *report = json_loads(strchr(text, '{') ? strchr(text, '{') : "", 0, NULL);

	free(text);
	process_end(p);
	assert_non_null(report);
	return report;
}

static json_int_t count(json_t *report, const char *key)
{
	json_t *value = json_object_get(report, key);

	if (!json_is_integer(value))
		fail_msg("no %s in the report", key);
	return json_integer_value(value);
}

static int relay_socket(uint16_t port, uint16_t peer)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons(port)};
	const int bytes = 64 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (port)
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	a.sin_port = htons(peer);
	if (peer)
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

struct relay {
	int sender, receiver;
	struct sockaddr_in flow[TRAFFIC_FLOWS_MAX];
	bool end_seen[TRAFFIC_FLOWS_MAX];
	uint8_t held[TRAFFIC_FLOWS_MAX][2048];
	uint64_t passed, early, first_due_ns, last_due_ns;
};

static void forward(const struct relay *r, const void *data, size_t bytes)
{
	assert_int_equal(send(r->receiver, data, bytes, 0), bytes);
}

static void relay_data(struct relay *r, const struct traffic_header *h, const uint8_t *data,
                       ssize_t bytes)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	r->early += h->intended_ns > now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	if (!r->passed++)
		r->first_due_ns = h->intended_ns;
	r->last_due_ns = h->intended_ns;
	switch (h->sequence % PERIOD) {
	case LOSE_AT:
		return;
	case DOUBLE_AT:
		forward(r, data, bytes);
		break;
	case HOLD_AT:
		memcpy(r->held[h->flow], data, bytes);
		return;
	}
	forward(r, data, bytes);
	if (h->sequence % PERIOD == HOLD_AT + 1)
		forward(r, r->held[h->flow], bytes);
}

// The first end of each flow is lost.
static void relay_one(struct relay *r)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	uint8_t data[2048];
	ssize_t bytes = recvfrom(r->sender, data, sizeof(data), MSG_DONTWAIT,
	                         (struct sockaddr *)&from, &length);
	struct traffic_header h;

	if (bytes < 0)
		return;
	memcpy(&h, data, sizeof(h));
	assert_in_range(h.flow, 0, h.flows - 1);
	r->flow[h.flow] = from;
	if (h.kind == TRAFFIC_DATA)
		relay_data(r, &h, data, bytes);
	else if (r->end_seen[h.flow])
		send(r->receiver, data, bytes, 0); // the receiver may have ended
	else
		r->end_seen[h.flow] = true;
}

static void relay_back(struct relay *r)
{
	struct traffic_header h;

	if (recv(r->receiver, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h))
		sendto(r->sender, &h, sizeof(h), 0, (struct sockaddr *)&r->flow[h.flow],
		       sizeof(r->flow[h.flow]));
}

static void relay_until_end(struct relay *r, struct process *sender)
{
	struct pollfd fds[] = {{.fd = r->sender, .events = POLLIN},
	                       {.fd = r->receiver, .events = POLLIN},
	                       {.fd = sender->pidfd, .events = POLLIN}};

	while (!fds[2].revents) {
		assert_true(poll(fds, 3, WAIT_MS) > 0);
		if (fds[0].revents)
			relay_one(r);
		if (fds[1].revents)
			relay_back(r);
	}
}

static void need_namespace(void)
{
	if (no_namespace) {
		print_message("# no network namespace: %s\n", no_namespace);
		skip();
	}
}

static void every_packet_is_accounted_for(void **state)
{
	const struct traffic_header other = {.kind = TRAFFIC_DATA, .run = 78, .flows = 1};
	const char *const send_argv[] = {
	    program,   "send",   "--to", "127.0.0.1:7000", "--run", "77",         "--rate",
	    "20000",   "--size", "200",  "--flows",        "2",     "--duration", "0.2",
	    "--grace", "10000",  NULL};
	struct process sender, receiver;
	struct relay r = {0};

	(void)state;
	need_namespace();
	start_receiver(&receiver, "127.0.0.1:7001", "--run=77");
	r.sender = relay_socket(RELAY, 0);
	r.receiver = relay_socket(0, SINK);
	forward(&r, &other, sizeof(other));
	forward(&r, "short", 5);
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	relay_until_end(&r, &sender);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	// 4000 in two flows: 2000 numbers each, 100 periods.
	assert_int_equal(count(sent, "planned"), 4000);
	assert_int_equal(count(sent, "sent"), 4000);
	assert_int_equal(count(sent, "quantum_packets"), 2);
	assert_true(json_is_true(json_object_get(sent, "acknowledged")));
	assert_true(json_is_true(json_object_get(received, "ended")));
	assert_int_equal(count(received, "received"), 3800);
	assert_int_equal(count(received, "lost"), 200);
	assert_int_equal(count(received, "duplicates"), 200);
	assert_int_equal(count(received, "reordered"), 200);
	assert_int_equal(count(received, "stale"), 0);
	assert_int_equal(count(received, "foreign"), 2);
	assert_int_equal(count(received, "socket_drops"), 0);
	assert_int_equal(count(received, "bytes"), 4000 * 200);
	json_t *flows = json_object_get(received, "flows");
	assert_int_equal(json_array_size(flows), 2);
	assert_int_equal(count(json_array_get(flows, 1), "lost"), 100);
	// 4000 packets at 20000/s, two a quantum: from the first quantum to the last.
	assert_int_equal(r.early, 0);
	assert_int_equal(r.last_due_ns - r.first_due_ns, 1999 * UINT64_C(100000));
	json_decref(sent);
	json_decref(received);
	close(r.sender);
	close(r.receiver);
}

static void plain(const char *address, const char *gro, const char *gso, const char *size)
{
	const char *const send_argv[] = {
	    program, "send",  "--to", address,      "--rate", "50000",         "--size",
	    size,    "--gso", gso,    "--duration", "0.1",    "--grace=10000", NULL};
	struct process sender, receiver;

	start_receiver(&receiver, address, gro);
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	assert_int_equal(count(received, "received"), count(sent, "sent"));
	assert_int_equal(count(received, "bytes"), count(sent, "sent") * atoi(size));
	assert_int_equal(count(received, "lost"), 0);
	assert_int_equal(count(received, "reordered"), 0);
	json_decref(sent);
	json_decref(received);
}

// Every third packet goes aside, in an even mix, and isn't in the receiver's count.
static void a_share_goes_aside(void **state)
{
	const char *const send_argv[] = {
	    program,       "send",   "--to",          "127.0.0.1:7001", "--aside", "127.0.0.1:7000",
	    "--aside-ppm", "333334", "--rate",        "20000",          "--size",  "200",
	    "--duration",  "0.15",   "--grace=10000", "--nice=5",       NULL};
	struct process sender, receiver;
	struct traffic_header h;
	int aside = relay_socket(RELAY, 0);

	(void)state;
	need_namespace();
	start_receiver(&receiver, "127.0.0.1:7001", "--nice=5");
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	assert_int_equal(count(sent, "planned"), 3000);
	assert_int_equal(count(sent, "sent"), 3000);
	// Two a quantum.
	assert_int_equal(count(sent, "aside"), 1000);
	assert_true(json_is_true(json_object_get(sent, "acknowledged")));
	assert_int_equal(count(received, "received"), 2000);
	assert_int_equal(count(received, "lost"), 0);
	assert_int_equal(count(received, "foreign"), 0);
	uint64_t first_ns = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(recv(aside, &h, sizeof(h), MSG_DONTWAIT), sizeof(h));
		assert_int_equal(h.kind, TRAFFIC_DATA);
		assert_int_equal(h.sequence, i);
		first_ns = first_ns ? first_ns : h.intended_ns;
		assert_int_equal(h.intended_ns - first_ns, i / 2 * 300000);
	}
	assert_int_equal(recv(aside, &h, sizeof(h), MSG_DONTWAIT), -1);
	close(aside);
	json_decref(sent);
	json_decref(received);
}

// 3000 packets in 0.3 s, of which 1000 are due in the window; the relay keeps those of its last
// 50 ms until it is over.
static void what_comes_after_the_window_is_told_apart(void **state)
{
	enum { WINDOW_MS = 100, KEPT_FROM = 500 };
	const char *const send_argv[] = {program, "send",       "--to", "127.0.0.1:7000", "--rate",
	                                 "10000", "--duration", "0.3",  "--grace=10000",  NULL};
	struct process sender, receiver;
	struct relay r = {0};

	(void)state;
	need_namespace();
	start_receiver(&receiver, "127.0.0.1:7001", "--window=100");
	r.sender = relay_socket(RELAY, 0);
	r.receiver = relay_socket(0, SINK);
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	struct traffic_header first, h;
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	uint64_t early = 0;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t data[2048];
		struct timespec now;
		ssize_t bytes =
		    recvfrom(r.sender, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

		memcpy(&h, data, sizeof(h));
		first = i ? first : h;
		clock_gettime(CLOCK_MONOTONIC, &now);
		uint64_t now_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
		uint64_t end_ns = first.intended_ns + WINDOW_MS * UINT64_C(1000000);
		if (i >= KEPT_FROM && now_ns < end_ns)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
			                &(struct timespec){.tv_sec = end_ns / 1000000000,
			                                   .tv_nsec = end_ns % 1000000000},
			                NULL);
		else if (now_ns < end_ns)
			early++;
		forward(&r, data, bytes);
	}
	relay_until_end(&r, &sender);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	assert_int_equal(count(sent, "sent"), 3000);
	assert_int_equal(count(received, "received"), 3000);
	// One that is forwarded just before the end may arrive just behind it.
	assert_in_range(early, 1, KEPT_FROM);
	assert_in_range(count(received, "in_window"), early - 1, early);
	json_decref(sent);
	json_decref(received);
	close(r.sender);
	close(r.receiver);
}

static void segments_and_families(void **state)
{
	(void)state;
	need_namespace();
	plain("127.0.0.1:7001", NULL, "1", "32");
	plain("127.0.0.1:7001", "--gro", "16", "1372");
	plain("127.0.0.1:7001", NULL, "7", "500");
	plain("[::1]:7001", "--gro", "44", "1372");
}

// A sender that is stopped catches up, and the packets' delay counts from when they were due.
static void a_stall_shows_as_delay(void **state)
{
	const char *const send_argv[] = {program, "send",       "--to", "127.0.0.1:7000", "--rate",
	                                 "10000", "--duration", "0.3",  "--grace=10000",  NULL};
	struct process sender, receiver;
	struct relay r = {0};
	struct pollfd first;

	(void)state;
	need_namespace();
	start_receiver(&receiver, "127.0.0.1:7001", "--histogram");
	r.sender = relay_socket(RELAY, 0);
	r.receiver = relay_socket(0, SINK);
	first = (struct pollfd){.fd = r.sender, .events = POLLIN};
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	assert_int_equal(poll(&first, 1, WAIT_MS), 1);
	kill(sender.pid, SIGSTOP);
	process_pause(100);
	kill(sender.pid, SIGCONT);
	relay_until_end(&r, &sender);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	json_t *delay = json_object_get(received, "delay_ns");
	assert_int_equal(count(sent, "sent"), 3000);
	// The 1000 packets of the stall were due 100..0 ms before it ended.
	assert_true(count(sent, "late") > 800);
	assert_true(count(sent, "late_max_ns") > 90000000);
	assert_true(count(delay, "max") > 90000000);
	assert_true(count(delay, "p90") > 50000000);
	assert_true(count(delay, "min") < 90000000);
	// All that came is listed, doubled ones too, the quantiles' values among them.
	json_t *delays = json_object_get(received, "delays_ns"), *pair;
	json_int_t came = count(received, "received") + count(received, "duplicates");
	json_int_t packets = 0, p50 = 0, greatest = 0;
	size_t i;
	json_array_foreach(delays, i, pair)
	{
		json_int_t ns = json_integer_value(json_array_get(pair, 0));

		assert_true(ns >= greatest && json_array_size(pair) == 2);
		greatest = ns;
		packets += json_integer_value(json_array_get(pair, 1));
		if (!p50 && 2 * packets >= came)
			p50 = ns;
	}
	assert_int_equal(packets, came);
	assert_int_equal(greatest, count(delay, "max"));
	assert_int_equal(p50, count(delay, "p50"));
	json_decref(sent);
	json_decref(received);
	close(r.sender);
	close(r.receiver);
}

static void what_isnt_sent_in_time_stays_unsent(void **state)
{
	const char *const send_argv[] = {program,          "send",   "--to",
	                                 "127.0.0.1:7001", "--rate", "100000000",
	                                 "--duration",     "0.05",   NULL};
	struct process sender, receiver;

	(void)state;
	need_namespace();
	start_receiver(&receiver, "127.0.0.1:7001", NULL);
	assert_int_equal(process_start(&sender, send_argv, PROCESS_HERE, NULL), 0);
	json_t *sent = finish(&sender), *received = finish(&receiver);
	assert_int_equal(count(sent, "planned"), 5000000);
	assert_in_range(count(sent, "sent"), 1, 4999999);
	assert_in_range(count(received, "received"), 1, count(sent, "sent"));
	assert_in_range(count(received, "lost"), 0, count(sent, "sent") - 1);
	json_decref(sent);
	json_decref(received);
}

static void assert_run(int code, const char *err, const char *a, const char *b, const char *c)
{
	const char *const argv[] = {program, a, b, c, NULL};
	struct process_text text;
	int got = process_run(argv, PROCESS_HERE, NULL, WAIT_MS, &text);

	if (got != code || !strstr(text.err, err))
		fail_msg("%s %s %s: %d\n%s", a, b, c, got, text.err);
	process_text_free(&text);
}

static void bad_usage_is_named(void **state)
{
	static const char *const bad[][4] = {
	    {"send", NULL, NULL, "--to '': missing"},
	    {"send", "--to=1.2.3.4", NULL, "an address and a port"},
	    {"send", "--to=1.2.3.4:", NULL, "an address and a port"},
	    {"send", "--to=fd00::1:5", NULL, "an address and a port"},
	    {"send", "--to=localhost:5", NULL, "an address and a port"},
	    {"send", "--rate=0", NULL, "--rate '0': a whole number from 1"},
	    {"send", "--rate=1.5", NULL, "a whole number"},
	    {"send", "--rate=5x", NULL, "--rate '5x'"},
	    {"send", "--size=31", NULL, "from 32 to 65507"},
	    {"send", "--duration=nan", NULL, "--duration 'nan'"},
	    {"send", "--gso", NULL, "requires an argument"},
	    {"send", "--to=1.2.3.4:5", "--aside=1.2.3.4",
	     "--aside '1.2.3.4': an address and a port"},
	    {"send", "--aside=1.2.3.4:5", NULL, "--to '': missing"},
	    {"send", "--aside-ppm=1000000", NULL, "from 0 to 999999"},
	    {"send", "--nice=-21", NULL, "from -20 to 19"},
	    {"receive", "--aside=1.2.3.4:5", NULL, "--aside"},
	    {"send", "--nonsense", NULL, "--nonsense"},
	    {"send", "word", NULL, "'word'"},
	    {"receive", "--to=1.2.3.4:5", NULL, "--to"},
	    {"receive", "--gro=1", NULL, "allow an argument"},
	    {"flood", "--to=1.2.3.4:5", NULL, "--key '': missing"},
	    {"flood", "--key=AAAA", NULL, "--key 'AAAA': a key as `wg show` prints it"},
	    {"flood", "--sources=65537", NULL, "from 1 to 65536"},
	    {"send", "--key=AAAA", NULL, "--key"},
	    {"measure", NULL, NULL, "usage: wgbench-traffic send"},
	    {NULL, NULL, NULL, "usage: wgbench-traffic send"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_run(2, bad[i][3], bad[i][0], bad[i][1], bad[i][2]);
	assert_run(0, "", "--help", NULL, NULL);
	assert_run(0, "", "send", "-h", NULL);
}

// What makes a WireGuard interface answer is seen in tests/e2e/tunnel/flood.sh.
static void a_flood_comes_from_many_addresses(void **state)
{
	enum { SOURCES = 100, MESSAGES = 500, BYTES = 148, COOKIES = 3, OTHERS = 2 };
	const char *const argv[] = {
	    program,      "flood", "--to", "127.0.0.1:7001", "--from", FIRST ":0",  "--sources",
	    "100",        "--key", KEY,    "--rate",         "1000",   "--quantum", "5000",
	    "--duration", "0.5",   NULL};
	unsigned from[SOURCES] = {0}, messages = 0;
	uint8_t message[BYTES + 1], label[8 + 32] = "mac1----", key[32], mac1[16];
	struct process flood;

	(void)state;
	need_namespace();
	int fd = relay_socket(SINK, 0);
	memset(label + 8, 0, 32); // what the key is
	blake2s(key, label, NULL, sizeof(key), sizeof(label), 0);
	assert_int_equal(process_start(&flood, argv, PROCESS_HERE, NULL), 0);
	for (struct pollfd p = {.fd = fd, .events = POLLIN}; poll(&p, 1, WAIT_MS / 40) == 1;) {
		struct sockaddr_in source;
		socklen_t bytes = sizeof(source);

		assert_int_equal(
		    recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)&source, &bytes),
		    BYTES);
		assert_int_equal(message[0], 1);
		blake2s(mac1, message, key, sizeof(mac1), BYTES - 32, sizeof(key));
		assert_memory_equal(mac1, message + BYTES - 32, sizeof(mac1));
		unsigned n = ntohl(source.sin_addr.s_addr) - ntohl(inet_addr(FIRST));
		assert_in_range(n, 0, SOURCES - 1);
		from[n]++;
		if (messages++ < COOKIES + OTHERS) {
			const uint8_t reply[64] = {messages <= COOKIES ? 3 : 2};

			sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&source, bytes);
		}
	}
	json_t *report = finish(&flood);
	assert_int_equal(count(report, "sent"), messages);
	assert_in_range(messages, MESSAGES, MESSAGES + 10);
	assert_int_equal(count(report, "cookie_replies"), COOKIES);
	assert_int_equal(count(report, "other_replies"), OTHERS);
	for (unsigned i = 0; i < SOURCES; i++)
		assert_in_range(from[i], MESSAGES / SOURCES, MESSAGES / SOURCES + 1);
	json_decref(report);
	close(fd);
}

static void failures_are_told(void **state)
{
	(void)state;
	need_namespace();
	assert_run(1, "start the receiver first", "send", "--to=127.0.0.1:7001", NULL);
	assert_run(1, "can't receive", "receive", "--listen=192.0.2.1:7001", NULL);
}

static void a_quantum_is_time_and_whole_segments(void **state)
{
	struct sender_options o = {.rate_pps = 50000, .quantum_us = 100, .segments = 1};

	(void)state;
	assert_int_equal(sender_quantum(&o), 5);
	o.rate_pps = 100;
	assert_int_equal(sender_quantum(&o), 1);
	o.segments = 16;
	assert_int_equal(sender_quantum(&o), 16);
	o.rate_pps = 500000;
	assert_int_equal(sender_quantum(&o), 48);
	o.segments = 1;
	o.rate_pps = 10000000;
	assert_int_equal(sender_quantum(&o), TRAFFIC_QUANTUM_PACKETS_MAX);
}

static const char *enter_namespace(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	const char *why = NULL;

	if (unshare(CLONE_NEWNET))
		return strerror(errno);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		why = strerror(errno);
	close(fd);
	return why;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_quantum_is_time_and_whole_segments),
	    cmocka_unit_test(bad_usage_is_named),
	    cmocka_unit_test(every_packet_is_accounted_for),
	    cmocka_unit_test(a_share_goes_aside),
	    cmocka_unit_test(what_comes_after_the_window_is_told_apart),
	    cmocka_unit_test(segments_and_families),
	    cmocka_unit_test(a_stall_shows_as_delay),
	    cmocka_unit_test(what_isnt_sent_in_time_stays_unsent),
	    cmocka_unit_test(a_flood_comes_from_many_addresses),
	    cmocka_unit_test(failures_are_told),
	};
	ssize_t n = readlink("/proc/self/exe", program, PATH_MAX);

	// build/PROFILE/tests/workloads/test_traffic: the program lies beside tests/.
	for (int up = 0; n > 0 && up < 3; up++)
		*strrchr(program, '/') = 0;
	strcat(program, "/wgbench-traffic");
	if (access(program, X_OK)) {
		fprintf(stderr, "test_traffic: no %s: run `make harness` first\n", program);
		return 1;
	}
	no_namespace = enter_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
