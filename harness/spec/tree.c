#include "harness/spec/tree.h"

#include "harness/spec/git.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REMOVE_MS = 60 * 1000 };

// Runs git for its effect.
static int change(const char *tree, const char *const arguments[], const char *about)
{
	struct process_text text;
	int ret = git_run(tree, arguments, &text);

	if (ret)
		ret = git_complain(tree, about, ret, &text);
	process_text_free(&text);
	return ret;
}

void spec_tree_remove(const char *root, const char *dir)
{
	const char *const forget[] = {"worktree", "remove", "--force", dir, NULL};
	const char *const delete[] = {"rm", "-rf", "--", dir, NULL};
	bool before = process_shield(true);

	git_run(root, forget, NULL);
	if (!access(dir, F_OK)) // git doesn't know it any more
		process_run(delete, PROCESS_HERE, NULL, REMOVE_MS, NULL);
	process_shield(before);
}

int spec_tree_make(const char *root, const char *name, const char *commit, char dir[PATH_MAX])
{
	const char *const add[] = {"worktree", "add", "--force", "--detach", dir, commit, NULL};

	if (snprintf(dir, PATH_MAX, "%s/build/revisions/%s", root, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!access(dir, F_OK)) {
		if (!strcmp(name, commit) && git_is_at(root, dir, commit))
			return 0;
		spec_tree_remove(root, dir);
	}
	return change(root, add, "no work tree");
}

int spec_tree_switch(const char *dir, const char *commit)
{
	const char *const checkout[] = {"checkout", "--force", "--detach", commit, NULL};

	return change(dir, checkout, "no checkout");
}
