// `wgbench doctor`: one row for each thing that a measurement may want, tried here and now.
#include "base/fields.h"
#include "base/file.h"
#include "base/foreign.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/machine/cgroup.h"
#include "harness/machine/environment.h"
#include "harness/machine/primitive_costs.h"
#include "harness/machine/probe.h"
#include "harness/options.h"
#include "harness/show/table.h"
#include "harness/spec/parse.h"

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

struct finding {
	const char *name, *help;
	char *detail; // owned
	enum probe_state state;
};

struct findings {
	size_t n, room;
	struct finding *finding;
};

// The help is shown only where the state isn't "yes".
static void add_finding(struct findings *all, const char *name, enum probe_state state,
                        const char *help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void add_finding(struct findings *all, const char *name, enum probe_state state,
                        const char *help, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *detail = text_format_list(format, arguments);
	va_end(arguments);
	all->finding = memory_more(all->finding, all->n, &all->room, sizeof(*all->finding));
	all->finding[all->n++] =
	    (struct finding){name, state == PROBE_YES ? "" : help, output_clean(detail), state};
	free(detail);
}

static void free_findings(struct findings *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->finding[i].detail);
	free(all->finding);
}

static void add_result(struct findings *all, const char *name, const struct probe_result *r,
                       const char *help)
{
	add_finding(all, name, r->state, r->state == PROBE_UNKNOWN ? "run it as root" : help, "%s",
	            r->detail);
}

static void examine_cpu(struct findings *all)
{
	char *model = environment_read_field("/proc/cpuinfo", "model name");
	char *governor =
	    environment_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");

	add_finding(all, "CPUs", PROBE_YES, "", "%ld online, %s", sysconf(_SC_NPROCESSORS_ONLN),
	            model);
	add_finding(all, "frequency governor", *governor ? PROBE_YES : PROBE_NO,
	            "nothing inside a virtual machine; its host decides", "%s",
	            *governor ? governor : "not visible");
	free(governor);
	free(model);
}

// What wgbench was granted of them; its children inherit it.
static void examine_grant(struct findings *all)
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
	add_finding(all, "all of the machine",
	            allowed == online && isinf(c.cpus) && !nice ? PROBE_YES : PROBE_NO,
	            "run it without taskset and nice, outside of a control group with a quota",
	            "%d of %ld CPUs, quota %s, nice %d", allowed, online, quota, nice);
}

static void examine_costs(struct findings *all)
{
	struct primitive_costs c;

	primitive_costs_measure(&c);
	add_finding(all, "cost of a system call", PROBE_YES, "", "%.0f ns", c.syscall_ns);
	add_finding(all, "cost of two wake-ups", PROBE_YES, "",
	            "%.1f µs on one CPU, %.1f µs across two", c.wakeup_same_us, c.wakeup_across_us);
	add_finding(all, "cost of a copy", PROBE_YES, "", "64 KB at %.0f GB/s", c.copy_gbyte_per_s);
}

static void examine_counters(struct findings *all)
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
			add_finding(all, counters[i].name, PROBE_UNKNOWN, counters[i].help,
			            "not supported here: %s", r.detail);
		else
			add_result(all, counters[i].name, &r, "");
	}
	struct stat st;
	bool mounted = !stat("/sys/kernel/tracing/events", &st);
	add_finding(all, "tracefs", mounted ? PROBE_YES : PROBE_NO,
	            "mount -t tracefs nodev /sys/kernel/tracing", "%s",
	            mounted ? "tracepoints can be counted" : "not mounted at /sys/kernel/tracing");
}

static void examine_offloads(struct findings *all, int ns)
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
		add_result(all, tun[i].name, &r, tun[i].help);
	}
	for (size_t i = 0; i < sizeof(udp) / sizeof(*udp); i++) {
		probe_udp_option(&r, udp[i].level, udp[i].option);
		add_result(all, udp[i].name, &r, udp[i].help);
	}
}

