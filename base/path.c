#include "base/path.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *folder, const char *name)
{
	size_t length = strlen(folder);

	return text_format("%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
}

bool path_exists(const char *path)
{
	return !access(path, F_OK);
}

static int make_folder(const char *path)
{
	struct stat st;

	if (!mkdir(path, 0755))
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int path_make_folders(const char *folder)
{
	char *path = memory_copy(folder, strlen(folder) + 1);
	int ret = 0;

	for (char *slash = path; !ret && *path && (slash = strchr(slash + 1, '/'));) {
		*slash = 0;
		ret = make_folder(path);
		*slash = '/';
	}
	if (!ret)
		ret = make_folder(path);
	free(path);
	return ret;
}
