// A limit binds wherever it stands: every group from the process's own up to the top of the mount
// is asked. Within a container that top is the container's.
#include "harness/machine/cgroup.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, UNLIMITED_BITS = 62 }; // version 1 says LONG_MAX in whole pages

struct mount {
	bool unified; // version 2
	char root[PATH_BYTES], point[PATH_BYTES], options[1024];
};

static double read_number(const char *dir, const char *file, int field)
{
	char path[2 * PATH_BYTES], line[128], *rest = line, *word = NULL, *end;
	FILE *f;
	double number;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	if (!f)
		return NAN;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	for (int i = 0; i <= field; i++)
		word = strsep(&rest, " \n");
	number = word ? strtod(word, &end) : NAN;
	return word && end != word ? number : NAN; // "max" is no number
}

static double tighter(double a, double b)
{
	return b >= 0 && b < ldexp(1, UNLIMITED_BITS) ? fmin(a, b) : a;
}

static void read_group(struct cgroup *c, const struct mount *m, const char *dir)
{
	double weight = read_number(dir, m->unified ? "cpu.weight" : "cpu.shares", 0);

	if (m->unified) {
		c->cpus = tighter(c->cpus,
		                  read_number(dir, "cpu.max", 0) / read_number(dir, "cpu.max", 1));
		c->memory_bytes = tighter(c->memory_bytes, read_number(dir, "memory.max", 0));
		c->memory_bytes = tighter(c->memory_bytes, read_number(dir, "memory.high", 0));
	} else {
		c->cpus = tighter(c->cpus, read_number(dir, "cpu.cfs_quota_us", 0) /
		                               read_number(dir, "cpu.cfs_period_us", 0));
		c->memory_bytes =
		    tighter(c->memory_bytes, read_number(dir, "memory.limit_in_bytes", 0));
	}
	if (!c->cpu_weight && weight > 0 && weight != (m->unified ? 100 : 1024))
		c->cpu_weight = weight;
}

// Ends at the mount itself.
static void read_groups(struct cgroup *c, const struct mount *m, const char *root,
                        const char *group)
{
	char dir[2 * PATH_BYTES];
	size_t length = strlen(m->root), top;

	if (strcmp(m->root, "/") && !strncmp(group, m->root, length))
		group += length;
	if (strstr(group, "/..")) // outside of what is mounted here
		group = "";
	top = snprintf(dir, sizeof(dir), "%s%s", root, m->point);
	snprintf(dir + top, sizeof(dir) - top, "%s", strcmp(group, "/") ? group : "");
	for (;;) {
		read_group(c, m, dir);
		if (strlen(dir) <= top)
			return;
		*strrchr(dir, '/') = 0;
	}
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (; *words; words += strcspn(words, ",\n"), words += *words == ',')
		if (strcspn(words, ",\n") == length && !strncmp(words, word, length))
			return true;
		else if (*words == '\n')
			return false;
	return false;
}

static bool is_of(const struct mount *m, const char *controllers)
{
	static const char *const names[] = {"cpu", "memory"};

	if (m->unified)
		return !*controllers;
	for (int i = 0; i < 2; i++)
		if (has_word(controllers, names[i]) && has_word(m->options, names[i]))
			return true;
	return false;
}

// Lines of /proc/self/cgroup: ID:CONTROLLERS:GROUP.
static void read_mount(struct cgroup *c, const struct mount *m, const char *root)
{
	char path[PATH_BYTES], *line = NULL;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		char *rest = line, *controllers;

		strsep(&rest, ":");
		controllers = strsep(&rest, ":");
		if (!rest || !is_of(m, controllers))
			continue;
		rest[strcspn(rest, "\n")] = 0;
		read_groups(c, m, root, rest);
	}
	free(line);
	if (f)
		fclose(f);
}

// A line of /proc/self/mountinfo.
static bool parse_mount(struct mount *m, const char *line)
{
	const char *kind = strstr(line, " - cgroup");

	if (!kind || sscanf(line, "%*s %*s %*s %4095s %4095s", m->root, m->point) != 2 ||
	    sscanf(kind, " - %*s %*s %1023s", m->options) != 1)
		return false;
	m->unified = !strncmp(kind, " - cgroup2 ", 11);
	return true;
}

void cgroup_read(struct cgroup *c, const char *root)
{
	char path[PATH_BYTES], *line = NULL;
	struct mount m;
	size_t room = 0;
	FILE *f;

	*c = (struct cgroup){.cpus = INFINITY, .memory_bytes = INFINITY};
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0)
		if (parse_mount(&m, line))
			read_mount(c, &m, root);
	free(line);
	if (f)
		fclose(f);
}
