#include "harness/measure/accounting.h"
#include "base/foreign.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURN_S 0.15

// Stands for a pair: the counters of the namespace that the test runs in.
static struct netns_pair here;

static int open_here(void **state)
{
	static const char *const files[] = {"dev", "snmp", "snmp6"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		here.side[i].socket = -1;
		snprintf(here.side[i].interface, sizeof(here.side[i].interface), "lo");
		for (int j = 0; j < 3; j++) {
			char path[64];
			snprintf(path, sizeof(path), "/proc/thread-self/net/%s", files[j]);
			here.side[i].counters[j] = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	return 0;
}

static void burn(void)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec + t.tv_nsec * 1e-9 < BURN_S);
}

static void difference(struct accounting_result *r, const struct accounting_processes *who,
                       void (*between)(void))
{
	struct accounting_snapshot before, after;

	assert_int_equal(accounting_take(&before, who, &here), 0);
	between();
	assert_int_equal(accounting_take(&after, who, &here), 0);
	accounting_difference(r, &before, &after, 2);
	accounting_release(&before);
	accounting_release(&after);
}

// A process that burns when told to and tells when it has; its parent is init or, with `parent`, a
// process that isn't ours and waits for it.
static pid_t burner;
static int go[2], done[2];

static void start_burner(bool waited_for)
{
	int told[2];

	assert_return_code(pipe(go) | pipe(done) | pipe(told), 0);
	pid_t middle = fork();
	if (!middle) {
		pid_t pid = fork(), child;
		char c;

		if (pid) // leaves it to init
			_exit(write(told[1], &pid, sizeof(pid)) != sizeof(pid));
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		if (waited_for && !(child = fork())) {
			burn();
			_exit(0);
		} else if (waited_for) {
			waitpid(child, NULL, 0);
		} else {
			burn();
		}
		if (write(done[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(done[1]);
	assert_int_equal(read(told[0], &burner, sizeof(burner)), sizeof(burner));
	close(told[0]);
	close(told[1]);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
}

static void let_burn(void)
{
	char c;

	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(read(done[0], &c, 1), 1);
}

static void end_burner(void)
{
	kill(burner, SIGKILL);
	close(go[0]);
	close(go[1]);
	close(done[0]);
}

static void let_descendant_burn(void)
{
	pid_t pid = fork();

	if (!pid) {
		burn();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void nothing(void)
{
}

// Other processes of the machine are foreign too, so only lower bounds hold.
static void stranger_is_foreign(void **state)
{
	const struct accounting_processes none = {0};
	struct accounting_result r;

	(void)state;
	start_burner(false);
	difference(&r, &none, let_burn);
	end_burner();
	assert_true(r.foreign_cpu_s >= BURN_S * 0.9);
	assert_true(r.foreign_share >= BURN_S / 2 / r.wall_s * 0.9);
	assert_true(r.wall_s >= BURN_S && r.wall_s < 30);
}

static void stranger_that_ended_is_foreign(void **state)
{
	const struct accounting_processes none = {0};
	struct accounting_result r;

	(void)state;
	start_burner(true);
	difference(&r, &none, let_burn);
	end_burner();
	// Waited-for time is known in ticks of 10 ms.
	assert_true(r.foreign_cpu_s >= BURN_S - 0.03);
}

// In a process namespace of its own there is nobody but ours.
static int count_descendant_alone(void)
{
	const struct accounting_processes none = {0};
	struct accounting_result r;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 1;
	if (!(pid = fork())) {
		if (mount("proc", "/proc", "proc", 0, NULL))
			_exit(2);
		difference(&r, &none, let_descendant_burn);
		_exit(r.foreign_cpu_s == 0 && r.machine_cpu_s >= BURN_S / 2 ? 0 : 3);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static void descendant_is_ours(void **state)
{
	int status;

	(void)state;
	if (geteuid()) {
		print_message("# SKIP: a process namespace needs root\n");
		skip();
	}
	pid_t pid = fork();
	if (!pid)
		_exit(count_descendant_alone());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void tunnel_is_counted_apart(void **state)
{
	struct accounting_processes who = {.tunnel = 1};
	struct accounting_result r;

	(void)state;
	start_burner(false);
	who.tunnel_pid[0] = burner;
	difference(&r, &who, let_burn);
	assert_true(r.tunnel_cpu_s >= BURN_S * 0.9 && r.tunnel_cpu_s < BURN_S + 0.05);
	assert_true(r.idle_tunnels_cpu_s == 0);
	assert_true(r.switches_per_s > 0);
	difference(&r, &who, nothing);
	assert_true(r.tunnel_cpu_s < 0.05);
	end_burner();

	who = (struct accounting_processes){.idle = 1};
	start_burner(false);
	who.idle_pid[0] = burner;
	difference(&r, &who, let_burn);
	end_burner();
	assert_true(r.idle_tunnels_cpu_s >= BURN_S * 0.9);
	assert_true(isnan(r.tunnel_cpu_s) && isnan(r.switches_per_s)); // it has no process
}

static bool is_foreign(const struct accounting_processes *who, pid_t pid)
{
	struct accounting_snapshot now;
	bool foreign;

	assert_int_equal(accounting_take(&now, who, &here), 0);
	foreign = processes_find(now.foreign, now.foreigns, pid);
	accounting_release(&now);
	return foreign;
}

// Though it became a daemon.
static void a_peer_is_neither_judged_nor_foreign(void **state)
{
	struct accounting_processes nobody = {0}, who = {.peer = 1};
	struct accounting_result r;

	(void)state;
	start_burner(false);
	who.peer_pid[0] = burner;
	assert_true(is_foreign(&nobody, burner));
	assert_false(is_foreign(&who, burner));
	difference(&r, &who, let_burn);
	end_burner();
	assert_true(isnan(r.tunnel_cpu_s) && r.idle_tunnels_cpu_s == 0);
}

static pid_t ending;

static void let_end(void)
{
	kill(ending, SIGKILL);
	assert_int_equal(waitpid(ending, NULL, 0), ending);
}

// Its CPU time is lost with it: that isn't a cost of nothing.
static void an_ended_tunnel_has_no_cost(void **state)
{
	struct accounting_processes who = {.tunnel = 1};
	struct accounting_result r;
	json_t *object;

	(void)state;
	ending = fork();
	if (!ending)
		for (;;)
			pause();
	who.tunnel_pid[0] = ending;
	difference(&r, &who, let_end);
	assert_true(isnan(r.tunnel_cpu_s) && isnan(r.switches_per_s));
	object =
	    accounting_json(&r, &(struct accounting_snapshot){0}, &(struct accounting_snapshot){0});
	assert_true(json_is_null(json_object_get(object, "context_switches_per_s")));
	json_decref(object);
}

static void untold_counters_are_null(void **state)
{
	struct accounting_snapshot before = {.other_packets = FOREIGN_UNKNOWN}, after = before;
	struct accounting_result r;

	(void)state;
	before.counters[0].tunnel.tx_dropped = after.counters[1].veth.rx_dropped = FOREIGN_UNKNOWN;
	before.counters[1].tcp_retransmits = FOREIGN_UNKNOWN;
	accounting_difference(&r, &before, &after, 2);
	json_t *object = accounting_json(&r, &before, &after);
	json_t *drops = json_object_get(object, "drops");
	assert_true(json_is_null(json_object_get(object, "tcp_retransmits")));
	assert_true(json_is_null(json_object_get(object, "other_packets")));
	assert_true(json_is_null(json_object_get(json_object_get(drops, "left"), "tunnel_tx")));
	assert_true(json_is_null(json_object_get(json_object_get(drops, "right"), "outer_rx")));
	assert_true(json_is_integer(json_object_get(json_object_get(drops, "left"), "outer_rx")));
	json_decref(object);
}

// No trial gains time when a process with a long past goes away.
static void sums_never_run_backwards(void **state)
{
	const struct accounting_snapshot before = {.wall_ns = 1000000000,
	                                           .foreign_cpu_ns = 9000000000,
	                                           .machine_idle_ns = 5000000000},
	                                 after = {.wall_ns = 2000000000,
	                                          .foreign_cpu_ns = 8000000000,
	                                          .machine_idle_ns = 9000000000};
	struct accounting_result r;

	(void)state;
	accounting_difference(&r, &before, &after, 2);
	assert_true(r.foreign_cpu_s == 0 && r.foreign_share == 0);
	assert_true(r.machine_cpu_s == 0);
}

static void limits_contaminate(void **state)
{
	static const struct {
		struct accounting_result result;
		bool contaminated;
	} cases[] = {
	    {{.steal_reported = true}, false},
	    {{.foreign_share = 0.0199, .steal_share = 0.0199, .steal_reported = true}, false},
	    {{.foreign_share = 0.021}, true},
	    {{.steal_share = 0.021, .steal_reported = true}, true},
	    {{.steal_share = 0.021}, false},
	    {{.traffic_share = 0.0199, .other_packets = 39800}, false},
	    {{.traffic_share = 0.021, .other_packets = 42000}, true},
	    {{.throttles = 1}, true},
	};
	char reason[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_true((accounting_contamination(&cases[i].result, reason, sizeof(reason)) !=
		             NULL) == cases[i].contaminated);
}

#define MS UINT64_C(1000000)

// Of a trial of a second on two CPUs, between these two readings of the foreign processes.
static void check_reason(struct processes_row *before, size_t befores, struct processes_row *after,
                         size_t afters, uint64_t foreign_ms, const char *expected)
{
	const struct accounting_snapshot first = {.foreign = before, .foreigns = befores},
	                                 second = {.wall_ns = 1000 * MS,
	                                           .foreign_cpu_ns = foreign_ms * MS,
	                                           .foreign = after,
	                                           .foreigns = afters};
	struct accounting_result r;
	char reason[520];

	accounting_difference(&r, &first, &second, 2);
	assert_ptr_equal(accounting_contamination(&r, reason, sizeof(reason)), reason);
	assert_string_equal(reason, expected);
}

static void the_heaviest_foreign_process_is_named(void **state)
{
	struct processes_row before[] =
	    {{.pid = 5, .began = 1, .cpu_ns = 900 * MS, .name = "old"},
	     {.pid = 7, .began = 2, .cpu_ns = 10 * MS, .name = "cc1"},
	     {.pid = 9, .began = 3, .cpu_ns = 500 * MS, .name = "gone"}},
	                     after[] = {{.pid = 5, .began = 1, .cpu_ns = 920 * MS, .name = "old"},
	                                {.pid = 7, .began = 2, .cpu_ns = 110 * MS, .name = "cc1"}},
	                     reused = {.pid = 9, .began = 4, .cpu_ns = 90 * MS, .name = "new"},
	                     hostile = {.pid = 3, .cpu_ns = 80 * MS, .name = "\x1b[2J\xff"};

	(void)state;
	check_reason(before, 3, after, 2, 120,
	             "other processes took 6.0 % of the machine, the heaviest: cc1, 5.0 %");
	check_reason(before, 3, after, 2, 320,
	             "other processes took 16.0 % of the machine, the heaviest: processes that "
	             "have ended, 10.0 %");
	check_reason(NULL, 0, NULL, 0, 80,
	             "other processes took 4.0 % of the machine, the heaviest: processes that "
	             "have ended, 4.0 %");
	check_reason(before, 3, &reused, 1, 90,
	             "other processes took 4.5 % of the machine, the heaviest: new, 4.5 %");
	check_reason(NULL, 0, &hostile, 1, 80,
	             "other processes took 4.0 % of the machine, the heaviest: \\x1b[2J\\xff, "
	             "4.0 %");
}

enum { DATAGRAMS = 3000 };

static void send_to_myself(void)
{
	struct sockaddr_in self = {.sin_family = AF_INET,
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(self);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 0;

	assert_int_equal(bind(fd, (struct sockaddr *)&self, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&self, &length), 0);
	for (int i = 0; i < DATAGRAMS; i++) {
		assert_int_equal(sendto(fd, &byte, 1, 0, (struct sockaddr *)&self, length), 1);
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
	}
	close(fd);
}

static void traffic_of_others_and_the_harness_itself_are_seen(void **state)
{
	struct accounting_processes who = {0};
	struct accounting_result r;

	(void)state;
	difference(&r, &who, send_to_myself);
	assert_true(r.other_packets >= 2 * DATAGRAMS); // sent and received
	assert_true(r.traffic_share > 0 && r.harness_cpu_s > 0);
	assert_true(r.harness_cpu_s <= r.wall_s + 0.01);
}

static void silent_steal_is_not_reported(void **state)
{
	struct accounting_snapshot before = {0}, after = {.pressure_ns = 5};
	struct accounting_result r;

	(void)state;
	before.wall_ns = 1;
	after.wall_ns = 2000000001;
	after.counters[1].tunnel.tx_dropped = 7;
	after.counters[0].udp_receive_buffer_errors = 3;
	after.counters[0].tunnel_tx_queue_len = 500;
	after.counters[1].tunnel_tx_queue_len = -1;
	accounting_difference(&r, &before, &after, 2);
	json_t *json = accounting_json(&r, &before, &after);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "steal_s")), "not reported");
	assert_true(json_is_real(json_object_get(json, "cpu_pressure_s")));
	json_t *drops = json_object_get(json, "drops");
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(drops, "right"), "tunnel_tx")), 7);
	assert_int_equal(json_integer_value(
	                     json_object_get(json_object_get(drops, "left"), "udp_receive_buffer")),
	                 3);
	json_t *queues = json_object_get(json, "tunnel_tx_queue_len");
	assert_int_equal(json_integer_value(json_object_get(queues, "left")), 500);
	assert_true(json_is_null(json_object_get(queues, "right")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stranger_is_foreign),
	    cmocka_unit_test(stranger_that_ended_is_foreign),
	    cmocka_unit_test(descendant_is_ours),
	    cmocka_unit_test(tunnel_is_counted_apart),
	    cmocka_unit_test(a_peer_is_neither_judged_nor_foreign),
	    cmocka_unit_test(an_ended_tunnel_has_no_cost),
	    cmocka_unit_test(untold_counters_are_null),
	    cmocka_unit_test(sums_never_run_backwards),
	    cmocka_unit_test(limits_contaminate),
	    cmocka_unit_test(the_heaviest_foreign_process_is_named),
	    cmocka_unit_test(traffic_of_others_and_the_harness_itself_are_seen),
	    cmocka_unit_test(silent_steal_is_not_reported),
	};

	return cmocka_run_group_tests(tests, open_here, NULL);
}
