#include "base/text.h"
#include "netns/bottleneck.h"
#include "netns/discard.h"
#include "harness/machine/environment.h"
#include "base/foreign.h"
#include "netns/netns.h"
#include "base/process.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

static char traffic[PATH_MAX + 32]; // wgbench-traffic

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("# SKIP: network namespaces need root\n");
	skip();
}

static bool exists(const char *format, ...)
{
	char path[128];
	struct stat st;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	return !lstat(path, &st);
}

static int ping(const struct netns_pair *p, int family)
{
	const char *const argv[] = {
	    "ping", "-n", "-q", "-c", "1", "-W", "2", p->side[1].outer[family], NULL};

	return process_run(argv, p->side[0].fd, NULL, LONG_MS, NULL);
}

static void pair_passes_packets_and_goes(void **state)
{
	struct netns_pair p;
	struct netns_counters before, after;
	struct process guest;
	const char *const argv[] = {"sleep", "100", NULL};
	char name[32];
	pid_t pids[4];

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 7), 0);
	assert_true(strlen(p.side[0].interface) < 15);
	assert_int_equal(netns_count(&p.side[1], &before), 0);
	assert_int_equal(ping(&p, 0), 0);
	assert_int_equal(ping(&p, 1), 0);
	assert_int_equal(netns_count(&p.side[1], &after), 0);
	assert_true(after.veth.rx_packets >= before.veth.rx_packets + 2);
	assert_true(after.veth.tx_bytes >= before.veth.tx_bytes + 84);
	assert_int_equal(netns_processes(p.side[0].fd, pids, 4), 0);
	assert_int_equal(process_start(&guest, argv, p.side[0].fd, NULL), 0);
	assert_int_equal(netns_processes(p.side[0].fd, pids, 4), 1);
	assert_int_equal(pids[0], guest.pid);
	snprintf(name, sizeof(name), "%s", p.side[0].name);
	assert_true(exists("/run/netns/%s", name));
	netns_pair_destroy(&p);
	assert_false(exists("/run/netns/%s", name));
	assert_int_equal(process_wait(&guest, LONG_MS), 128 + SIGTERM);
	process_end(&guest);
	netns_close();
	assert_false(exists("/run/wgbench/%d", getpid()));
	assert_false(exists("/run/wgbench/%d.tmp", getpid()));
}

static void pairs_are_apart(void **state)
{
	struct netns_pair a, b;

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&a, 0), 0);
	assert_int_equal(netns_pair_create(&b, 1), 0);
	// a's left end has no way to b's right one.
	struct netns_pair crossed = a;
	crossed.side[1] = b.side[1];
	assert_int_not_equal(ping(&crossed, 0), 0);
	netns_pair_destroy(&a);
	assert_int_equal(ping(&b, 0), 0);
	netns_pair_destroy(&b);
	netns_close();
}

