#include "harness/spec/root.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_file(const char *folder, const char *name)
{
	char *path = path_join(folder, name);
	bool has = !access(path, R_OK);

	free(path);
	return has;
}

static bool holds_presets(const char *folder)
{
	return has_file(folder, "variants/presets");
}

bool spec_is_source(const char *root)
{
	return has_file(root, "Makefile");
}

// The nearest folder that holds what is wanted, `below` it or itself; NULL: none. `folder` is cut
// meanwhile.
static char *find_above(char *folder, const char *below)
{
	while (true) {
		char *candidate = *below ? path_join(*folder ? folder : "/", below)
		                         : text_format("%s", *folder ? folder : "/");
		char *root = holds_presets(candidate) ? realpath(candidate, NULL) : NULL;
		char *slash = strrchr(folder, '/');

		free(candidate);
		if (root || !slash || !*folder)
			return root;
		*slash = 0;
	}
}

static char *find_given(const char *given)
{
	char *root = realpath(given, NULL);

	if (root && holds_presets(root))
		return root;
	free(root);
	fprintf(stderr, "wgbench: WGBENCH_ROOT=%s: not the source tree: no variants/presets\n",
	        given);
	return NULL;
}

char *spec_find_root(void)
{
	const char *given = getenv("WGBENCH_ROOT");
	char *program, *here, *again, *root = NULL;

	if (given)
		return find_given(given);
	program = realpath("/proc/self/exe", NULL);
	here = getcwd(NULL, 0);
	again = program ? memory_copy(program, strlen(program) + 1) : NULL;
	if (program)
		root = find_above(program, "");
	if (!root && here)
		root = find_above(here, "");
	if (!root && again)
		root = find_above(again, "share/wgbench");
	if (!root)
		fprintf(stderr,
		        "wgbench: the source tree is neither above this program nor above the "
		        "current folder: set WGBENCH_ROOT to it\n");
	free(program);
	free(here);
	free(again);
	return root;
}

char *spec_results(const char *root, const char *name)
{
	char *results = spec_is_source(root) ? path_join(root, "results") : text_format("results");
	char *path = name ? path_join(results, name) : text_format("%s", results);

	free(results);
	return path;
}