static void examine_qdiscs(struct findings *all, int ns)
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
		add_result(all, qdiscs[i].name, &r, "a kernel with this scheduler");
	}
	struct probe_result r;
	probe_ifb(&r, ns);
	add_result(all, "IFB device", &r, "a kernel with CONFIG_IFB");
	probe_redirect(&r, ns);
	add_result(all, "ingress redirection", &r,
	           "a kernel with qdisc ingress, classifier u32 and action mirred");
}

static void examine_external(struct findings *all)
{
	static const struct {
		const char *row, *spec, *help;
	} tunnels[] = {
	    {"tunnel kernel", "kernel", "a kernel with CONFIG_WIREGUARD"},
	    {"tunnel wireguard-go", "wireguard-go", "make external"},
	};
	struct spec_catalog *catalog = memory_new(1, sizeof(*catalog));
	bool loaded = !spec_catalog_load(catalog);

	for (size_t i = 0; loaded && i < sizeof(tunnels) / sizeof(*tunnels); i++) {
		struct text reason = {0};
		struct spec spec;

		if (spec_parse(&spec, catalog, tunnels[i].spec))
			continue;
		bool available = spec_available(&spec, catalog, &reason);
		add_finding(all, tunnels[i].row, available ? PROBE_YES : PROBE_NO, tunnels[i].help,
		            "%s", text_string(&reason));
		text_free(&reason);
	}
	spec_catalog_free(catalog);
	free(catalog);
}

static unsigned long long read_idle_ticks(void)
{
	char *line = environment_read_line("/proc/stat");
	unsigned long long idle, iowait;
	bool told = sscanf(line, "cpu %*u %*u %*u %llu %llu", &idle, &iowait) == 2;

	free(line);
	return told ? idle + iowait : FOREIGN_UNKNOWN;
}

static void examine_noise(struct findings *all)
{
	char *pressure = environment_read_line("/proc/pressure/cpu");
	double steal_s = environment_steal_s();

	add_finding(all, "steal", steal_s > 0 ? PROBE_YES : PROBE_NO,
	            "nothing on bare metal; in a guest, a host that reports it",
	            steal_s > 0 ? "%.1f s since boot"
	                        : "zero since boot: not reported, or not shared",
	            steal_s);
	add_finding(all, "pressure (PSI)", *pressure ? PROBE_YES : PROBE_NO, "boot with psi=1",
	            "%s", pressure);
	free(pressure);
	unsigned long long before = read_idle_ticks();
	process_pause(LOAD_MS);
	double idle = foreign_difference(before, read_idle_ticks()) / sysconf(_SC_CLK_TCK) * 1000 /
	              LOAD_MS / sysconf(_SC_NPROCESSORS_ONLN);
	double busy = idle < 1 ? 1 - idle : 0;
	if (isnan(idle)) {
		add_finding(all, "quiet now", PROBE_NO, "a kernel with /proc/stat",
		            "idle time is not reported");
		return;
	}
	add_finding(all, "quiet now", busy < 0.05 ? PROBE_YES : PROBE_NO, "end what else runs here",
	            "CPUs %.0f %% busy over %d ms", busy * 100, LOAD_MS);
}

static void examine_programs(struct findings *all)
{
	static const struct {
		const char *row, *name, *option, *help;
	} programs[] = {
	    {"program ip", "ip", "-V", "apt install iproute2"},
	    {"program wg", "wg", "--version", "apt install wireguard-tools"},
	    {"program ping", "ping", "-V", "apt install iputils-ping"},
	    {"program iperf3", "iperf3", "--version", "apt install iperf3"},
	    {"program gnuplot", "gnuplot", "--version", "apt install gnuplot-nox"},
	    {"program perf", "perf", "--version", "apt install linux-perf"},
	    {"program valgrind", "valgrind", "--version", "apt install valgrind"},
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		const char *const argv[] = {programs[i].name, programs[i].option, NULL};
		bool there = process_available(programs[i].name);
		char *line = there ? environment_program_line(argv) : text_format("not in PATH");

		add_finding(all, programs[i].row, there ? PROBE_YES : PROBE_NO, programs[i].help,
		            "%s", line);
		free(line);
	}
}

