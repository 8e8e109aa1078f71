#include "harness/spec.h"
#include "harness/process.h"

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

enum { MAKE_TIMEOUT_MS = 30 * 60 * 1000, GIT_TIMEOUT_MS = 60 * 1000, TAIL_BYTES = 2000 };

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

// Whether it was the source that make failed at: it wasn't killed, and no program that it ran tells
// of what the machine lacks.
static bool blames_source(int status, const char *err)
{
	static const char *const lacks[] = {
	    "No space left on device",
	    "Disk quota exceeded",
	    "Cannot allocate memory",
	    "Killed signal terminated", // by gcc
	    "command: Killed",          // by clang
	    "] Killed",                 // by make
	};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++)
		if (strstr(err, lacks[i]))
			return false;
	return status <= 128;
}

// `what` names in the message what is made; settings end at a NULL. -EINVAL: by its source it can't
// be.
static int run_make(const char *root, const char *target, const char *const setting[2],
                    const char *what)
{
	char profile[64], jobs[32];
	const char *argv[] = {"make", "-C",    root,       jobs,
	                      target, profile, setting[0], setting[0] ? setting[1] : NULL,
	                      NULL};
	struct process_text text;
	size_t length;
	int ret;

	snprintf(profile, sizeof(profile), "PROFILE=%s", wgbench_profile);
	snprintf(jobs, sizeof(jobs), "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	ret = process_run(argv, PROCESS_HERE, NULL, MAKE_TIMEOUT_MS, &text);
	if (ret) {
		length = text.err ? strlen(text.err) : 0;
		fprintf(stderr, "wgbench: %s cannot be built (%s) by make -C %s %s %s %s\n%s", what,
		        ret < 0 ? strerror(-ret) : "make failed", root, target,
		        setting[0] ? setting[0] : "", profile,
		        length > TAIL_BYTES ? text.err + length - TAIL_BYTES
		        : length            ? text.err
		                            : "");
	}
	if (ret > 0)
		ret = blames_source(ret, text.err ? text.err : "") ? -EINVAL : -EIO;
	process_text_free(&text);
	return ret;
}

static bool git_agrees(const char *const argv[])
{
	return !process_run(argv, PROCESS_HERE, NULL, GIT_TIMEOUT_MS, NULL);
}

static bool is_clean(const char *root)
{
	return git_agrees(
	    (const char *const[]){"git", "-C", root, "diff", "--quiet", "HEAD", NULL});
}

// A work tree of its own for the commit; one that an interrupted checkout left behind is made anew.
static int make_work_tree(const char *root, const char *commit, char dir[PATH_MAX])
{
	const char *remove[] = {"git", "-C", root, "worktree", "remove", "--force", dir, NULL};
	const char *add[] = {"git",     "-C",       root, "worktree", "add",
	                     "--force", "--detach", dir,  commit,     NULL};
	struct process_text text;
	char path[PATH_MAX + 8], line[256];
	int ret;

	if (snprintf(dir, PATH_MAX, "%s/build/revisions/%s", root, commit) >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s/.git", dir);
	if (!access(path, F_OK)) {
		if (is_clean(dir))
			return 0;
		process_run(remove, PROCESS_HERE, NULL, GIT_TIMEOUT_MS, NULL);
	}
	ret = process_run(add, PROCESS_HERE, NULL, GIT_TIMEOUT_MS, &text);
	if (ret)
		fprintf(stderr, "wgbench: no work tree of %s: %s\n", commit,
		        ret < 0 ? strerror(-ret) : process_last_line(text.err, line, sizeof(line)));
	process_text_free(&text);
	return ret > 0 ? -EIO : ret;
}

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

static int build_own(const struct spec *spec, const struct spec_catalog *c, const struct product *p,
                     unsigned layout, char program[4096], char commit[64])
{
	char root[PATH_MAX], setting[SPEC_NAME_MAX + 8], what[SPEC_NAME_MAX + 16];
	char number[32], folder[32] = "";
	int ret;

	if (*spec->commit) {
		strcpy(commit, spec->commit);
		ret = make_work_tree(c->root, commit, root);
	} else {
		ret = 0;
		strcpy(root, c->root);
		if (spec_resolve_revision(root, "HEAD", commit))
			strcpy(commit, "unknown"); // unpacked from an archive
		else if (!is_clean(root))
			strcat(commit, "-dirty");
	}
	snprintf(setting, sizeof(setting), "SPEC=%s", spec->build);
	snprintf(what, sizeof(what), "tunnel '%s'", spec->build);
	snprintf(number, sizeof(number), "LAYOUT=%u", layout);
	if (layout)
		snprintf(folder, sizeof(folder), "/layout-%u", layout);
	if (!ret && p->source)
		ret = check_source(spec, root, p);
	if (!ret)
		ret = run_make(root, p->target,
		               (const char *const[]){setting, layout ? number : NULL}, what);
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
	int lock = lock_builds(c->root), ret;

	if (lock < 0)
		return lock;
	ret = run_make(c->root, target, (const char *const[]){NULL, NULL}, target);
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
	return ret > 0 ? -EINVAL : ret;
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