// A child that builds a pair with a process in it, says so, and waits.
static pid_t start_owner(int *guest)
{
	int told[2];
	const char *const argv[] = {"setsid", "-f", "sleep", "100", NULL};

	assert_return_code(pipe(told), 0);
	pid_t pid = fork();
	if (!pid) {
		struct netns_pair p;
		pid_t inside[1];
		char socket[64];

		if (netns_open() || netns_pair_create(&p, 3) ||
		    process_run(argv, p.side[1].fd, NULL, LONG_MS, NULL))
			_exit(1);
		mkdir("/var/run/wireguard", 0755);
		snprintf(socket, sizeof(socket), "/var/run/wireguard/%s.sock", p.side[0].interface);
		close(open(socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		char scratch[] = "iperf3.XXXXXX";
		if (chdir(getenv("TMPDIR")) || mkstemp(scratch) < 0 || chdir("/"))
			_exit(1);
		while (netns_processes(p.side[1].fd, inside, 1) != 1)
			process_pause(5);
		if (write(told[1], inside, sizeof(inside)) == sizeof(inside))
			pause();
		_exit(1);
	}
	assert_int_equal(read(told[0], guest, sizeof(*guest)), sizeof(*guest));
	close(told[0]);
	close(told[1]);
	return pid;
}

static void killed_owner_is_reaped_and_a_live_one_is_not(void **state)
{
	int guest;

	(void)state;
	need_root();
	pid_t owner = start_owner(&guest);
	netns_reap();
	assert_true(exists("/run/netns/wgb-%d-3r", owner));
	assert_true(exists("/var/run/wireguard/wgb%dn3l.sock", owner));
	assert_true(exists("/run/wgbench/%d.tmp", owner));
	assert_int_equal(kill(guest, 0), 0);
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	assert_true(exists("/run/netns/wgb-%d-3r", owner));
	assert_true(netns_reap() >= 2);
	assert_false(exists("/run/netns/wgb-%d-3l", owner));
	assert_false(exists("/run/netns/wgb-%d-3r", owner));
	assert_false(exists("/var/run/wireguard/wgb%dn3l.sock", owner));
	assert_false(exists("/run/wgbench/%d", owner));
	assert_false(exists("/run/wgbench/%d.tmp", owner));
	for (int i = 0; !kill(guest, 0) && i < 500; i++)
		process_pause(10);
	assert_true(kill(guest, 0) && errno == ESRCH);
}

static void failure_leaves_nothing(void **state)
{
	struct netns_pair p;
	char name[32];
	const char *const argv[] = {"ip", "netns", "add", name, NULL};

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	// The right end's name is taken.
	snprintf(name, sizeof(name), "wgb-%d-4r", getpid());
	assert_int_equal(process_run(argv, PROCESS_HERE, NULL, LONG_MS, NULL), 0);
	assert_true(netns_pair_create(&p, 4) < 0);
	assert_false(exists("/run/netns/wgb-%d-4l", getpid()));
	assert_false(exists("/run/netns/wgb-%d-4r", getpid()));
	netns_close();
}

// What is sent to it goes through its driver, and is dropped there once the queue is full.
static void discard_discards(void **state)
{
	enum { PACKETS = 2000 };
	struct netns_discard d;
	struct netns_pair p;
	struct process_text text;
	struct text fault = {0};
	static const char *const format[2] = {"%s:9", "[%s]:9"};

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 5), 0);
	assert_int_equal(netns_discard_open(&d, &p, &fault), 0);
	const char *const show[] = {"ip", "-s", "-o", "link", "show", "discard0", NULL};
	for (int family = 0; family < 2; family++) {
		char to[64];
		const char *const argv[] = {traffic,   "send",   "--rate", "100000",     "--to",
		                            to,        "--size", "64",     "--duration", "0.02",
		                            "--grace", "10000",  NULL};

		snprintf(to, sizeof(to), format[family], d.address[family]);
		assert_int_equal(process_run(argv, p.side[0].fd, NULL, LONG_MS, &text), 0);
		assert_non_null(strstr(text.out, "\"sent\":2000"));
		process_text_free(&text);
	}
	assert_int_equal(process_run(show, p.side[0].fd, NULL, LONG_MS, &text), 0);
	unsigned long long bytes, packets, errors, dropped;
	const char *tx = strstr(text.out, "TX:");
	assert_non_null(tx);
	assert_non_null(tx = strchr(tx, '\\'));
	assert_int_equal(sscanf(tx + 1, "%llu %llu %llu %llu", &bytes, &packets, &errors, &dropped),
	                 4);
	process_text_free(&text);
	// The queue is the kernel's default for a TUN.
	assert_true(dropped >= 2 * PACKETS - 500);
	assert_int_equal(errors, 0);
	netns_discard_close(&d);
	assert_true(process_run(show, p.side[0].fd, NULL, LONG_MS, NULL) > 0);
	netns_discard_close(&d);
	netns_pair_destroy(&p);
	netns_close();
}

static int inside(const struct netns_side *s, const char *program, const char *command)
{
	return netns_batch(s->fd, program, NULL, "%s", command);
}

// Whether any part of a bottleneck is in the pair.
static bool has_bottleneck(const struct netns_pair *p)
{
	static const char *const qdiscs[] = {"tc", "qdisc", "show", NULL};
	static const char *const links[] = {"ip", "link", "show", "type", "ifb", NULL};
	bool found = false;

	for (int i = 0; i < 2; i++) {
		struct process_text text;

		assert_int_equal(process_run(qdiscs, p->side[i].fd, NULL, LONG_MS, &text), 0);
		found |= strstr(text.out, "tbf") || strstr(text.out, "ingress");
		process_text_free(&text);
		assert_int_equal(process_run(links, p->side[i].fd, NULL, LONG_MS, &text), 0);
		found |= strstr(text.out, "ifb") || *text.out;
		process_text_free(&text);
	}
	return found;
}

// 2000 datagrams of 1372 bytes within 0.1 s, from left to right. How many arrived.
static unsigned flood(const struct netns_pair *p)
{
	const char *const receive_argv[] = {traffic,     "receive", "--listen", "0.0.0.0:9000",
	                                    "--timeout", "1000",    NULL};
	char to[64];
	const char *const send_argv[] = {traffic,      "send", "--rate",  "20000", "--to", to,
	                                 "--duration", "0.1",  "--grace", "10000", NULL};
	struct process receiver;
	bool ready = false;

	snprintf(to, sizeof(to), "%s:9000", p->side[1].outer[0]);
	assert_int_equal(process_start(&receiver, receive_argv, p->side[1].fd, NULL), 0);
	for (int i = 0; !ready && i < LONG_MS; i++) {
		char *text = process_read(receiver.out);

		ready = !strncmp(text, "ready\n", 6);
		free(text);
		process_wait(&receiver, 1);
	}
	assert_int_equal(process_run(send_argv, p->side[0].fd, NULL, LONG_MS, NULL), 0);
	assert_int_equal(process_wait(&receiver, LONG_MS), 0);
	char *report = process_read(receiver.out);
	const char *received = strstr(report, "\"received\":");
	assert_non_null(received);
	unsigned n = strtoul(received + strlen("\"received\":"), NULL, 10);
	free(report);
	process_end(&receiver);
	return n;
}

