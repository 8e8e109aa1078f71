#include "harness/machine/libraries.h"

#include "base/process.h"
#include "harness/machine/environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_MS = 10000, DIGITS = 16 };

static void add_library(json_t *object, const char *soname, const char *found)
{
	char *path = realpath(found, NULL);
	const char *const argv[] = {"sha256sum", "-b", path, NULL};

	if (!path)
		return;
	char *line = environment_program_line(argv);
	json_object_set_new(
	    object, soname,
	    json_sprintf("%s %.*s", strrchr(path, '/') + 1, DIGITS, line + (line[0] == '\\')));
	free(line);
	free(path);
}

// Lines of ldd: "SONAME => PATH (ADDRESS)", or of what has no soname here, such as the linker
// itself and what is preloaded, "PATH (ADDRESS)".
json_t *libraries_of(const char *program)
{
	const char *const argv[] = {"ldd", program, NULL};
	json_t *object = json_object();
	struct process_text text;
	char soname[256], path[PATH_MAX], *rest, *line;

	process_run(argv, PROCESS_HERE, NULL, COMMAND_MS, &text);
	for (rest = text.out; (line = strsep(&rest, "\n"));) {
		if (sscanf(line, " %255s => %4095s", soname, path) == 2)
			add_library(object, soname, path);
		else if (sscanf(line, " %4095s (", path) == 1 && path[0] == '/')
			add_library(object, strrchr(path, '/') + 1, path);
	}
	process_text_free(&text);
	return object;
}
