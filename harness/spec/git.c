#include "harness/spec/git.h"

#include "base/argv.h"
#include "base/path.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60 * 1000 };

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
    NULL,
};

// Stops the search for a repository at the tree itself.
static char *name_ceiling(const char *tree)
{
	char *path = realpath(tree, NULL);
	const char *whole = path ? path : tree, *slash = strrchr(whole, '/');
	char *setting =
	    text_format("GIT_CEILING_DIRECTORIES=%.*s", (int)(slash ? slash - whole : 0), whole);

	free(path);
	return setting;
}

int git_run(const char *tree, const char *const arguments[], struct process_text *text)
{
	char *ceiling = name_ceiling(tree);
	struct argv argv = {0};

	argv_add_all(&argv, "env", ceiling, "GIT_OPTIONAL_LOCKS=0", "git", "-C", tree, NULL);
	argv_add_array(&argv, prefix);
	argv_add_array(&argv, arguments);
	int ret = process_run(argv_words(&argv), PROCESS_HERE, NULL, TIMEOUT_MS, text);
	argv_free(&argv);
	free(ceiling);
	return ret;
}

int git_complain(const char *tree, const char *about, int ret, const struct process_text *text)
{
	int length = strlen(text->err);

	while (length && strchr(" \t\n", text->err[length - 1]))
		length--;
	char *why = ret < 0  ? text_format("%s", strerror(-ret))
	            : length ? text_format("%.*s", length, text->err)
	                     : text_format("exit %d", ret);
	fprintf(stderr, "wgbench: git in %s: %s: %s\n", tree, about, why);
	free(why);
	return ret < 0 ? ret : -EIO;
}

int git_ask(const char *tree, const char *const arguments[], const char *about,
            struct process_text *text)
{
	int ret = git_run(tree, arguments, text);

	return ret ? git_complain(tree, about, ret, text) : 0;
}

int git_check(const char *tree)
{
	static const char *const arguments[] = {"rev-parse", "--git-dir", NULL};
	struct process_text text;
	int ret = git_ask(tree, arguments, "it refuses", &text);

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
	char *script = path_join(root, "scripts/revision");
	const char *const argv[] = {script, tree, NULL};
	int ret = process_run(argv, PROCESS_HERE, NULL, TIMEOUT_MS, text);

	free(script);
	return ret;
}

int git_read_revision(const char *root, const char *tree, char revision[64])
{
	struct process_text text;
	int ret = run_script(root, tree, &text);

	if (!ret)
		snprintf(revision, 64, "%.*s", (int)strcspn(text.out, "\n"), text.out);
	else if (ret != -EINTR)
		ret = git_complain(tree, "its revision is unknown", ret, &text);
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
