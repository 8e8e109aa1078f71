#include "harness/bisect.h"
#include "harness/output.h"
#include "harness/process.h"
#include "harness/spec.h"
#include "harness/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GIT_TIMEOUT_MS = 60 * 1000 };

static int resolve(const char *root, const char *revision, char hash[64])
{
	int ret = spec_resolve_revision(root, revision, hash);

	if (ret)
		fprintf(stderr, "wgbench: unknown revision '%s': git knows no such commit in %s\n",
		        revision, root);
	return ret;
}

// A line of `log`: hash, parents, subject.
static void read_line(struct bisect_commit *c, char *line)
{
	const char *hash = strsep(&line, "\t");

	strsep(&line, "\t");
	snprintf(c->hash, sizeof(c->hash), "%s", hash);
	output_take_text(c->subject, sizeof(c->subject), line ? line : "");
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

// The oldest one's first parent must be the good one: else others lie between, or beside.
static int check_line(const struct bisect *b, const char *log)
{
	const char *parents = strchr(log, '\t');

	if (!parents) {
		fprintf(stderr,
		        "wgbench: no commit lies behind '%s' up to '%s': are they the same, or the "
		        "other way round?\n",
		        b->good, b->bad);
		return -EINVAL;
	}
	if (!strncmp(parents + 1, b->good_hash, strlen(b->good_hash)))
		return 0;
	fprintf(
	    stderr,
	    "wgbench: '%s' isn't an ancestor of '%s' along first parents: give one of those that "
	    "git log --first-parent %s shows\n",
	    b->good, b->bad, b->bad);
	return -EINVAL;
}

int bisect_list_commits(struct bisect *b)
{
	char range[160], bad_hash[64], line[256];
	const char *const argv[] = {"git",
	                            "-C",
	                            b->root,
	                            "log",
	                            "--first-parent",
	                            "--reverse",
	                            "--no-color",
	                            "--format=%H%x09%P%x09%s",
	                            range,
	                            "--",
	                            NULL};
	struct process_text text;
	int ret = resolve(b->root, b->good, b->good_hash);

	if (!ret)
		ret = resolve(b->root, b->bad, bad_hash);
	if (ret)
		return ret;
	snprintf(range, sizeof(range), "%s..%s", b->good_hash, bad_hash);
	ret = process_run(argv, PROCESS_HERE, NULL, GIT_TIMEOUT_MS, &text);
	if (ret)
		fprintf(stderr, "wgbench: git log %s: %s\n", range,
		        ret < 0 ? strerror(-ret) : process_last_line(text.err, line, sizeof(line)));
	else
		ret = check_line(b, text.out);
	if (!ret) {
		char *rest = text.out;

		b->commits = count_lines(text.out);
		b->commit = stats_allocate(b->commits, sizeof(*b->commit));
		for (size_t i = 0; i < b->commits; i++)
			read_line(&b->commit[i], strsep(&rest, "\n"));
	}
	process_text_free(&text);
	return ret > 0 ? -EIO : ret;
}