static void examine_machine(struct findings *all)
{
	struct utsname name;
	int ns = probe_namespace();

	if (!uname(&name))
		add_finding(all, "kernel", PROBE_YES, "", "%s", name.release);
	add_finding(all, "network namespaces", ns >= 0 ? PROBE_YES : PROBE_UNKNOWN,
	            "run it as root", "%s", ns >= 0 ? "" : strerror(-ns));
	examine_cpu(all);
	examine_noise(all);
	examine_grant(all);
	examine_costs(all);
	examine_counters(all);
	examine_offloads(all, ns);
	examine_qdiscs(all, ns);
	examine_external(all);
	examine_programs(all);
	if (ns >= 0)
		close(ns);
}

// ---- printing

static const char *const state_names[] = {
    [PROBE_NO] = "no", [PROBE_YES] = "yes", [PROBE_UNKNOWN] = "unavailable", NULL};
static const enum table_colour state_colours[] = {
    [PROBE_NO] = TABLE_YELLOW, [PROBE_YES] = TABLE_GREEN, [PROBE_UNKNOWN] = TABLE_DIM};

static const struct field finding_rows[] = {
    {"name", FIELD_TEXT, FIELD_IN(struct finding, name)},
    {"state", FIELD_WORD, FIELD_IN(struct finding, state), .words = state_names},
    {"detail", FIELD_TEXT, FIELD_IN(struct finding, detail)},
    {"help", FIELD_TEXT, FIELD_IN(struct finding, help)},
    {0},
};
static const struct field finding = {.kind = FIELD_OBJECT, .rows = finding_rows};
static const struct field rows_of_all[] = {
    {"checks", FIELD_ARRAY, FIELD_LIST(struct findings, finding, n), .rows = &finding},
    {0},
};

static void print_table(const struct findings *all)
{
	static const struct table_column columns[] = {{"what", TABLE_LEFT},
	                                              {"state", TABLE_LEFT},
	                                              {"detail", TABLE_LEFT},
	                                              {"what would help", TABLE_LEFT}};
	struct table table;

	table_init(&table, columns, 4);
	for (size_t i = 0; i < all->n; i++) {
		const struct finding *c = &all->finding[i];

		table_add(&table, TABLE_PLAIN, "%s", c->name);
		table_add(&table, state_colours[c->state], "%s", state_names[c->state]);
		table_add(&table, TABLE_PLAIN, "%s", c->detail);
		table_add(&table, TABLE_PLAIN, "%s", c->help);
	}
	table_print(&table, stdout);
	table_free(&table);
}

static int doctor_main(int argc, char **argv)
{
	bool as_json = false;
	const struct option_row rows[] = {
	    {"json", OPTION_FLAG, &as_json, .help = "print it as JSON"}};
	struct options options = {.command = &doctor_command, .rows = rows, .n = 1};
	struct options_words words;
	int ret = options_parse(&options, argc, argv, &words, 0, 0);

	if (ret)
		return ret == OPTIONS_HELPED ? EXIT_NO_REGRESSION : EXIT_ERROR;
	struct findings all = {0};
	examine_machine(&all);
	if (as_json)
		output_print_json(fields_write(&all, rows_of_all));
	else
		print_table(&all);
	free_findings(&all);
	return EXIT_NO_REGRESSION;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "examined, whatever was found"}, {EXIT_ERROR, "not examined"}, {0, NULL}};

const struct command doctor_command = {
    .name = "doctor",
    .main = doctor_main,
    .arguments = "",
    .summary = "Show what this machine can measure, and what would help",
    .help = "Each row is tried on the spot. 'no' means that this machine can't or doesn't do "
            "it; 'unavailable' means that there is no such counter, or that you may not try it. "
            "Network checks run in a namespace of their own.",
    .exits = exits,
};
