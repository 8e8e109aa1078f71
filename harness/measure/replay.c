#include "harness/measure/replay.h"

#include "base/argv.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char wgbench_profile[];

const char *const count_mixes[COUNT_MIXES + 1] = {"64", "imix", "1420", "gso", NULL};
const char *const count_sides[COUNT_SIDES + 1] = {"encrypt", "decrypt", "both", NULL};

enum { REPLAY_MS = 120 * 1000 };

static const char link_name[] = "wgbench-replay", dump_name[] = "callgrind";

// The caller's; NULL after a printed line.
static char *make_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = text_format("%s/wgbench-count-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (mkdtemp(dir))
		return dir;
	fprintf(stderr, "wgbench: %s: %s: set TMPDIR to a folder\n", dir, strerror(errno));
	free(dir);
	return NULL;
}

// The dump of a side, from 1; the last one is written at the program's end.
static char *name_dump(const char *dir, int n)
{
	return n ? text_format("%s/%s.%d", dir, dump_name, n) : path_join(dir, dump_name);
}

static void remove_folder(const char *dir)
{
	char *path = path_join(dir, link_name);

	unlink(path);
	free(path);
	for (int i = 0; i <= COUNT_SIDES; i++) {
		path = name_dump(dir, i);
		unlink(path);
		free(path);
	}
	rmdir(dir);
}

static int complain(const struct count_tunnel *t, int mix, const char *what, int ret)
{
	fprintf(stderr, "wgbench: counting %s, %s: %s\n", t->spec.name, count_mixes[mix], what);
	return ret;
}

// What goes before the last "/build/" of the program's path.
static char *find_root(const char *program)
{
	const char *end = program;

	for (const char *at = program; (at = strstr(at, "/build/")); at++)
		end = at;
	return text_format("%.*s", (int)(end - program), program);
}

static char *read_file(char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = process_read(fd);

	if (fd >= 0)
		close(fd);
	free(path);
	return text;
}

static int parse_dump(struct callgrind *code, int side, const char *dump, const char *program,
                      struct text *fault)
{
	char *trigger = text_format("Client Request: %s\n", count_sides[side]);
	char *root = find_root(program);
	int ret = -EINVAL;

	if (strstr(dump, trigger))
		ret = callgrind_parse(code, dump, root, fault);
	else
		text_set(fault, "it isn't of the side %s", count_sides[side]);
	free(root);
	free(trigger);
	return ret;
}

static int read_dump(struct count_tunnel *t, int mix, int side, const char *dir)
{
	char *dump = read_file(name_dump(dir, side + 1));
	struct text fault = {0};
	int ret = parse_dump(&t->cell[mix][side].code, side, dump, t->replay, &fault);

	if (ret) {
		text_set(&fault, "callgrind's dump %d can't be read: %s", side + 1,
		         text_string(&fault));
		ret = complain(t, mix, text_string(&fault), -EIO);
	}
	text_free(&fault);
	free(dump);
	return ret;
}

// One line a side: "SIDE packets=N bytes=N calls=N".
static int read_totals(struct count_tunnel *t, int mix, const char *text)
{
	for (int side = 0; side < COUNT_SIDES; side++) {
		struct count_cell *c = &t->cell[mix][side];
		char name[16];

		if (sscanf(text, "%15s packets=%" SCNu64 " bytes=%" SCNu64 " calls=%" SCNu64, name,
		           &c->packets, &c->bytes, &c->calls) != 4 ||
		    strcmp(name, count_sides[side]) || !c->packets || !c->bytes)
			return complain(t, mix, "wgbench-replay tells no totals", -EINVAL);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return 0;
}

// What the program ended with: 125 to 127 are env's own, and SIGKILL is not of the program's
// making.
static int blame_status(int status)
{
	return (status >= 125 && status <= 127) || status == 128 + SIGKILL ? -EIO : -EINVAL;
}

// The environment and the program's name are always the same: both lie on the program's stack.
static int run_replay(struct count_tunnel *t, int mix, const char *dir)
{
	const char *path = getenv("PATH");
	struct process_text text;
	struct argv argv = {0};

	argv_add_all(&argv, "env", "-i", NULL);
	argv_add_format(&argv, "--chdir=%s", dir);
	argv_add_format(&argv, "PATH=%s", path ? path : "/usr/bin:/bin");
	argv_add_all(&argv, "valgrind", "--quiet", "--tool=callgrind", "--vgdb=no", NULL);
	argv_add_format(&argv, "--callgrind-out-file=%s/%s", dir, dump_name);
	argv_add_all(&argv, "./wgbench-replay", count_mixes[mix], t->spec.switches, NULL);
	int ret = process_run(argv_words(&argv), PROCESS_HERE, NULL, REPLAY_MS, &text);
	argv_free(&argv);
	if (!ret)
		ret = read_totals(t, mix, text.out);
	else if (ret != -EINTR)
		ret = complain(t, mix,
		               ret == -ETIMEDOUT ? "not ended after two minutes"
		                                 : process_reason(ret, &text),
		               ret < 0 ? ret : blame_status(ret));
	process_text_free(&text);
	return ret;
}

int count_replay(struct count_tunnel *t, int mix)
{
	char *dir = make_folder();
	int ret = 0;

	if (!dir)
		return -EIO;
	char *link = path_join(dir, link_name);
	if (symlink(t->replay, link)) {
		ret = -errno;
		fprintf(stderr, "wgbench: %s: %s\n", link, strerror(-ret));
	}
	if (!ret)
		ret = run_replay(t, mix, dir);
	for (int side = 0; side < COUNT_SIDES && !ret; side++)
		ret = read_dump(t, mix, side, dir);
	remove_folder(dir);
	free(link);
	free(dir);
	return ret;
}

int count_check(void)
{
	if (!process_available("valgrind")) {
		fprintf(stderr, "wgbench: no program 'valgrind' in PATH: install it (Debian: apt "
		                "install valgrind)\n");
		return -ENOENT;
	}
	if (strcmp(wgbench_profile, "asan") && strcmp(wgbench_profile, "tsan"))
		return 0;
	fprintf(stderr,
	        "wgbench: valgrind can't run a program with a sanitizer built in: count with "
	        "build/release/wgbench, not with that of PROFILE=%s\n",
	        wgbench_profile);
	return -ENOTSUP;
}
