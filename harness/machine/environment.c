#include "harness/machine/environment.h"

#include "base/argv.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/machine/environment_process.h"
#include "harness/machine/primitive_costs.h"
#include "netns/owner.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

extern const char wgbench_revision[], wgbench_profile[], wgbench_measuring[];

enum { COMMAND_MS = 10000 };

// What moves throughput or delay of a tunnel and differs between machines.
static const char *const sysctls[] = {
    "kernel.numa_balancing",
    "kernel.randomize_va_space",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_rt_runtime_us",
    "kernel.timer_migration",
    "kernel.watchdog",
    "net.core.busy_poll",
    "net.core.default_qdisc",
    "net.core.gro_normal_batch",
    "net.core.netdev_budget",
    "net.core.netdev_budget_usecs",
    "net.core.netdev_max_backlog",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.rps_sock_flow_entries",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_wmem",
    "net.ipv4.udp_mem",
};

#define CPUS "/sys/devices/system/cpu/"
static const struct {
	const char *key, *path;
} lines[] = {
    {"cpus_online", CPUS "online"},
    {"cpus_isolated", CPUS "isolated"},
    {"cpus_tickless", CPUS "nohz_full"},
    {"smt", CPUS "smt/control"},
    {"frequency_driver", CPUS "cpu0/cpufreq/scaling_driver"},
    {"frequency_governor", CPUS "cpu0/cpufreq/scaling_governor"},
    {"frequency_least_khz", CPUS "cpu0/cpufreq/scaling_min_freq"},
    {"frequency_greatest_khz", CPUS "cpu0/cpufreq/scaling_max_freq"},
    {"frequency_preference", CPUS "cpu0/cpufreq/energy_performance_preference"},
    {"frequency_boost", CPUS "cpufreq/boost"},
    {"frequency_no_turbo", CPUS "intel_pstate/no_turbo"},
    {"idle_driver", CPUS "cpuidle/current_driver"},
    {"idle_governor", CPUS "cpuidle/current_governor"},
    {"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
    {"numa_nodes", "/sys/devices/system/node/online"},
    {"preemption", "/sys/kernel/debug/sched/preempt"},
    {"huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled"},
    {"machine_vendor", "/sys/class/dmi/id/sys_vendor"},
    {"machine", "/sys/class/dmi/id/product_name"},
};

static const struct {
	const char *key, *field;
} cpu_fields[] = {
    {"cpu_model", "model name"},  {"cpu_family", "cpu family"}, {"cpu_model_number", "model"},
    {"cpu_stepping", "stepping"}, {"cpu_cache", "cache size"},  {"microcode", "microcode"},
};

// What ciphers and copies choose their code by.
static const char *const cpu_flags[] = {
    "aes",       "avx",    "avx2",         "avx512bw",   "avx512f", "avx512ifma",
    "avx512vl",  "bmi2",   "constant_tsc", "erms",       "fsrm",    "nonstop_tsc",
    "pclmulqdq", "rdtscp", "vaes",         "vpclmulqdq",
};

// Words of the kernel's command line, whole or up to '='. The others may name disks and hosts.
static const char *const boot_words[] = {
    "clocksource",
    "idle",
    "intel_idle.max_cstate",
    "intel_pstate",
    "isolcpus",
    "mitigations",
    "nohz_full",
    "nopti",
    "nosmt",
    "preempt",
    "processor.max_cstate",
    "rcu_nocbs",
    "threadirqs",
    "transparent_hugepage",
};

// Debian's names, as patterns, since a library's number and what follows it differ between releases
// (libssl3, libssl3t64). The program that measures and those that are measured use them.
static const char *const packages[] = {
    "iperf3",       "iproute2",       "iputils-ping",      "libb2-[0-9]*",    "libc6",
    "libck[0-9]*",  "libhwloc[0-9]*", "libipsec-mb[0-9]*", "libmnl[0-9]*",    "libsodium[0-9]*",
    "libssl[0-9]*", "liburcu[0-9]*",  "wireguard-go",      "wireguard-tools",
};
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static char *take_line(const char *from)
{
	return text_format("%.*s", (int)strcspn(from, "\n"), from);
}

char *environment_read_line(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = f && getline(&line, &room, f) > 0;
	char *taken = take_line(found ? line : "");

	free(line);
	if (f)
		fclose(f);
	return taken;
}

// The value after `FIELD:` in a line, or NULL.
static const char *find_value(const char *line, const char *field)
{
	size_t length = strlen(field);

	if (strncmp(line, field, length))
		return NULL;
	line += length + strspn(line + length, " \t");
	return *line == ':' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

char *environment_read_field(const char *path, const char *field)
{
	FILE *f = fopen(path, "re");
	const char *value = NULL;
	char *line = NULL;
	size_t room = 0;

	while (f && !value && getline(&line, &room, f) > 0)
		value = find_value(line, field);
	char *taken = take_line(value ? value : "");
	free(line);
	if (f)
		fclose(f);
	return taken;
}

char *environment_program_line(const char *const argv[])
{
	struct process_text text;
	int ret = process_run(argv, PROCESS_HERE, NULL, COMMAND_MS, &text);
	char *line = take_line(ret < 0 ? "" : *text.out ? text.out : text.err);

	process_text_free(&text);
	return line;
}

double environment_steal_s(void)
{
	char *line = environment_read_line("/proc/stat");
	unsigned long long steal = 0;

	sscanf(line, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal);
	free(line);
	return (double)steal / sysconf(_SC_CLK_TCK);
}

void environment_set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(*text ? text : "not reported"));
}

void environment_take(json_t *object, const char *key, char *text)
{
	environment_set(object, key, text);
	free(text);
}

