// `wgbench doctor`: one row for each thing that a measurement may want, tried here and now.
#include "base/file.h"
#include "base/foreign.h"
#include "base/process.h"
#include "harness/command.h"
#include "harness/machine/cgroup.h"
#include "harness/machine/environment.h"
#include "harness/machine/primitive_costs.h"
#include "harness/machine/probe.h"
#include "harness/options.h"
#include "harness/show/table.h"
#include "harness/spec/parse.h"

#include <dirent.h>
#include <jansson.h>
#include <linux/perf_event.h>
#include <math.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LOAD_MS = 500 };

static const char *const state_names[] = {"no", "yes", "unavailable"};

// Adds a row {name, state, detail, help}; help is shown only where the state isn't "yes".
static void add(json_t *rows, const char *name, enum probe_state state, const char *help,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
static void add(json_t *rows, const char *name, enum probe_state state, const char *help,
                const char *format, ...)
{
	char detail[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	json_array_append_new(rows,
	                      json_pack("{ss ss ss ss}", "name", name, "state", state_names[state],
	                                "detail", detail, "help", state == PROBE_YES ? "" : help));
}

static void add_result(json_t *rows, const char *name, const struct probe_result *r,
                       const char *help)
{
	add(rows, name, r->state, r->state == PROBE_UNKNOWN ? "run it as root" : help, "%s",
	    r->detail);
}

static void examine_cpu(json_t *rows)
{
	char line[1024];

	add(rows, "CPUs", PROBE_YES, "", "%ld online, %s", sysconf(_SC_NPROCESSORS_ONLN),
	    environment_cpu_field("model name", line, sizeof(line)));
	environment_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", line,
	                      sizeof(line));
	add(rows, "frequency governor", line[0] ? PROBE_YES : PROBE_NO,
	    "nothing inside a virtual machine; its host decides", "%s",
	    line[0] ? line : "not visible");
}

// What wgbench was granted of them; its children inherit it.
static void examine_grant(json_t *rows)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int nice = getpriority(PRIO_PROCESS, 0), allowed = 0;
	struct cgroup c;
	char quota[32] = "none";
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		allowed = CPU_COUNT(&set);
	cgroup_read(&c, "");
	if (isfinite(c.cpus))
		snprintf(quota, sizeof(quota), "%.3g CPUs", c.cpus);
	add(rows, "all of the machine",
	    allowed == online && isinf(c.cpus) && !nice ? PROBE_YES : PROBE_NO,
	    "run it without taskset and nice, outside of a control group with a quota",
	    "%d of %ld CPUs, quota %s, nice %d", allowed, online, quota, nice);
}

static void examine_prices(json_t *rows)
{
	struct prices p;

	prices_measure(&p);
	add(rows, "price of a system call", PROBE_YES, "", "%.0f ns", p.syscall_ns);
	add(rows, "price of two wake-ups", PROBE_YES, "", "%.1f µs on one CPU, %.1f µs across two",
	    p.wakeup_same_us, p.wakeup_across_us);
	add(rows, "price of a copy", PROBE_YES, "", "64 KB at %.0f GB/s", p.copy_gbyte_per_s);
}

