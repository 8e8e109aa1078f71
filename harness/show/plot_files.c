#include "harness/show/plot_files.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Not a link to another one: what is written there replaces what is of the same name.
static int make_folder(const char *path)
{
	struct stat info;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	if (lstat(path, &info))
		return -errno;
	return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

int plot_files_begin(struct plot_files *f, const char *dir)
{
	char *plots = path_join(dir, "plots");
	int ret = make_folder(plots);

	if (ret)
		quote_printf(stderr, "wgbench: %s: %s\n", plots, strerror(-ret));
	free(plots);
	if (ret)
		return ret;
	*f = (struct plot_files){.dir = text_format("%s", dir)};
	return 0;
}

static bool has_plot(const struct plot_files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->name[i], name))
			return true;
	return false;
}

static const char *name_plot(struct plot_files *f, const char *wanted)
{
	enum { BYTES = 200, NUMBER_BYTES = 16 };
	char *name = memory_new(BYTES + NUMBER_BYTES, 1);

	f->name = memory_more(f->name, f->n, &f->room, sizeof(*f->name));
	quote_file_name(name, BYTES, wanted);
	size_t length = strlen(name);
	for (unsigned n = 2; has_plot(f, name); n++)
		snprintf(name + length, NUMBER_BYTES, "-%u", n);
	return f->name[f->n++] = name;
}

int plot_files_write(struct plot_files *f, const char *wanted, const char *svg, const char **name)
{
	*name = name_plot(f, wanted);
	char *file = text_format("plots/%s.svg", *name), *path = path_join(f->dir, file);
	int ret = output_text(path, svg, strlen(svg));

	free(path);
	free(file);
	return ret;
}

void plot_files_end(struct plot_files *f)
{
	while (f->n)
		free(f->name[--f->n]);
	free(f->name);
	free(f->dir);
}