// The signature that a hypervisor leaves in CPUID, such as KVMKVMKVM.
static char *name_hypervisor(void)
{
#ifdef __x86_64__
	unsigned most, part[3];

	__cpuid(0x40000000, most, part[0], part[1], part[2]);
	(void)most;
	return text_format("%.12s", (const char *)part);
#else
	return text_format("%s", "");
#endif
}

static json_t *read_boot_words(void)
{
	char *line = environment_read_line("/proc/cmdline"), *rest = line;
	json_t *words = json_array();

	for (char *word; (word = strsep(&rest, " "));)
		for (size_t i = 0; i < LENGTH(boot_words); i++) {
			size_t length = strcspn(word, "=");

			if (length == strlen(boot_words[i]) &&
			    !strncmp(word, boot_words[i], length))
				json_array_append_new(words, json_string(word));
		}
	free(line);
	return words;
}

// Empty where there is no dpkg.
static json_t *read_packages(void)
{
	json_t *object = json_object();
	struct process_text text;
	struct argv argv = {0};

	argv_add_all(&argv, "dpkg-query", "-W", "-f",
	             "${db:Status-Status} ${Package} ${Version}\\n", NULL);
	for (size_t i = 0; i < LENGTH(packages); i++)
		argv_add(&argv, packages[i]);
	process_run(argv_words(&argv), PROCESS_HERE, NULL, COMMAND_MS, &text);
	argv_free(&argv);
	for (char *rest = text.out, *line; (line = strsep(&rest, "\n"));) {
		const char *status = strsep(&line, " "), *name = strsep(&line, " ");

		if (line && !strcmp(status, "installed"))
			json_object_set_new(object, name, json_string(line));
	}
	process_text_free(&text);
	return object;
}

// Sets a field to a file's first line, if that isn't empty. Frees the path.
static void set_line_of(json_t *object, const char *key, char *path)
{
	char *line = environment_read_line(path);

	if (*line)
		json_object_set_new(object, key, json_string(line));
	free(line);
	free(path);
}

static void add_sysctls(json_t *object)
{
	for (size_t i = 0; i < LENGTH(sysctls); i++) {
		char *path = path_join("/proc/sys", sysctls[i]);

		for (char *dot = path; (dot = strchr(dot, '.'));)
			*dot = '/';
		set_line_of(object, sysctls[i], path);
	}
}

json_t *environment_sysctls(int ns)
{
	json_t *object = json_object();
	int home;

	// What a namespace doesn't have of its own is the machine's.
	add_sysctls(object);
	if (ns >= 0 && !owner_enter_namespace(ns, &home)) {
		add_sysctls(object);
		owner_leave_namespace(home);
	}
	return object;
}

static json_t *read_mitigations(void)
{
	static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
	json_t *object = json_object();
	DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			set_line_of(object, e->d_name, path_join(folder, e->d_name));
	if (d)
		closedir(d);
	return object;
}

static json_t *read_costs(void)
{
	struct primitive_costs c;

	primitive_costs_measure(&c);
	return json_pack("{sfsfsfsf}", "syscall_ns", c.syscall_ns, "wakeup_same_cpu_us",
	                 c.wakeup_same_us, "wakeup_across_cpus_us", c.wakeup_across_us,
	                 "copy_gbyte_per_s", c.copy_gbyte_per_s);
}

static json_t *read_cpu_flags(const char *flags)
{
	json_t *object = json_object();

	for (size_t i = 0; i < LENGTH(cpu_flags); i++)
		json_object_set_new(object, cpu_flags[i],
		                    json_boolean(text_has_word(flags, " ", cpu_flags[i])));
	return object;
}

static void add_cpu(json_t *object)
{
	static const char info[] = "/proc/cpuinfo";

	for (size_t i = 0; i < LENGTH(cpu_fields); i++)
		environment_take(object, cpu_fields[i].key,
		                 environment_read_field(info, cpu_fields[i].field));
	char *flags = environment_read_field(info, "flags");
	bool guest = text_has_word(flags, " ", "hypervisor");
	json_object_set_new(object, "cpu_flags", read_cpu_flags(flags));
	free(flags);
	json_object_set_new(object, "hypervisor", json_boolean(guest));
	environment_take(object, "hypervisor_signature",
	                 guest ? name_hypervisor() : text_format("%s", ""));
	json_object_set_new(object, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
}

static void add_programs(json_t *object)
{
	static const char *const programs[] = {"iperf3", "wg"};

	for (size_t i = 0; i < LENGTH(programs); i++) {
		const char *const argv[] = {programs[i], "--version", NULL};

		environment_take(object, programs[i], environment_program_line(argv));
	}
	json_object_set_new(object, "packages", read_packages());
}

json_t *environment_collect(void)
{
	json_t *object = json_object();
	struct utsname name;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	environment_set(object, "kernel", name.release);
	environment_set(object, "kernel_build", name.version);
	environment_set(object, "architecture", name.machine);
	add_cpu(object);
	environment_add_process(object);
	for (size_t i = 0; i < LENGTH(lines); i++)
		environment_take(object, lines[i].key, environment_read_line(lines[i].path));
	json_object_set_new(
	    object, "memory_bytes",
	    json_integer((json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)));
	json_object_set_new(object, "steal",
	                    json_string(environment_steal_s() > 0 ? "reported" : "not reported"));
	json_object_set_new(object, "prices", read_costs());
	json_object_set_new(object, "boot_words", read_boot_words());
	json_object_set_new(object, "mitigations", read_mitigations());
	json_object_set_new(object, "sysctls", environment_sysctls(PROCESS_HERE));
	add_programs(object);
	environment_set(object, "harness_revision", wgbench_revision);
	environment_set(object, "harness_profile", wgbench_profile);
	environment_set(object, "harness_measuring", wgbench_measuring);
	return object;
}
