#include "harness/spec/git.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60 * 1000, ARGUMENTS_MAX = 24 };

// Options of the user's that would change what git prints or checks out, or run programs.
static const char *const prefix[] = {
    "--no-pager", "--no-replace-objects",
    "-c",         "color.ui=false",
    "-c",         "core.attributesFile=/dev/null",
    "-c",         "core.autocrlf=false",
    "-c",         "core.eol=lf",
    "-c",         "core.fsmonitor=false",
    "-c",         "core.hooksPath=/dev/null",
    "-c",         "core.quotePath=false",
    "-c",         "core.sparseCheckout=false",
    "-c",         "i18n.logOutputEncoding=UTF-8",
    "-c",         "log.showSignature=false",
    "-c",         "submodule.recurse=false",
};
enum { PREFIX = sizeof(prefix) / sizeof(*prefix) };

// Stops the search for a repository at the tree itself.
static void name_ceiling(const char *tree, char setting[PATH_MAX + 32])
{
	char path[PATH_MAX];

	if (!realpath(tree, path))
		snprintf(path, sizeof(path), "%s", tree);
	*(strrchr(path, '/') ? strrchr(path, '/') : path) = 0;
	snprintf(setting, PATH_MAX + 32, "GIT_CEILING_DIRECTORIES=%s", path);
}

int git_run(const char *tree, const char *const arguments[], struct process_text *text)
{
	char ceiling[PATH_MAX + 32];
	const char *argv[PREFIX + ARGUMENTS_MAX + 8] = {"env", ceiling, "GIT_OPTIONAL_LOCKS=0",
	                                                "git", "-C",    tree};
	size_t n = 6;

	name_ceiling(tree, ceiling);
	memcpy(argv + n, prefix, sizeof(prefix));
	n += PREFIX;
	for (size_t i = 0; arguments[i]; i++) {
		if (i == ARGUMENTS_MAX)
			return -E2BIG;
		argv[n++] = arguments[i];
	}
	return process_run(argv, PROCESS_HERE, NULL, TIMEOUT_MS, text);
}

int git_complain(const char *tree, const char *about, int ret, const struct process_text *text)
{
	const char *words = text && text->err ? text->err : "";
	size_t length = strlen(words);

	while (length && strchr(" \t\n", words[length - 1]))
		length--;
	if (ret < 0)
		fprintf(stderr, "wgbench: git in %s: %s: %s\n", tree, about, strerror(-ret));
	else if (length)
		fprintf(stderr, "wgbench: git in %s: %s: %.*s\n", tree, about, (int)length, words);
	else
		fprintf(stderr, "wgbench: git in %s: %s: exit %d\n", tree, about, ret);
	return ret < 0 ? ret : -EIO;
}

int git_check(const char *tree)
{
	static const char *const arguments[] = {"rev-parse", "--git-dir", NULL};
	struct process_text text;
	int ret = git_run(tree, arguments, &text);

	if (ret)
		ret = git_complain(tree, "it refuses", ret, &text);
	process_text_free(&text);
	return ret;
}

bool git_is_shallow(const char *tree)
{
	static const char *const arguments[] = {"rev-parse", "--is-shallow-repository", NULL};
	struct process_text text;
	bool is = !git_run(tree, arguments, &text) && !strcmp(text.out, "true\n");

	process_text_free(&text);
	return is;
}

static int run_script(const char *root, const char *tree, struct process_text *text)
{
	char script[PATH_MAX + 32];
	const char *const argv[] = {script, tree, NULL};

	snprintf(script, sizeof(script), "%s/scripts/revision", root);
	return process_run(argv, PROCESS_HERE, NULL, TIMEOUT_MS, text);
}

int git_read_revision(const char *root, const char *tree, char revision[64])
{
	struct process_text text;
	int ret = run_script(root, tree, &text);

	if (!ret)
		snprintf(revision, 64, "%.*s", (int)strcspn(text.out, "\n"), text.out);
	else if (ret != -EINTR)
		ret = git_complain(tree, "its revision can't be told", ret, &text);
	process_text_free(&text);
	return ret;
}

bool git_is_at(const char *root, const char *tree, const char *commit)
{
	struct process_text text;
	bool is = !run_script(root, tree, &text) && strcspn(text.out, "\n") == strlen(commit) &&
	          !strncmp(text.out, commit, strlen(commit));

	process_text_free(&text);
	return is;
}
