#include "harness/environment.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness/prices.h"
#include "harness/process.h"

extern const char wgbench_revision[], wgbench_profile[];

enum { COMMAND_MS = 10000 };

// What moves throughput or delay of a tunnel and differs between machines.
static const char *const sysctls[] = {
    "net.core.rmem_max",           "net.core.wmem_max",      "net.core.netdev_budget",
    "net.core.netdev_max_backlog", "net.core.default_qdisc", "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",           "net.ipv4.tcp_wmem",      "kernel.sched_autogroup_enabled",
};

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

static bool has_hypervisor(void)
{
	char flags[8192];

	return strstr(environment_cpu_field("flags", flags, sizeof(flags)), " hypervisor");
}

static json_t *read_sysctls(void)
{
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(sysctls) / sizeof(*sysctls); i++) {
		char path[128], line[128];

		snprintf(path, sizeof(path), "/proc/sys/%s", sysctls[i]);
		for (char *dot = path + strlen("/proc/sys/"); (dot = strchr(dot, '.'));)
			*dot = '/';
		if (environment_read_line(path, line, sizeof(line))[0])
			json_object_set_new(object, sysctls[i], json_string(line));
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
	set_line(object, "cpu_model", environment_cpu_field("model name", line, sizeof(line)));
	json_object_set_new(object, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	set_line(object, "microcode", environment_cpu_field("microcode", line, sizeof(line)));
	set_line(object, "frequency_governor",
	         environment_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
	                               line, sizeof(line)));
	set_line(object, "clocksource",
	         environment_read_line(
	             "/sys/devices/system/clocksource/clocksource0/current_clocksource", line,
	             sizeof(line)));
	json_object_set_new(
	    object, "memory_bytes",
	    json_integer((json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)));
	json_object_set_new(object, "hypervisor", json_boolean(has_hypervisor()));
	json_object_set_new(object, "steal",
	                    json_string(environment_steal_s() > 0 ? "reported" : "not reported"));
	json_object_set_new(object, "prices", read_prices());
	json_object_set_new(object, "mitigations", read_mitigations());
	json_object_set_new(object, "sysctls", read_sysctls());
	set_line(object, "iperf3",
	         environment_program_line((const char *const[]){"iperf3", "--version", NULL}, line,
	                                  sizeof(line)));
	set_line(object, "wg",
	         environment_program_line((const char *const[]){"wg", "--version", NULL}, line,
	                                  sizeof(line)));
	set_line(object, "harness_revision", wgbench_revision);
	set_line(object, "harness_profile", wgbench_profile);
	return object;
}