static void bottleneck_limits_and_goes(void **state)
{
	enum { MBIT_PER_S = 20, LIMIT_MS = 100, SENT = 2000, WIRE_BYTES = 14 + 20 + 8 + 1372 };
	struct netns_bottleneck_counters before, after;
	struct netns_bottleneck b;
	struct netns_pair p;
	struct text fault = {0};

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 6), 0);
	for (int far = 0; far < 2; far++) {
		if (netns_bottleneck_open(&b, &p, MBIT_PER_S, LIMIT_MS, far, &fault))
			fail_msg("%s", text_string(&fault));
		assert_int_equal(netns_bottleneck_count(&b, &before), 0);
		unsigned arrived = flood(&p);
		assert_int_equal(netns_bottleneck_count(&b, &after), 0);
		// What the bucket and the queue hold, and what passes in the time.
		double seconds = (after.ns - before.ns) * 1e-9;
		double sent = after.sent_bytes - before.sent_bytes;
		assert_true(sent <= b.burst_bytes + seconds * MBIT_PER_S * 125000 + WIRE_BYTES);
		assert_true(after.drops - before.drops >= SENT - arrived);
		assert_true(arrived < SENT / 2);
		assert_true(arrived >= b.limit_bytes / WIRE_BYTES);
		netns_bottleneck_close(&b);
		assert_false(has_bottleneck(&p));
		netns_bottleneck_close(&b);
		assert_int_equal(flood(&p), SENT);
	}
	netns_pair_destroy(&p);
	netns_close();
}

// Where a step is refused, here since its place is taken, the reason names it, and the steps before
// it are undone.
static void half_a_bottleneck_is_removed(void **state)
{
	static const struct {
		bool far;
		const char *program, *take, *leave, *named;
	} cases[] = {
	    {false, "tc", "qdisc add dev outer0 root tbf rate 1mbit burst 10kb limit 10kb\n",
	     "qdisc del dev outer0 root\n", "can't make the bottleneck: qdisc tbf: "},
	    {true, "ip", "link add bottleneck0 type ifb\n", "link del bottleneck0\n",
	     "can't make the bottleneck: IFB device: "},
	    {true, "tc", "qdisc add dev outer0 ingress\n", "qdisc del dev outer0 ingress\n",
	     "can't make the bottleneck: qdisc ingress: "},
	};
	struct netns_bottleneck b;
	struct netns_pair p;

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 7), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct netns_side *s = &p.side[cases[i].far];
		struct text fault = {0};

		assert_int_equal(inside(s, cases[i].program, cases[i].take), 0);
		assert_true(netns_bottleneck_open(&b, &p, 10, 100, cases[i].far, &fault) < 0);
		assert_memory_equal(text_string(&fault), cases[i].named, strlen(cases[i].named));
		assert_true(fault.length > strlen(cases[i].named) && !strchr(fault.bytes, '\n'));
		text_free(&fault);
		assert_int_equal(inside(s, cases[i].program, cases[i].leave), 0);
		assert_false(has_bottleneck(&p));
	}
	netns_pair_destroy(&p);
	netns_close();
}

static void sysctls_are_the_namespaces_own(void **state)
{
	struct netns_pair p;
	long before, now;

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 8), 0);
	assert_int_equal(netns_sysctl(p.side[0].fd, "net/ipv4/tcp_ecn", 0, &before), 0);
	assert_int_equal(netns_sysctl(p.side[0].fd, "net/ipv4/tcp_ecn", 1, &now), 0);
	assert_int_equal(now, 0);
	assert_int_equal(netns_sysctl(p.side[1].fd, "net/ipv4/tcp_ecn", before, &now), 0);
	assert_int_equal(now, before);
	assert_int_equal(netns_sysctl(p.side[0].fd, "net/ipv4/no_such", 1, &now), -ENOENT);
	// The environment is the trials', not that of the namespace that wgbench was started in.
	assert_int_equal(netns_sysctl(p.side[0].fd, "net/ipv4/tcp_sack", 0, &before), 0);
	json_t *inside = environment_sysctls(p.side[0].fd), *here = environment_sysctls(-1);
	assert_string_equal(json_string_value(json_object_get(inside, "net.ipv4.tcp_sack")), "0");
	assert_string_equal(json_string_value(json_object_get(here, "net.ipv4.tcp_sack")), "1");
	assert_int_equal(json_object_size(inside), json_object_size(here));
	json_decref(inside);
	json_decref(here);
	netns_pair_destroy(&p);
	netns_close();
}