static void examine_counters(json_t *rows)
{
	static const struct {
		const char *name, *help;
		uint32_t type;
		uint64_t config;
	} counters[] = {
	    {"PMU: cycles", "a machine, or a guest, whose PMU is exposed", PERF_TYPE_HARDWARE,
	     PERF_COUNT_HW_CPU_CYCLES},
	    {"PMU: instructions", "likewise", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	    {"PMU: cache misses", "likewise", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	    {"software: task clock", "lower /proc/sys/kernel/perf_event_paranoid",
	     PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	    {"software: context switches", "lower /proc/sys/kernel/perf_event_paranoid",
	     PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		struct probe_result r;

		probe_counter(&r, counters[i].type, counters[i].config);
		if (r.state != PROBE_YES)
			add(rows, counters[i].name, PROBE_UNKNOWN, counters[i].help,
			    "not supported here: %s", r.detail);
		else
			add_result(rows, counters[i].name, &r, "");
	}
	struct stat st;
	bool mounted = !stat("/sys/kernel/tracing/events", &st);
	add(rows, "tracefs", mounted ? PROBE_YES : PROBE_NO,
	    "mount -t tracefs nodev /sys/kernel/tracing", "%s",
	    mounted ? "tracepoints can be counted" : "not mounted at /sys/kernel/tracing");
}

static void examine_offloads(json_t *rows, int ns)
{
	static const struct {
		const char *name, *help;
	} tun[] = {
	    [PROBE_TUN_DEVICE] = {"TUN device", "load the module tun, make /dev/net/tun visible"},
	    [PROBE_TUN_VNET] = {"TUN vnet header", "a newer kernel"},
	    [PROBE_TUN_TSO] = {"TUN TSO offload", "a newer kernel"},
	    [PROBE_TUN_USO] = {"TUN USO offload", "Linux 6.2 or newer"},
	    [PROBE_TUN_NAPI] = {"TUN NAPI", "Linux 4.15 or newer"},
	    [PROBE_TUN_QUEUES] = {"TUN queues", "Linux 3.8 or newer"},
	};
	static const struct {
		const char *name, *help;
		int level, option;
	} udp[] = {
	    {"UDP_SEGMENT (GSO)", "Linux 4.18 or newer", SOL_UDP, UDP_SEGMENT},
	    {"UDP_GRO", "Linux 5.0 or newer", SOL_UDP, UDP_GRO},
	    {"SO_REUSEPORT", "Linux 3.9 or newer", SOL_SOCKET, SO_REUSEPORT},
	};
	struct probe_result r;

	for (size_t i = 0; i < sizeof(tun) / sizeof(*tun); i++) {
		probe_tun(&r, ns, i);
		add_result(rows, tun[i].name, &r, tun[i].help);
	}
	for (size_t i = 0; i < sizeof(udp) / sizeof(*udp); i++) {
		probe_udp_option(&r, udp[i].level, udp[i].option);
		add_result(rows, udp[i].name, &r, udp[i].help);
	}
}

static void examine_qdiscs(json_t *rows, int ns)
{
	static const char *const tbf[] = {"tbf",  "rate",    "10mbit", "burst",
	                                  "10kb", "latency", "50ms",   NULL};
	static const char *const htb[] = {"htb", NULL},
	                         *const netem[] = {"netem", "delay", "1ms", NULL},
	                         *const fq_codel[] = {"fq_codel", NULL},
	                         *const codel[] = {"codel", NULL};
	static const struct {
		const char *name, *const *parameters;
	} qdiscs[] = {{"qdisc tbf", tbf},
	              {"qdisc htb", htb},
	              {"qdisc netem", netem},
	              {"qdisc fq_codel", fq_codel},
	              {"qdisc codel", codel}};

	for (size_t i = 0; i < sizeof(qdiscs) / sizeof(*qdiscs); i++) {
		struct probe_result r;

		probe_qdisc(&r, ns, qdiscs[i].parameters);
		add_result(rows, qdiscs[i].name, &r, "a kernel with this scheduler");
	}
	struct probe_result r;
	probe_ifb(&r, ns);
	add_result(rows, "IFB device", &r, "a kernel with CONFIG_IFB");
	probe_redirect(&r, ns);
	add_result(rows, "ingress redirection", &r,
	           "a kernel with qdisc ingress, classifier u32 and action mirred");
}

static void examine_external(json_t *rows)
{
	static const char *const names[] = {"kernel", "wireguard-go"};
	struct spec_catalog *catalog = calloc(1, sizeof(*catalog));
	bool loaded = catalog && !spec_catalog_load(catalog);

	for (size_t i = 0; loaded && i < 2; i++) {
		struct spec spec;
		char reason[256] = "", name[64];

		if (spec_parse(&spec, catalog, names[i]))
			continue;
		bool available = spec_available(&spec, catalog, reason, sizeof(reason));
		snprintf(name, sizeof(name), "tunnel %s", names[i]);
		add(rows, name, available ? PROBE_YES : PROBE_NO,
		    i ? "make external" : "a kernel with CONFIG_WIREGUARD", "%s", reason);
	}
	free(catalog);
}

static unsigned long long idle_ticks(void)
{
	char line[512];
	unsigned long long idle, iowait;

	environment_read_line("/proc/stat", line, sizeof(line));
	if (sscanf(line, "cpu %*u %*u %*u %llu %llu", &idle, &iowait) != 2)
		return FOREIGN_UNKNOWN;
	return idle + iowait;
}

static void examine_noise(json_t *rows)
{
	char line[256];
	double steal_s = environment_steal_s();
	bool pressure = environment_read_line("/proc/pressure/cpu", line, sizeof(line))[0];

	add(rows, "steal", steal_s > 0 ? PROBE_YES : PROBE_NO,
	    "nothing on bare metal; in a guest, a host that reports it",
	    steal_s > 0 ? "%.1f s since boot" : "zero since boot: not reported, or not shared",
	    steal_s);
	add(rows, "pressure (PSI)", pressure ? PROBE_YES : PROBE_NO, "boot with psi=1", "%s", line);
	unsigned long long before = idle_ticks();
	process_pause(LOAD_MS);
	double idle = foreign_difference(before, idle_ticks()) / sysconf(_SC_CLK_TCK) * 1000 /
	              LOAD_MS / sysconf(_SC_NPROCESSORS_ONLN);
	double busy = idle < 1 ? 1 - idle : 0;
	if (isnan(idle)) {
		add(rows, "quiet now", PROBE_NO, "a kernel with /proc/stat",
		    "idle time is not reported");
		return;
	}
	add(rows, "quiet now", busy < 0.05 ? PROBE_YES : PROBE_NO, "end what else runs here",
	    "CPUs %.0f %% busy over %d ms", busy * 100, LOAD_MS);
}

static void examine_programs(json_t *rows)
{
	static const struct {
		const char *name, *option, *package;
	} programs[] = {
	    {"ip", "-V", "iproute2"},
	    {"wg", "--version", "wireguard-tools"},
	    {"ping", "-V", "iputils-ping"},
	    {"iperf3", "--version", "iperf3"},
	    {"gnuplot", "--version", "gnuplot-nox"},
	    {"perf", "--version", "linux-perf"},
	    {"valgrind", "--version", "valgrind"},
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		const char *const argv[] = {programs[i].name, programs[i].option, NULL};
		char name[64], help[64], line[256] = "";
		bool there = process_available(programs[i].name);

		if (there)
			environment_program_line(argv, line, sizeof(line));
		snprintf(name, sizeof(name), "program %s", programs[i].name);
		snprintf(help, sizeof(help), "apt install %s", programs[i].package);
		add(rows, name, there ? PROBE_YES : PROBE_NO, help, "%s",
		    there ? line : "not in PATH");
	}
}

static json_t *examine(void)
{
	json_t *rows = json_array();
	struct utsname name;
	int ns = probe_namespace();

	if (!uname(&name))
		add(rows, "kernel", PROBE_YES, "", "%s", name.release);
	add(rows, "network namespaces", ns >= 0 ? PROBE_YES : PROBE_UNKNOWN, "run it as root", "%s",
	    ns >= 0 ? "" : strerror(-ns));
	examine_cpu(rows);
	examine_noise(rows);
	examine_grant(rows);
	examine_prices(rows);
	examine_counters(rows);
	examine_offloads(rows, ns);
	examine_qdiscs(rows, ns);
	examine_external(rows);
	examine_programs(rows);
	if (ns >= 0)
		close(ns);
	return rows;
}

static void print(const json_t *rows)
{
	static const struct table_column columns[] = {{"what", TABLE_LEFT},
	                                              {"state", TABLE_LEFT},
	                                              {"detail", TABLE_LEFT},
	                                              {"what would help", TABLE_LEFT}};
	struct table table;
	json_t *row;
	size_t i;

	table_init(&table, columns, 4);
	json_array_foreach(rows, i, row)
	{
		const char *state = json_string_value(json_object_get(row, "state"));

		table_add(&table, TABLE_PLAIN, "%s",
		          json_string_value(json_object_get(row, "name")));
		table_add(&table,
		          !strcmp(state, "yes")  ? TABLE_GREEN
		          : !strcmp(state, "no") ? TABLE_YELLOW
		                                 : TABLE_DIM,
		          "%s", state);
		table_add(&table, TABLE_PLAIN, "%s",
		          json_string_value(json_object_get(row, "detail")));
		table_add(&table, TABLE_PLAIN, "%s",
		          json_string_value(json_object_get(row, "help")));
	}
	table_print(&table, stdout);
	table_free(&table);
}

static int doctor_main(int argc, char **argv)
{
	bool as_json = false;
	const struct option_row rows[] = {
	    {"json", OPTION_FLAG, &as_json, NULL, "print it as JSON", 0, 0}};
	struct options_words words;
	int ret = options_parse(&doctor_command, rows, 1, argc, argv, &words, 0, 0);

	if (ret)
		return ret == OPTIONS_HELPED ? EXIT_NO_REGRESSION : EXIT_ERROR;
	json_t *found = examine();
	if (as_json)
		output_print_json(json_pack("{sO}", "checks", found));
	else
		print(found);
	json_decref(found);
	return EXIT_NO_REGRESSION;
}

const struct command doctor_command = {
    .name = "doctor",
    .main = doctor_main,
    .arguments = "",
    .summary = "Show what this machine can measure, and what would help",
    .help = "Each row is tried on the spot: 'no' says that this machine can't or doesn't,\n"
            "'unavailable' that a counter isn't there or that trying it isn't allowed to you.\n"
            "Network trials happen in a namespace of their own.\n"
            "\n"
            "Exit codes: 0 examined, whatever was found; 2 not.",
};
