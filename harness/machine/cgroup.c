// A limit binds wherever it stands: every group from the process's own up to the top of the mount
// is asked. Within a container that top is the container's.
#include "harness/machine/cgroup.h"

#include "base/path.h"
#include "base/text.h"
#include "harness/machine/environment.h"

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
	char *path = path_join(dir, file), *line = environment_read_line(path);
	char *rest = line, *word = NULL, *end;
	double number = NAN;

	for (int i = 0; i <= field; i++)
		word = strsep(&rest, " ");
	if (word) {
		number = strtod(word, &end);
		number = end == word ? NAN : number; // "max"
	}
	free(line);
	free(path);
	return number;
}

static double take_tighter(double a, double b)
{
	return b >= 0 && b < ldexp(1, UNLIMITED_BITS) ? fmin(a, b) : a;
}

static void read_group(struct cgroup *c, const struct mount *m, const char *dir)
{
	double weight = read_number(dir, m->unified ? "cpu.weight" : "cpu.shares", 0);

	if (m->unified) {
		c->cpus = take_tighter(c->cpus, read_number(dir, "cpu.max", 0) /
		                                    read_number(dir, "cpu.max", 1));
		c->memory_bytes = take_tighter(c->memory_bytes, read_number(dir, "memory.max", 0));
		c->memory_bytes = take_tighter(c->memory_bytes, read_number(dir, "memory.high", 0));
	} else {
		c->cpus = take_tighter(c->cpus, read_number(dir, "cpu.cfs_quota_us", 0) /
		                                    read_number(dir, "cpu.cfs_period_us", 0));
		c->memory_bytes =
		    take_tighter(c->memory_bytes, read_number(dir, "memory.limit_in_bytes", 0));
	}
	if (!c->cpu_weight && weight > 0 && weight != (m->unified ? 100 : 1024))
		c->cpu_weight = weight;
}

// Ends at the mount itself.
static void read_groups(struct cgroup *c, const struct mount *m, const char *root,
                        const char *group)
{
	size_t length = strlen(m->root), top;
	struct text dir = {0};

	if (strcmp(m->root, "/") && !strncmp(group, m->root, length))
		group += length;
	if (strstr(group, "/..")) // outside of what is mounted here
		group = "";
	text_set(&dir, "%s%s", root, m->point);
	top = dir.length;
	text_add(&dir, "%s", strcmp(group, "/") ? group : "");
	read_group(c, m, text_string(&dir));
	while (dir.length > top) {
		text_cut(&dir, strrchr(dir.bytes, '/') - dir.bytes);
		read_group(c, m, text_string(&dir));
	}
	text_free(&dir);
}

static bool has_controllers(const struct mount *m, const char *controllers)
{
	static const char *const names[] = {"cpu", "memory"};

	if (m->unified)
		return !*controllers;
	for (int i = 0; i < 2; i++)
		if (text_has_word(controllers, ",", names[i]) &&
		    text_has_word(m->options, ",", names[i]))
			return true;
	return false;
}

static FILE *open_own(const char *root, const char *name)
{
	char *path = text_format("%s/proc/self/%s", root, name);
	FILE *f = fopen(path, "re");

	free(path);
	return f;
}

// Lines of /proc/self/cgroup: ID:CONTROLLERS:GROUP.
static void read_mount(struct cgroup *c, const struct mount *m, const char *root)
{
	FILE *f = open_own(root, "cgroup");
	char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		char *rest = line, *controllers;

		strsep(&rest, ":");
		controllers = strsep(&rest, ":");
		if (!rest || !has_controllers(m, controllers))
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
	FILE *f = open_own(root, "mountinfo");
	char *line = NULL;
	struct mount m;
	size_t room = 0;

	*c = (struct cgroup){.cpus = INFINITY, .memory_bytes = INFINITY};
	while (f && getline(&line, &room, f) > 0)
		if (parse_mount(&m, line))
			read_mount(c, &m, root);
	free(line);
	if (f)
		fclose(f);
}