static void queue_length_is_read(void **state)
{
	struct netns_counters c;
	struct netns_pair p;
	char command[128];

	(void)state;
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(&p, 9), 0);
	assert_int_equal(netns_count(&p.side[1], &c), 0);
	assert_int_equal(c.tunnel_tx_queue_len, -1);
	snprintf(command, sizeof(command),
	         "tuntap add %s mode tun\n"
	         "link set %s txqueuelen 77\n",
	         p.side[1].interface, p.side[1].interface);
	assert_int_equal(inside(&p.side[1], "ip", command), 0);
	assert_int_equal(netns_count(&p.side[1], &c), 0);
	assert_int_equal(c.tunnel_tx_queue_len, 77);
	netns_pair_destroy(&p);
	netns_close();
}

// The file of the counters' format, as the kernel writes it.
static void counters_are_read(void **state)
{
	static const char *const texts[3] = {
	    ("Inter-|   Receive                                                |  Transmit\n"
	     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
	     "errs drop fifo colls carrier compressed\n"
	     "    lo:       9       9    9    9    9     9          9         9        9       9   "
	     " 9    9    9     9       9          9\n"
	     "outer0:     101     102  103  104  105   106        107       108      109     110  "
	     "111  112  113   114     115        116\n"
	     "  wgb1:     201     202  203  204  205   206        207       208      209     210  "
	     "211  212  213   214     215        216\n"),
	    ("Tcp: RtoAlgorithm InErrs RetransSegs OutSegs\n"
	     "Tcp: 1 2 33 4\n"
	     "Udp: InDatagrams RcvbufErrors SndbufErrors\n"
	     "Udp: 5 66 77\n"
	     "UdpLite: InDatagrams RcvbufErrors SndbufErrors\n"
	     "UdpLite: 8 9 10\n"),
	    ("Udp6InErrors                    \t1\n"
	     "Udp6RcvbufErrors                \t100\n"
	     "Udp6SndbufErrors                \t200\n"),
	};
	struct netns_side s = {.interface = "wgb1", .socket = -1};
	struct netns_counters c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		FILE *f = tmpfile();
		assert_non_null(f);
		fputs(texts[i], f);
		fflush(f);
		s.counters[i] = dup(fileno(f));
		fclose(f);
	}
	assert_int_equal(netns_count(&s, &c), 0);
	assert_int_equal(c.tunnel.rx_packets, 202);
	assert_int_equal(c.tunnel.rx_dropped, 204);
	assert_int_equal(c.tunnel.tx_bytes, 209);
	assert_int_equal(c.tunnel.tx_packets, 210);
	assert_int_equal(c.tunnel.tx_dropped, 212);
	assert_int_equal(c.veth.rx_dropped, 104);
	assert_int_equal(c.tcp_retransmits, 33);
	assert_int_equal(c.udp_receive_buffer_errors, 166);
	assert_int_equal(c.udp_send_buffer_errors, 277);
	// What isn't there is no 0.
	strcpy(s.interface, "wgb2");
	assert_int_equal(ftruncate(s.counters[1], strlen("Tcp: RtoAlgorithm InErrs RetransSegs")),
	                 0);
	assert_int_equal(netns_count(&s, &c), 0);
	assert_true(c.tunnel.tx_bytes == FOREIGN_UNKNOWN && c.tunnel.rx_dropped == FOREIGN_UNKNOWN);
	assert_int_equal(c.veth.rx_dropped, 104);
	assert_true(c.tcp_retransmits == FOREIGN_UNKNOWN);
	assert_true(c.udp_receive_buffer_errors == FOREIGN_UNKNOWN);
	for (int i = 0; i < 3; i++)
		close(s.counters[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pair_passes_packets_and_goes),
	    cmocka_unit_test(pairs_are_apart),
	    cmocka_unit_test(killed_owner_is_reaped_and_a_live_one_is_not),
	    cmocka_unit_test(failure_leaves_nothing),
	    cmocka_unit_test(discard_discards),
	    cmocka_unit_test(bottleneck_limits_and_goes),
	    cmocka_unit_test(half_a_bottleneck_is_removed),
	    cmocka_unit_test(sysctls_are_the_namespaces_own),
	    cmocka_unit_test(queue_length_is_read),
	    cmocka_unit_test(counters_are_read),
	};

	ssize_t n = readlink("/proc/self/exe", traffic, PATH_MAX);
	// build/PROFILE/tests/netns/test_netns: the program lies beside tests/.
	for (int up = 0; n > 0 && up < 3; up++)
		*strrchr(traffic, '/') = 0;
	strcat(traffic, "/wgbench-traffic");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
