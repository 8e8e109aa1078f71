#include "base/process_environment.h"

#include "base/memory.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

// A name that ends with '*' stands for all that begin so.
static const char *const dropped[] = {
    // The language and form of what programs print.
    "LANG",
    "LANGUAGE",
    "LC_*",
    "COLUMNS",
    "LINES",
    "CLICOLOR*",
    "FORCE_COLOR",
    "GCC_COLORS",
    "GREP_*",
    "POSIXLY_CORRECT",
    "QUOTING_STYLE",
    "TIME_STYLE",
    "BLOCK_SIZE",
    "PAGER",
    // What shells run or heed before a script's first line.
    "BASH_ENV",
    "BASH_FUNC_*",
    "BASHOPTS",
    "CDPATH",
    "ENV",
    "GLOBIGNORE",
    "PS4",
    "SHELLOPTS",
    // git's: they name another repository when wgbench runs in a hook.
    "GIT_*",
    // make's, from a recipe that runs wgbench; and what our Makefile would take for its own.
    "GNUMAKEFLAGS",
    "MAKEFILES",
    "MAKEFILE_LIST",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MAKE_RESTARTS",
    "MAKE_TERMERR",
    "MAKE_TERMOUT",
    "MFLAGS",
    "FUZZ",
    "LAYOUT",
    "PLAN",
    "PROFILE",
    "SPEC",
    "TESTS",
    "V",
    // Other programs' options.
    "BENCHMARK_*",
    "DEBUGINFOD_*",
    "DEPENDENCIES_OUTPUT",
    "DPKG_*",
    "FIT_*",
    "GDFONTPATH",
    "GNUHELP",
    "GNUPLOT*",
    "GNUTERM",
    "IPERF3_*",
    "LOG_LEVEL",
    "PERF_*",
    "PERL*",
    "TAR_OPTIONS",
    "VALGRIND_*",
    "WG_*",
};

static const char *const kept[] = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"};

static const char *const set[] = {"LC_ALL=C", "PERF_CONFIG=/dev/null", "WG_COLOR_MODE=never"};

static const char *const mattering[] = {
    "ASAN_OPTIONS",    "CC",
    "CFLAGS",          "COMPILER_PATH",
    "CPATH",           "CPLUS_INCLUDE_PATH",
    "CPPFLAGS",        "CXX",
    "CXXFLAGS",        "C_INCLUDE_PATH",
    "GCC_EXEC_PREFIX", "GLIBC_TUNABLES",
    "GODEBUG",         "GOGC",
    "GOMAXPROCS",      "GOMEMLIMIT",
    "GOMP_*",          "HWLOC_*",
    "LDFLAGS",         "LD_*",
    "LIBRARY_PATH",    "MALLOC_*",
    "OMP_*",           "OPENSSL_*",
    "TSAN_OPTIONS",    "UBSAN_OPTIONS",
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static bool is_among(const char *variable, const char *const names[], size_t n)
{
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < n; i++) {
		size_t part = strcspn(names[i], "*");

		if (!strncmp(variable, names[i], part) && (names[i][part] || part == length))
			return true;
	}
	return false;
}

bool process_environment_matters(const char *variable)
{
	return is_among(variable, mattering, LENGTH(mattering));
}

char **process_environment(void)
{
	size_t n = 0, to = 0;
	char **copy;

	while (environ && environ[n])
		n++;
	copy = memory_new(n + LENGTH(set) + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		if (!is_among(environ[i], dropped, LENGTH(dropped)) ||
		    is_among(environ[i], kept, LENGTH(kept)))
			copy[to++] = environ[i];
	for (size_t i = 0; i < LENGTH(set); i++)
		copy[to++] = (char *)set[i];
	return copy;
}
