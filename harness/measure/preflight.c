#include "harness/measure/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"

struct program {
	const char *name, *package;
};

static const struct program always[] = {
    {"ip", "iproute2"},         {"wg", "wireguard-tools"},  {"ping", "iputils-ping"},
    {"sha256sum", "coreutils"}, {"gnuplot", "gnuplot-nox"},
};

// Of those that workloads need, where the package has another name.
static const struct program packages[] = {{"tc", "iproute2"}};

static const char *package_of(const char *program)
{
	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (!strcmp(packages[i].name, program))
			return packages[i].package;
	return program;
}

static int check_program(const char *name, const char *package)
{
	if (process_available(name))
		return 0;
	fprintf(stderr, "wgbench: no program '%s' in PATH: install it (Debian: apt install %s)\n",
	        name, package);
	return -ENOENT;
}

static int check_programs(const struct plan *p)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(always) / sizeof(*always); i++)
		ret = check_program(always[i].name, always[i].package);
	for (size_t i = 0; i < p->workloads; i++)
		for (const char *const *name = p->workload[i].workload->programs; !ret && *name;
		     name++)
			ret = check_program(*name, package_of(*name));
	return ret;
}

static int check_tun(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int ret = -errno;
	fprintf(stderr,
	        "wgbench: /dev/net/tun cannot be opened (%s): load the module tun, or give the "
	        "container this device\n",
	        strerror(-ret));
	return ret;
}

// The nearest folder above `dir` that exists is where it would be made.
int check_folder(const char *dir)
{
	char path[4200];
	const char *above = path;
	struct stat st;

	snprintf(path, sizeof(path), "%s/run.json", dir);
	if (!access(path, F_OK)) {
		fprintf(stderr, "wgbench: %s holds a run: choose another --out, or --resume %s\n",
		        dir, dir);
		return -EEXIST;
	}
	snprintf(path, sizeof(path), "%s", dir);
	while (stat(above, &st) && strcmp(above, "/") && strcmp(above, "."))
		above = dirname(path);
	if (!stat(above, &st) && S_ISDIR(st.st_mode) && !access(above, W_OK | X_OK))
		return 0;
	fprintf(stderr, "wgbench: %s cannot be written: choose another folder with --out\n", dir);
	return -EACCES;
}

int check_ready(const struct plan *p)
{
	int ret;

	if (geteuid()) {
		fprintf(stderr,
		        "wgbench: making network namespaces needs root: run it with sudo\n");
		return -EPERM;
	}
	if ((ret = check_programs(p)))
		return ret;
	return check_tun();
}
