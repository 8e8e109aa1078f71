#include "harness/spec/root.h"
#include "base/path.h"
#include "base/text.h"

#include <errno.h>
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

// The nearest folder that holds what is wanted, `below` it or itself. `folder` is cut meanwhile.
static bool find_above(char root[PATH_MAX], char *folder, const char *below)
{
	while (true) {
		char *candidate = *below ? path_join(*folder ? folder : "/", below)
		                         : text_format("%s", *folder ? folder : "/");
		bool found = holds_presets(candidate) && realpath(candidate, root);
		char *slash = strrchr(folder, '/');

		free(candidate);
		if (found || !slash || !*folder)
			return found;
		*slash = 0;
	}
}

static bool find_given(char root[PATH_MAX], const char *given)
{
	if (realpath(given, root) && holds_presets(root))
		return true;
	fprintf(stderr, "wgbench: WGBENCH_ROOT=%s: not the source tree: no variants/presets\n",
	        given);
	return false;
}

int spec_find_root(char root[PATH_MAX])
{
	const char *given = getenv("WGBENCH_ROOT");
	char program[PATH_MAX], here[PATH_MAX], again[PATH_MAX];

	if (given)
		return find_given(root, given) ? 0 : -ENOENT;
	if (!realpath("/proc/self/exe", program) || !getcwd(here, sizeof(here)))
		return -errno;
	strcpy(again, program);
	if (find_above(root, program, "") || find_above(root, here, "") ||
	    find_above(root, again, "share/wgbench"))
		return 0;
	fprintf(stderr, "wgbench: the source tree is neither above this program nor above the "
	                "current folder: set WGBENCH_ROOT to it\n");
	return -ENOENT;
}

char *spec_results(const char *root, const char *name)
{
	char *results = spec_is_source(root) ? path_join(root, "results") : text_format("results");
	char *path = name ? path_join(results, name) : text_format("%s", results);

	free(results);
	return path;
}
