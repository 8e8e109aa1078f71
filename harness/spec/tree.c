#include "harness/spec/tree.h"

#include "base/path.h"
#include "base/text.h"
#include "harness/spec/git.h"

#include <string.h>

enum { REMOVE_MS = 60 * 1000 };

// Runs git for its effect.
static int change_tree(const char *tree, const char *const arguments[], const char *about)
{
	struct process_text text;
	int ret = git_ask(tree, arguments, about, &text);

	process_text_free(&text);
	return ret;
}

void spec_tree_remove(const char *root, const char *dir)
{
	const char *const forget[] = {"worktree", "remove", "--force", dir, NULL};
	const char *const delete[] = {"rm", "-rf", "--", dir, NULL};
	bool before = process_shield(true);

	git_run(root, forget, NULL);
	if (path_exists(dir)) // git doesn't know it any more
		process_run(delete, PROCESS_HERE, NULL, REMOVE_MS, NULL);
	process_shield(before);
}

int spec_tree_make(const char *root, const char *name, const char *commit, char **dir)
{
	*dir = text_format("%s/build/revisions/%s", root, name);
	const char *const add[] = {"worktree", "add", "--force", "--detach", *dir, commit, NULL};

	if (path_exists(*dir)) {
		if (!strcmp(name, commit) && git_is_at(root, *dir, commit))
			return 0;
		spec_tree_remove(root, *dir);
	}
	return change_tree(root, add, "can't add a work tree");
}

int spec_tree_switch(const char *dir, const char *commit)
{
	const char *const checkout[] = {"checkout", "--force", "--detach", commit, NULL};

	return change_tree(dir, checkout, "can't check out");
}
