#include "harness/machine/environment.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness/machine/environment_process.h"
#include "harness/machine/primitive_costs.h"
#include "base/process.h"
#include "netns/owner.h"

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

const char *environment_read_line(const char *path, char *line, size_t bytes)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, bytes, f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
	return line;
}

const char *environment_cpu_field(const char *field, char *value, size_t bytes)
{
	char line[8192];
	FILE *f = fopen("/proc/cpuinfo", "re");

	value[0] = 0;
	while (f && !value[0] && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, field, strlen(field)) ||
		    !strchr("\t :", line[strlen(field)]))
			continue;
		colon += 1 + (colon[1] == ' ');
		colon[strcspn(colon, "\n")] = 0;
		snprintf(value, bytes, "%s", colon);
	}
	if (f)
		fclose(f);
	return value;
}

const char *environment_program_line(const char *const argv[], char *line, size_t bytes)
{
	struct process_text text;

	line[0] = 0;
	if (process_run(argv, PROCESS_HERE, NULL, COMMAND_MS, &text) >= 0 && text.out) {
		const char *said = text.out[0] ? text.out : text.err;
		snprintf(line, bytes, "%.*s", (int)strcspn(said, "\n"), said);
	}
	process_text_free(&text);
	return line;
}

double environment_steal_s(void)
{
	char line[512];
	unsigned long long steal = 0;

	environment_read_line("/proc/stat", line, sizeof(line));
	sscanf(line, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal);
	return (double)steal / sysconf(_SC_CLK_TCK);
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

// The signature that a hypervisor leaves in CPUID, such as KVMKVMKVM.
static void name_hypervisor(char *name, size_t bytes)
{
	name[0] = 0;
#ifdef __x86_64__
	unsigned most, part[3];

	__cpuid(0x40000000, most, part[0], part[1], part[2]);
	(void)most;
	snprintf(name, bytes, "%.12s", (const char *)part);
#endif
}

static json_t *read_boot_words(void)
{
	char line[4096], *rest = line;
	json_t *words = json_array();

	environment_read_line("/proc/cmdline", line, sizeof(line));
	for (char *word; (word = strsep(&rest, " "));)
		for (size_t i = 0; i < LENGTH(boot_words); i++) {
			size_t length = strcspn(word, "=");

			if (length == strlen(boot_words[i]) &&
			    !strncmp(word, boot_words[i], length))
				json_array_append_new(words, json_string(word));
		}
	return words;
}

// Empty where there is no dpkg.
static json_t *read_packages(void)
{
	const char *argv[4 + LENGTH(packages) + 1] = {
	    "dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n"};
	struct process_text text;
	json_t *object = json_object();
	char *line, *rest;

	memcpy(argv + 4, packages, sizeof(packages));
	process_run(argv, PROCESS_HERE, NULL, COMMAND_MS, &text);
	for (rest = text.out; (line = strsep(&rest, "\n"));) {
		const char *status = strsep(&line, " "), *name = strsep(&line, " ");

		if (line && !strcmp(status, "installed"))
			json_object_set_new(object, name, json_string(line));
	}
	process_text_free(&text);
	return object;
}

static void add_sysctls(json_t *object)
{
	for (size_t i = 0; i < LENGTH(sysctls); i++) {
		char path[128], line[128];

		snprintf(path, sizeof(path), "/proc/sys/%s", sysctls[i]);
		for (char *dot = path + strlen("/proc/sys/"); (dot = strchr(dot, '.'));)
			*dot = '/';
		if (environment_read_line(path, line, sizeof(line))[0])
			json_object_set_new(object, sysctls[i], json_string(line));
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

	for (struct dirent *e; d && (e = readdir(d));) {
		char path[512], line[256];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (environment_read_line(path, line, sizeof(line))[0])
			json_object_set_new(object, e->d_name, json_string(line));
	}
	if (d)
		closedir(d);
	return object;
}

static json_t *read_prices(void)
{
	struct prices p;

	prices_measure(&p);
	return json_pack("{sfsfsfsf}", "syscall_ns", p.syscall_ns, "wakeup_same_cpu_us",
	                 p.wakeup_same_us, "wakeup_across_cpus_us", p.wakeup_across_us,
	                 "copy_gbyte_per_s", p.copy_gbyte_per_s);
}

static void set_line(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value[0] ? value : "not reported"));
}

static json_t *read_cpu_flags(const char *flags)
{
	json_t *object = json_object();

	for (size_t i = 0; i < LENGTH(cpu_flags); i++)
		json_object_set_new(object, cpu_flags[i],
		                    json_boolean(has_word(flags, cpu_flags[i])));
	return object;
}

static void add_cpu(json_t *object)
{
	char line[8192];

	for (size_t i = 0; i < LENGTH(cpu_fields); i++)
		set_line(object, cpu_fields[i].key,
		         environment_cpu_field(cpu_fields[i].field, line, sizeof(line)));
	environment_cpu_field("flags", line, sizeof(line));
	json_object_set_new(object, "cpu_flags", read_cpu_flags(line));
	json_object_set_new(object, "hypervisor", json_boolean(has_word(line, "hypervisor")));
	if (has_word(line, "hypervisor"))
		name_hypervisor(line, sizeof(line));
	else
		line[0] = 0;
	set_line(object, "hypervisor_signature", line);
	json_object_set_new(object, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
}

static void add_programs(json_t *object)
{
	static const char *const programs[] = {"iperf3", "wg"};
	char line[1024];

	for (size_t i = 0; i < LENGTH(programs); i++) {
		const char *const argv[] = {programs[i], "--version", NULL};

		set_line(object, programs[i], environment_program_line(argv, line, sizeof(line)));
	}
	json_object_set_new(object, "packages", read_packages());
}

json_t *environment_collect(void)
{
	json_t *object = json_object();
	struct utsname name;
	char line[1024];

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	set_line(object, "kernel", name.release);
	set_line(object, "kernel_build", name.version);
	set_line(object, "architecture", name.machine);
	add_cpu(object);
	environment_add_process(object);
	for (size_t i = 0; i < LENGTH(lines); i++)
		set_line(object, lines[i].key,
		         environment_read_line(lines[i].path, line, sizeof(line)));
	json_object_set_new(
	    object, "memory_bytes",
	    json_integer((json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)));
	json_object_set_new(object, "steal",
	                    json_string(environment_steal_s() > 0 ? "reported" : "not reported"));
	json_object_set_new(object, "prices", read_prices());
	json_object_set_new(object, "boot_words", read_boot_words());
	json_object_set_new(object, "mitigations", read_mitigations());
	json_object_set_new(object, "sysctls", environment_sysctls(PROCESS_HERE));
	// Of the trials, whatever the system's default is.
	add_programs(object);
	set_line(object, "harness_revision", wgbench_revision);
	set_line(object, "harness_profile", wgbench_profile);
	set_line(object, "harness_measuring", wgbench_measuring);
	return object;
}
