// Foreign CPU time is summed over processes and not taken as the rest of /proc/stat, which counts
// in ticks and would call the traffic's own softirq work foreign.
#include "harness/measure/accounting.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "base/file.h"
#include "base/memory.h"

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

static ssize_t read_file(const char *path, char *text, size_t bytes)
{
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (ssize_t got; n < bytes - 1 && (got = read(fd, text + n, bytes - 1 - n)) > 0; n += got)
		;
	text[n] = 0;
	close(fd);
	return n;
}

// Ours are wgbench, its descendants and the tunnels, which may have become daemons.
static bool is_ours(const struct processes *all, const struct processes_row *row,
                    const struct accounting_processes *who)
{
	const pid_t self = getpid();

	return processes_below(all, row, &self, 1) ||
	       processes_below(all, row, who->tunnel_pid, who->tunnel) ||
	       processes_below(all, row, who->peer_pid, who->peer) ||
	       processes_below(all, row, who->idle_pid, who->idle);
}

static int count_processes(struct accounting_snapshot *a, const struct accounting_processes *who)
{
	static struct processes all;
	int ret = processes_read(&all);

	if (ret)
		return ret;
	a->foreign = memory_new(all.n, sizeof(*a->foreign));
	for (size_t i = 0; i < all.n; i++) {
		const struct processes_row *row = &all.row[i];

		if (row->kernel) {
			a->kernel_cpu_ns += row->cpu_ns;
		} else if (!is_ours(&all, row, who)) {
			a->foreign_cpu_ns += row->cpu_ns + row->waited_ns;
			a->foreign[a->foreigns++] = *row;
		}
	}
	return 0;
}

// How many could be read.
static size_t sum_clocks(const pid_t *pids, size_t n, uint64_t *sum)
{
	size_t known = 0;
	uint64_t ns;

	*sum = 0;
	for (size_t i = 0; i < n; i++)
		if (processes_read_clock(pids[i], &ns)) {
			*sum += ns;
			known++;
		}
	return known;
}

static uint64_t count_switches(pid_t pid)
{
	char path[300], text[4096];
	uint64_t sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return 0;
	for (struct dirent *e; (e = readdir(tasks));) {
		const char *at;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, e->d_name);
		if (read_file(path, text, sizeof(text)) <= 0)
			continue;
		// Matches "voluntary_ctxt_switches" and "nonvoluntary_ctxt_switches".
		for (at = text; (at = strstr(at, "voluntary_ctxt_switches:"));)
			sum += strtoull(at += strlen("voluntary_ctxt_switches:"), NULL, 10);
	}
	closedir(tasks);
	return sum;
}

static int read_machine(struct accounting_snapshot *a)
{
	char text[8192];
	unsigned long long idle, iowait, steal, pressure_us;
	ssize_t n = read_file("/proc/stat", text, sizeof(text));

	if (n < 0)
		return n;
	if (sscanf(text, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &iowait, &steal) != 3)
		return -EPROTO;
	a->machine_idle_ns = ticks_to_ns(idle + iowait);
	a->machine_steal_ns = ticks_to_ns(steal);
	a->steal_reported = steal;
	const char *total =
	    read_file("/proc/pressure/cpu", text, sizeof(text)) > 0 ? strstr(text, "total=") : NULL;
	if (total && foreign_unsigned(total + strlen("total="), &pressure_us, &total))
		a->pressure_ns = pressure_us * 1000;
	return 0;
}

