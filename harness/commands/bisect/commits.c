#include "base/memory.h"
#include "harness/commands/bisect/bisect.h"
#include "harness/spec/git.h"
#include "base/file.h"
#include "harness/spec/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// A line of it: hash, parents, subject.
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
		        "wgbench: no commits between '%s' and '%s': are they the same, or the "
		        "wrong way round?\n",
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
	char range[160], bad_hash[64];
	const char *const arguments[] = {
	    "rev-list", "--first-parent", "--reverse", "--format=%H%x09%P%x09%s", range, "--",
	    NULL};
	struct process_text text;
	int ret = spec_resolve_revision(b->root, b->good, b->good_hash);

	if (!ret)
		ret = spec_resolve_revision(b->root, b->bad, bad_hash);
	if (ret)
		return ret;
	snprintf(range, sizeof(range), "%s..%s", b->good_hash, bad_hash);
	ret = git_ask(b->root, arguments, range, &text);
	if (!ret)
		ret = check_line(b, text.out);
	if (!ret) {
		char *rest = text.out;

		b->commits = count_lines(text.out) / 2;
		b->commit = memory_new(b->commits, sizeof(*b->commit));
		for (size_t i = 0; i < b->commits; i++) {
			strsep(&rest, "\n"); // "commit HASH"
			read_line(&b->commit[i], strsep(&rest, "\n"));
		}
	}
	process_text_free(&text);
	return ret;
}
