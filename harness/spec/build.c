#include "base/argv.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/spec/git.h"
#include "harness/spec/parse.h"
#include "harness/spec/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char wgbench_profile[];

enum { MAKE_TIMEOUT_MS = 30 * 60 * 1000, TAIL_BYTES = 2000 };

static void make_build_folder(const char *dir)
{
	char *path = path_join(dir, "build");

	mkdir(path, 0755);
	free(path);
}

// Two wgbench may build at once: only one makes. The descriptor to close, or -errno.
static int lock_builds(const char *root)
{
	char *path = path_join(root, "build/.wgbench.lock");

	make_build_folder(root);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		int ret = -errno;

		fprintf(stderr, "wgbench: %s: %s\n", path, strerror(-ret));
		if (fd >= 0)
			close(fd);
		fd = ret;
	}
	free(path);
	return fd;
}

// What is made, and how a message names it.
struct make {
	const char *target;
	char *spec, *layout; // settings, NULL: none
	char *what;
};

static void free_make(struct make *m)
{
	free(m->spec);
	free(m->layout);
	free(m->what);
}

static void say_failed(const char *root, const struct make *m, const char *profile, int ret,
                       const char *err)
{
	size_t length = strlen(err);

	fprintf(stderr, "wgbench: %s cannot be built (%s) by make -C %s %s %s %s\n%s", m->what,
	        ret < 0 ? strerror(-ret) : "make failed", root, m->target, m->spec ? m->spec : "",
	        profile, length > TAIL_BYTES ? err + length - TAIL_BYTES : err);
}