// Sums a whole number from every file that the pattern matches; false: there is none.
static bool sum_files(const char *pattern, uint64_t *sum, size_t *files)
{
	unsigned long long n;
	char text[64];
	glob_t found;

	*sum = *files = 0;
	if (glob(pattern, 0, NULL, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (read_file(found.gl_pathv[i], text, sizeof(text)) > 0 &&
		    foreign_unsigned(text, &n, NULL)) {
			*sum += n;
			++*files;
		}
	globfree(&found);
	return *files;
}

static void read_heat(struct accounting_snapshot *a)
{
	static const char cpus[] = "/sys/devices/system/cpu/cpu[0-9]*";
	uint64_t sum;
	size_t files;
	char pattern[96];

	snprintf(pattern, sizeof(pattern), "%s/thermal_throttle/*_throttle_count", cpus);
	a->throttles_reported = sum_files(pattern, &a->throttles, &files);
	snprintf(pattern, sizeof(pattern), "%s/cpufreq/scaling_cur_freq", cpus);
	if (sum_files(pattern, &sum, &files))
		a->cpu_mhz = sum / 1000.0 / files;
}

static unsigned long long count_other_packets(void)
{
	char text[16384];
	unsigned long long sum = 0;

	if (read_file("/proc/self/net/dev", text, sizeof(text)) <= 0)
		return FOREIGN_UNKNOWN;
	for (const char *at = text; (at = strchr(at, ':')); at++) {
		unsigned long long received, sent;

		if (sscanf(at + 1, " %*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", &received,
		           &sent) != 2)
			return FOREIGN_UNKNOWN;
		sum += received + sent;
	}
	return sum;
}

int accounting_take(struct accounting_snapshot *a, const struct accounting_processes *who,
                    const struct netns_pair *pair)
{
	int ret;

	*a = (struct accounting_snapshot){0};
	a->wall_ns = clock_ns(CLOCK_MONOTONIC);
	a->tunnel_clocks = sum_clocks(who->tunnel_pid, who->tunnel, &a->tunnel_cpu_ns);
	sum_clocks(who->idle_pid, who->idle, &a->idle_tunnels_cpu_ns);
	for (size_t i = 0; i < who->tunnel; i++)
		a->tunnel_switches += count_switches(who->tunnel_pid[i]);
	if ((ret = read_machine(a)) || (ret = count_processes(a, who)))
		return ret;
	read_heat(a);
	a->other_packets = count_other_packets();
	processes_read_clock(getpid(), &a->harness_cpu_ns);
	for (int i = 0; i < 2; i++)
		if ((ret = netns_count(&pair->side[i], &a->counters[i])))
			return ret;
	return 0;
}

void accounting_release(struct accounting_snapshot *a)
{
	free(a->foreign);
	a->foreign = NULL;
	a->foreigns = 0;
}

// Sums that lost a process between the snapshots can run backwards; that is no time spent.
static double seconds(uint64_t before, uint64_t after)
{
	return after > before ? (after - before) * 1e-9 : 0;
}

// What the processes that are still there didn't take was of others, which have ended.
static void find_culprit(struct accounting_result *r, const struct accounting_snapshot *before,
                         const struct accounting_snapshot *after, double machine_s)
{
	const struct processes_row *heaviest = NULL;
	uint64_t most_ns = 0, named_ns = 0;

	for (size_t i = 0; i < after->foreigns; i++) {
		uint64_t ns =
		    processes_spent_ns(&after->foreign[i], before->foreign, before->foreigns);

		named_ns += ns;
		if (ns > most_ns) {
			most_ns = ns;
			heaviest = &after->foreign[i];
		}
	}
	double ended_s = r->foreign_cpu_s - named_ns * 1e-9;
	if (machine_s <= 0 || (!heaviest && ended_s <= 0))
		return;
	if (heaviest && most_ns * 1e-9 >= ended_s) {
		processes_quote_name(r->culprit, heaviest);
		r->culprit_share = most_ns * 1e-9 / machine_s;
	} else {
		snprintf(r->culprit, sizeof(r->culprit), "processes that have ended");
		r->culprit_share = ended_s / machine_s;
	}
}

void accounting_difference(struct accounting_result *r, const struct accounting_snapshot *before,
                           const struct accounting_snapshot *after, unsigned cpus)
{
	const struct accounting_snapshot *b = before, *a = after;
	bool tunnel_known = a->tunnel_clocks && a->tunnel_clocks == b->tunnel_clocks;

	*r = (struct accounting_result){
	    .wall_s = seconds(b->wall_ns, a->wall_ns),
	    .tunnel_cpu_s = tunnel_known ? seconds(b->tunnel_cpu_ns, a->tunnel_cpu_ns) : NAN,
	    .idle_tunnels_cpu_s = seconds(b->idle_tunnels_cpu_ns, a->idle_tunnels_cpu_ns),
	    .foreign_cpu_s = seconds(b->foreign_cpu_ns, a->foreign_cpu_ns),
	    .kernel_cpu_s = seconds(b->kernel_cpu_ns, a->kernel_cpu_ns),
	    .steal_s = seconds(b->machine_steal_ns, a->machine_steal_ns),
	    .pressure_s = seconds(b->pressure_ns, a->pressure_ns),
	    .harness_cpu_s = seconds(b->harness_cpu_ns, a->harness_cpu_ns),
	    .other_packets = foreign_difference(b->other_packets, a->other_packets),
	    .throttles = a->throttles - b->throttles,
	    .steal_reported = a->steal_reported,
	};
	double machine_s = r->wall_s * cpus;
	double idle_s = seconds(b->machine_idle_ns, a->machine_idle_ns);
	r->machine_cpu_s = machine_s > idle_s ? machine_s - idle_s : 0;
	r->foreign_share = machine_s > 0 ? r->foreign_cpu_s / machine_s : 0;
	find_culprit(r, b, a, machine_s);
	r->steal_share = machine_s > 0 ? r->steal_s / machine_s : 0;
	r->traffic_share = machine_s > 0 ? r->other_packets * ACCOUNTING_PACKET_S / machine_s : 0;
	r->switches_per_s =
	    tunnel_known && r->wall_s > 0
	        ? foreign_difference(b->tunnel_switches, a->tunnel_switches) / r->wall_s
	        : NAN;
	for (int i = 0; i < 2; i++)
		r->tcp_retransmits += foreign_difference(b->counters[i].tcp_retransmits,
		                                         a->counters[i].tcp_retransmits);
}

static json_t *queue_len(const struct netns_counters *c)
{
	return c->tunnel_tx_queue_len < 0 ? json_null() : json_integer(c->tunnel_tx_queue_len);
}

static json_t *drops(const struct netns_counters *b, const struct netns_counters *a)
{
	const struct {
		const char *name;
		unsigned long long before, after;
	} rows[] = {
	    {"tunnel_rx", b->tunnel.rx_dropped, a->tunnel.rx_dropped},
	    {"tunnel_tx", b->tunnel.tx_dropped, a->tunnel.tx_dropped},
	    {"outer_rx", b->veth.rx_dropped, a->veth.rx_dropped},
	    {"outer_tx", b->veth.tx_dropped, a->veth.tx_dropped},
	    {"udp_receive_buffer", b->udp_receive_buffer_errors, a->udp_receive_buffer_errors},
	    {"udp_send_buffer", b->udp_send_buffer_errors, a->udp_send_buffer_errors},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		json_object_set_new(
		    object, rows[i].name,
		    foreign_count(foreign_difference(rows[i].before, rows[i].after)));
	return object;
}

static json_t *megahertz(const struct accounting_snapshot *a)
{
	return a->cpu_mhz > 0 ? json_real(a->cpu_mhz) : json_string("not reported");
}

json_t *accounting_json(const struct accounting_result *r, const struct accounting_snapshot *before,
                        const struct accounting_snapshot *after)
{
	json_t *object = json_pack(
	    "{sfsfsf sososososo s{soso}s{soso}}", "idle_tunnels_cpu_s", r->idle_tunnels_cpu_s,
	    "foreign_cpu_s", r->foreign_cpu_s, "kernel_threads_cpu_s", r->kernel_cpu_s, "steal_s",
	    r->steal_reported ? json_real(r->steal_s) : json_string("not reported"),
	    "cpu_pressure_s",
	    after->pressure_ns ? json_real(r->pressure_s) : json_string("not reported"),
	    "context_switches_per_s", output_number(r->switches_per_s), "tcp_retransmits",
	    foreign_count(r->tcp_retransmits), "tunnel_tx_packets",
	    foreign_count(foreign_difference(before->counters[0].tunnel.tx_packets,
	                                     after->counters[0].tunnel.tx_packets) +
	                  foreign_difference(before->counters[1].tunnel.tx_packets,
	                                     after->counters[1].tunnel.tx_packets)),
	    "drops", "left", drops(&before->counters[0], &after->counters[0]), "right",
	    drops(&before->counters[1], &after->counters[1]), "tunnel_tx_queue_len", "left",
	    queue_len(&after->counters[0]), "right", queue_len(&after->counters[1]));
	json_t *machine = json_pack(
	    "{sf so so s[oo]}", "harness_cpu_s", r->harness_cpu_s, "other_packets",
	    foreign_count(r->other_packets), "thermal_throttles",
	    after->throttles_reported ? json_integer(r->throttles) : json_string("not reported"),
	    "cpu_mhz", megahertz(before), megahertz(after));

	json_object_update(object, machine);
	json_decref(machine);
	return object;
}

const char *accounting_contamination(const struct accounting_result *r, char *reason, size_t bytes)
{
	if (r->foreign_share > ACCOUNTING_LIMIT)
		snprintf(reason, bytes,
		         "other processes took %.1f %% of the machine, the heaviest: %s, %.1f %%",
		         r->foreign_share * 100, r->culprit, r->culprit_share * 100);
	else if (r->steal_reported && r->steal_share > ACCOUNTING_LIMIT)
		snprintf(reason, bytes, "the hypervisor stole %.1f %% of the machine",
		         r->steal_share * 100);
	else if (r->traffic_share > ACCOUNTING_LIMIT)
		snprintf(reason, bytes, "%.0f packets of others passed", r->other_packets);
	else if (r->throttles)
		snprintf(reason, bytes, "the CPUs were throttled for heat, %llu times",
		         (unsigned long long)r->throttles);
	else
		return NULL;
	return reason;
}
