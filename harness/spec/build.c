#include "base/argv.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/spec/git.h"
#include "harness/spec/parse.h"
#include "harness/spec/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char wgbench_profile[];

enum { MAKE_TIMEOUT_MS = 30 * 60 * 1000, TAIL_BYTES = 2000 };

// Two wgbench may build at once: only one makes. The descriptor to close, or -errno.
static int lock_builds(const char *root)
{
	char path[PATH_MAX + 32];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/build", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/build/.wgbench.lock", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0 && !flock(fd, LOCK_EX))
		return fd;
	ret = -errno;
	fprintf(stderr, "wgbench: %s: %s\n", path, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

// What is made, and how a message names it.
struct make {
	const char *target;
	char spec[SPEC_NAME_MAX + 8], layout[32]; // settings, or ""
	char what[SPEC_NAME_MAX + 16];
};

static void say_failed(const char *root, const struct make *m, const char *profile, int ret,
                       const char *err)
{
	size_t length = strlen(err);

	fprintf(stderr, "wgbench: %s cannot be built (%s) by make -C %s %s %s %s\n%s", m->what,
	        ret < 0 ? strerror(-ret) : "make failed", root, m->target, m->spec, profile,
	        length > TAIL_BYTES ? err + length - TAIL_BYTES : err);
}

// -EINVAL: make ended and failed.
static int run_make(const char *root, const struct make *m)
{
	char *profile = text_format("PROFILE=%s", wgbench_profile);
	struct process_text text;
	struct argv argv = {0};
	int ret;

	argv_add_option(&argv, "make", "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	argv_add_all(&argv, "-C", root, m->target, profile, NULL);
	if (*m->spec)
		argv_add(&argv, m->spec);
	if (*m->layout)
		argv_add(&argv, m->layout);
	ret = process_run(argv_words(&argv), PROCESS_HERE, NULL, MAKE_TIMEOUT_MS, &text);
	argv_free(&argv);
	if (ret)
		say_failed(root, m, profile, ret, text.err ? text.err : "");
	free(profile);
	process_text_free(&text);
	// A shell's codes for what didn't run, and a signal to make itself, are not the source's.
	return ret <= 0 ? ret : ret >= 126 ? -EIO : -EINVAL;
}

// ---- whose fault it is

// Says, once it is known, that the commit's source doesn't build, so that it is known next time.
static void name_note(const char *dir, const struct make *m, char path[PATH_MAX + 600])
{
	snprintf(path, PATH_MAX + 600, "%s/build/.no-%s-%s-%s%s%s", dir, wgbench_profile, m->target,
	         m->spec, *m->layout ? "-" : "", m->layout);
}

static void leave_note(const char *dir, const char *note)
{
	char build[PATH_MAX + 16];
	int fd;

	snprintf(build, sizeof(build), "%s/build", dir);
	mkdir(build, 0755);
	fd = open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
}

static int build_control(const struct spec *spec, const char *dir, const struct make *m)
{
	int ret = run_make(dir, m);

	if (ret != -EINVAL)
		return ret;
	fprintf(stderr,
	        "wgbench: the machine is at fault, not %.12s: %.12s, which could be built before, "
	        "can't be built in its place either; look for memory, space and limits\n",
	        spec->commit, spec->control);
	return -EIO;
}

// In a fresh work tree, first the control and then the commit; where that fails, the control once
// more, as the first may have used up what there was. 0: both can be built there.
static int build_beside(const struct spec *spec, const char *dir, const struct make *m)
{
	int ret = build_control(spec, dir, m), again;

	if (!ret)
		ret = spec_tree_switch(dir, spec->commit);
	if (!ret)
		ret = run_make(dir, m);
	if (ret != -EINVAL)
		return ret;
	again = spec_tree_switch(dir, spec->control);
	if (!again)
		again = build_control(spec, dir, m);
	return again ? again : ret;
}

// make failed in `dir`, the commit's work tree. -EINVAL: by its source; 0: it didn't in the end.
static int try_control(const struct spec *spec, const char *root, const char *dir,
                       const struct make *m)
{
	char beside[PATH_MAX], again[PATH_MAX], note[PATH_MAX + 600], name[80];
	int ret;

	name_note(dir, m, note);
	if (!access(note, F_OK))
		return -EINVAL;
	fprintf(stderr, "building %.12s in its place, to see whose fault that is\n", spec->control);
	snprintf(name, sizeof(name), "%s-control", spec->commit);
	ret = spec_tree_make(root, name, spec->control, beside);
	if (!ret)
		ret = build_beside(spec, beside, m);
	spec_tree_remove(root, beside);
	if (ret == -EINVAL)
		leave_note(dir, note);
	if (ret)
		return ret;
	// What lies in its own tree is of a build that was cut off.
	spec_tree_remove(root, dir);
	ret = spec_tree_make(root, spec->commit, spec->commit, again);
	if (!ret)
		ret = run_make(dir, m);
	return ret == -EINVAL ? -EIO : ret;
}

// ---- tunnels

// What is made of a tunnel.
struct product {
	const char *target, *file;
	const char *source; // NULL: every revision has it; else those that have this folder
};

static const struct product tunnel = {"tunnel", "wgbench-tunnel", NULL},
                            replay = {"replay", "wgbench-replay", "workloads/replay"};

static int check_source(const struct spec *spec, const char *root, const struct product *p)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", root, p->source);
	if (!access(path, F_OK))
		return 0;
	fprintf(stderr, "wgbench: %s: this revision is older than %s: give a later one\n",
	        spec->name, p->file);
	return -EINVAL;
}

// The revision of a tree that is built as it lies there.
static int read_revision(const char *root, char commit[64])
{
	static bool said;
	int ret = git_read_revision(root, root, commit);

	if (!ret && !strcmp(commit, "unknown") && !said) {
		said = true;
		fprintf(stderr,
		        "wgbench: %s has no .git, as if unpacked from an archive: its revision is "
		        "recorded as 'unknown'\n",
		        root);
	}
	return ret;
}

static int build_own(const struct spec *spec, const struct spec_catalog *c, const struct product *p,
                     unsigned layout, char program[4096], char commit[64])
{
	char root[PATH_MAX], folder[32] = "";
	struct make m = {.target = p->target};
	int ret;

	if (*spec->commit) {
		strcpy(commit, spec->commit);
		ret = spec_tree_make(c->root, commit, commit, root);
	} else {
		strcpy(root, c->root);
		ret = read_revision(root, commit);
	}
	snprintf(m.spec, sizeof(m.spec), "SPEC=%s", spec->build);
	snprintf(m.what, sizeof(m.what), "tunnel '%s'", spec->build);
	if (layout) {
		snprintf(m.layout, sizeof(m.layout), "LAYOUT=%u", layout);
		snprintf(folder, sizeof(folder), "/layout-%u", layout);
	}
	if (!ret && p->source)
		ret = check_source(spec, root, p);
	if (ret)
		return ret;
	ret = run_make(root, &m);
	if (ret == -EINVAL && *spec->commit && *spec->control)
		ret = try_control(spec, c->root, root, &m);
	if (ret)
		return ret;
	if (snprintf(program, 4096, "%s/build/%s/tunnels/%s%s/%s", root, wgbench_profile,
	             spec->build, folder, p->file) >= 4096 ||
	    access(program, X_OK)) {
		fprintf(stderr, "wgbench: make succeeded but made no %s%s\n", program,
		        layout ? ": perhaps this revision knows no layouts; leave out --builds"
		               : "");
		return -EINVAL;
	}
	return 0;
}

int spec_make(const struct spec_catalog *c, const char *target)
{
	struct make m = {.target = target};
	int lock = lock_builds(c->root), ret;
	char commit[64];

	if (lock < 0)
		return lock;
	snprintf(m.what, sizeof(m.what), "%s", target);
	ret = read_revision(c->root, commit);
	if (!ret)
		ret = run_make(c->root, &m);
	close(lock);
	return ret;
}

void spec_set_switches(const struct spec *spec)
{
	setenv("WGBENCH_TUNNEL_SWITCHES", spec->switches, 1);
}

// The program names what is wrong with its switches itself.
static int try_switches(const struct spec *spec, const char *program)
{
	char line[256];
	const char *const argv[] = {program, "--version", NULL};
	struct process_text text;

	spec_set_switches(spec);
	int ret = process_run(argv, PROCESS_HERE, NULL, 10 * 1000, &text);
	if (ret)
		fprintf(stderr, "wgbench: tunnel '%s': %s\n", spec->name,
		        ret < 0 ? strerror(-ret) : process_last_line(text.err, line, sizeof(line)));
	process_text_free(&text);
	return ret <= 0 ? ret : ret >= 126 ? -EIO : -EINVAL;
}

static int build_locked(const struct spec *spec, const struct spec_catalog *c,
                        const struct product *p, unsigned layout, char program[4096],
                        char commit[64])
{
	int lock = lock_builds(c->root), ret;

	if (lock < 0)
		return lock;
	ret = build_own(spec, c, p, layout, program, commit);
	close(lock);
	return ret;
}

int spec_build_replay(const struct spec *spec, const struct spec_catalog *c, char program[4096],
                      char commit[64])
{
	*program = *commit = 0;
	return build_locked(spec, c, &replay, 0, program, commit);
}

int spec_build(const struct spec *spec, const struct spec_catalog *c, unsigned layout,
               char program[4096], char commit[64])
{
	char reason[256];
	int ret;

	*program = *commit = 0;
	switch (spec->kind) {
	case SPEC_OWN:
		ret = build_locked(spec, c, &tunnel, layout, program, commit);
		return ret || !*spec->switches ? ret : try_switches(spec, program);
	case SPEC_EXEC:
		strcpy(program, spec->program);
		return 0;
	case SPEC_VETH:
		return 0;
	case SPEC_WIREGUARD_GO:
	case SPEC_KERNEL:
		break;
	}
	if (!spec_available(spec, c, reason, sizeof(reason))) {
		fprintf(stderr, "wgbench: %s: %s\n", spec->name, reason);
		return -ENOENT;
	}
	if (spec->kind == SPEC_WIREGUARD_GO)
		spec_find_wireguard_go(c, program);
	return 0;
}
