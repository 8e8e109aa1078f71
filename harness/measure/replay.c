#include "harness/measure/replay.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const count_mixes[COUNT_MIXES + 1] = {"64", "imix", "1420", "gso", NULL};
const char *const count_sides[COUNT_SIDES + 1] = {"encrypt", "decrypt", "both", NULL};

enum { REPLAY_MS = 120 * 1000 };

static const char link_name[] = "wgbench-replay", dump_name[] = "callgrind";

static void remove_files(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", dir, link_name);
	unlink(path);
	// The last is written at the program's end.
	for (int i = 0; i <= COUNT_SIDES; i++) {
		snprintf(path, sizeof(path), i ? "%s/%s.%d" : "%s/%s", dir, dump_name, i);
		unlink(path);
	}
}

static int complain(const struct count_tunnel *t, int mix, const char *what, int ret)
{
	fprintf(stderr, "wgbench: counting %s, %s: %s\n", t->spec.name, count_mixes[mix], what);
	return ret;
}

// What goes before the last "/build/" of the program's path.
static void root_of(const char *program, char root[4096])
{
	const char *end = program;

	for (const char *at = program; (at = strstr(at, "/build/")); at++)
		end = at;
	snprintf(root, 4096, "%.*s", (int)(end - program), program);
}

static int read_dump(struct count_tunnel *t, int mix, int side, const char *dir)
{
	char path[4200], trigger[64], root[4096], fault[160], what[400];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.%d", dir, dump_name, side + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = process_read(fd);
	if (fd >= 0)
		close(fd);
	if (!text)
		return -ENOMEM;
	snprintf(trigger, sizeof(trigger), "Client Request: %s\n", count_sides[side]);
	root_of(t->replay, root);
	snprintf(fault, sizeof(fault), "it isn't of the side %s", count_sides[side]);
	ret = strstr(text, trigger)
	          ? callgrind_parse(&t->cell[mix][side].code, text, root, fault, sizeof(fault))
	          : -EINVAL;
	free(text);
	if (!ret)
		return 0;
	snprintf(what, sizeof(what), "callgrind's dump %d can't be read: %s", side + 1, fault);
	return complain(t, mix, what, -EIO);
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
static int blame(int status)
{
	return (status >= 125 && status <= 127) || status == 128 + SIGKILL ? -EIO : -EINVAL;
}

// The environment and the program's name are always the same: both lie on the program's stack.
static int run(struct count_tunnel *t, int mix, const char *dir)
{
	char folder[4110], path[4200], out[4200], line[256];
	const char *const argv[] = {"env",
	                            "-i",
	                            folder,
	                            path,
	                            "valgrind",
	                            "--quiet",
	                            "--tool=callgrind",
	                            "--vgdb=no",
	                            out,
	                            "./wgbench-replay",
	                            count_mixes[mix],
	                            t->spec.switches,
	                            NULL};
	struct process_text text;
	const char *from = getenv("PATH");
	int ret;

	snprintf(folder, sizeof(folder), "--chdir=%s", dir);
	snprintf(path, sizeof(path), "PATH=%s", from ? from : "/usr/bin:/bin");
	snprintf(out, sizeof(out), "--callgrind-out-file=%s/%s", dir, dump_name);
	ret = process_run(argv, PROCESS_HERE, NULL, REPLAY_MS, &text);
	if (!ret)
		ret = read_totals(t, mix, text.out);
	else if (ret != -EINTR)
		ret = complain(t, mix,
		               ret == -ETIMEDOUT ? "not ended after two minutes"
		               : ret < 0         ? strerror(-ret)
		                                 : process_last_line(text.err, line, sizeof(line)),
		               ret < 0 ? ret : blame(ret));
	process_text_free(&text);
	return ret;
}

int count_replay(struct count_tunnel *t, int mix, const char *dir)
{
	char path[4200];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, link_name);
	if (symlink(t->replay, path)) {
		ret = -errno;
		fprintf(stderr, "wgbench: %s: %s\n", path, strerror(-ret));
		return ret;
	}
	ret = run(t, mix, dir);
	for (int side = 0; side < COUNT_SIDES && !ret; side++)
		ret = read_dump(t, mix, side, dir);
	remove_files(dir);
	return ret;
}