// -EINVAL: make ended and failed.
static int run_make(const char *root, const struct make *m)
{
	char *profile = text_format("PROFILE=%s", wgbench_profile);
	struct process_text text;
	struct argv argv = {0};
	int ret;

	argv_add_option(&argv, "make", "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	argv_add_all(&argv, "-C", root, m->target, profile, m->spec, m->layout, NULL);
	ret = process_run(argv_words(&argv), PROCESS_HERE, NULL, MAKE_TIMEOUT_MS, &text);
	argv_free(&argv);
	if (ret)
		say_failed(root, m, profile, ret, text.err);
	free(profile);
	process_text_free(&text);
	// A shell's codes for what didn't run, and a signal to make itself, are not the source's.
	return ret <= 0 ? ret : ret >= 126 ? -EIO : -EINVAL;
}

// ---- where the fault lies

// The file that says, once it is known, that the commit's source doesn't build.
static char *name_note(const char *dir, const struct make *m)
{
	return text_format("%s/build/.no-%s-%s-%s%s%s", dir, wgbench_profile, m->target, m->spec,
	                   m->layout ? "-" : "", m->layout ? m->layout : "");
}

static void leave_note(const char *dir, const char *note)
{
	make_build_folder(dir);
	int fd = open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
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
	        "can't be built in its place either; check memory, disk space and limits\n",
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

// Whether the commit's own source is at fault: -EINVAL; 0: both can be built elsewhere.
static int find_fault(const struct spec *spec, const char *root, const struct make *m)
{
	char *name = text_format("%s-control", spec->commit), *beside;

	fprintf(stderr, "building %.12s in its place, to find where the fault lies\n",
	        spec->control);
	int ret = spec_tree_make(root, name, spec->control, &beside);
	if (!ret)
		ret = build_beside(spec, beside, m);
	spec_tree_remove(root, beside);
	free(beside);
	free(name);
	return ret;
}

// What lies in the commit's own tree is of a build that was cut off.
static int build_anew(const struct spec *spec, const char *root, const char *dir,
                      const struct make *m)
{
	char *again;

	spec_tree_remove(root, dir);
	int ret = spec_tree_make(root, spec->commit, spec->commit, &again);
	if (!ret)
		ret = run_make(again, m);
	free(again);
	return ret == -EINVAL ? -EIO : ret;
}

// make failed in `dir`, the commit's work tree. -EINVAL: by its source; 0: it didn't in the end.
static int try_control(const struct spec *spec, const char *root, const char *dir,
                       const struct make *m)
{
	char *note = name_note(dir, m);
	int ret = path_exists(note) ? -EINVAL : 0;

	if (!ret) {
		ret = find_fault(spec, root, m);
		if (ret == -EINVAL)
			leave_note(dir, note);
		if (!ret)
			ret = build_anew(spec, root, dir, m);
	}
	free(note);
	return ret;
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
	char *path = path_join(root, p->source);
	bool there = path_exists(path);

	free(path);
	if (there)
		return 0;
	fprintf(stderr, "wgbench: %s: this revision is older than %s: give a later one\n",
	        spec->name, p->file);
	return -EINVAL;
}

static int check_source_tree(const char *root)
{
	if (spec_is_source(root))
		return 0;
	fprintf(
	    stderr,
	    "wgbench: there is no source tree at %s to build from: run wgbench inside one, or set "
	    "WGBENCH_ROOT to it\n",
	    root);
	return -ENOENT;
}

// The revision of a tree that is built as it lies there.
static int read_revision(const char *root, char commit[64])
{
	static bool said;
	int ret = check_source_tree(root);

	if (!ret)
		ret = git_read_revision(root, root, commit);
	if (!ret && !strcmp(commit, "unknown") && !said) {
		said = true;
		fprintf(stderr,
		        "wgbench: %s has no .git, as if unpacked from an archive: its revision is "
		        "recorded as 'unknown'\n",
		        root);
	}
	return ret;
}

// The tree that the spec is built in, the caller's in either case.
static int find_tree(const struct spec *spec, const struct spec_catalog *c, char commit[64],
                     char **root)
{
	if (*spec->commit) {
		strcpy(commit, spec->commit);
		return spec_tree_make(c->root, commit, commit, root);
	}
	*root = text_format("%s", c->root);
	return read_revision(*root, commit);
}

static int check_made(const char *program, unsigned layout)
{
	if (!access(program, X_OK))
		return 0;
	fprintf(stderr, "wgbench: make succeeded but did not make %s%s\n", program,
	        layout ? ": perhaps this revision knows no layouts; leave out --builds" : "");
	return -EINVAL;
}

static int build_own(const struct spec *spec, const struct spec_catalog *c, const struct product *p,
                     unsigned layout, char program[4096], char commit[64])
{
	struct make m = {
	    .target = p->target,
	    .spec = text_format("SPEC=%s", spec->build),
	    .layout = layout ? text_format("LAYOUT=%u", layout) : NULL,
	    .what = text_format("tunnel '%s'", spec->build),
	};
	struct text path = {0};
	char *root;
	int ret = find_tree(spec, c, commit, &root);

	if (!ret && p->source)
		ret = check_source(spec, root, p);
	if (!ret)
		ret = run_make(root, &m);
	if (ret == -EINVAL && *spec->commit && *spec->control)
		ret = try_control(spec, c->root, root, &m);
	text_add(&path, "%s/build/%s/tunnels/%s", root, wgbench_profile, spec->build);
	if (layout)
		text_add(&path, "/layout-%u", layout);
	text_add(&path, "/%s", p->file);
	if (!ret)
		ret = path.length < 4096 ? check_made(path.bytes, layout) : -ENAMETOOLONG;
	if (!ret)
		strcpy(program, path.bytes);
	text_free(&path);
	free(root);
	free_make(&m);
	return ret;
}

int spec_make(const struct spec_catalog *c, const char *target)
{
	int lock = lock_builds(c->root);
	char commit[64];

	if (lock < 0)
		return lock;
	struct make m = {.target = target, .what = text_format("%s", target)};
	int ret = read_revision(c->root, commit);
	if (!ret)
		ret = run_make(c->root, &m);
	free_make(&m);
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
	const char *const argv[] = {program, "--version", NULL};
	struct process_text text;

	spec_set_switches(spec);
	int ret = process_run(argv, PROCESS_HERE, NULL, 10 * 1000, &text);
	if (ret)
		fprintf(stderr, "wgbench: tunnel '%s': %s\n", spec->name,
		        process_reason(ret, &text));
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

// Other tunnels exist or don't.
static int find_external(const struct spec *spec, const struct spec_catalog *c, char program[4096])
{
	struct text reason = {0};
	bool available = spec_available(spec, c, &reason);

	if (!available)
		fprintf(stderr, "wgbench: %s: %s\n", spec->name, text_string(&reason));
	else if (spec->kind == SPEC_WIREGUARD_GO)
		spec_find_wireguard_go(c, program);
	else if (spec->kind == SPEC_EXEC)
		strcpy(program, spec->program);
	text_free(&reason);
	return available ? 0 : -ENOENT;
}

int spec_build(const struct spec *spec, const struct spec_catalog *c, unsigned layout,
               char program[4096], char commit[64])
{
	*program = *commit = 0;
	if (spec->kind != SPEC_OWN)
		return find_external(spec, c, program);
	int ret = build_locked(spec, c, &tunnel, layout, program, commit);
	return ret || !*spec->switches ? ret : try_switches(spec, program);
}
