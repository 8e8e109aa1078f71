#include "base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool lost;

void standard_open(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		// open() gives the lowest that is free, which is this one.
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void standard_lose(void)
{
	lost = true;
}

int standard_close(const char *program, int code)
{
	lost |= ferror(stdout) != 0; // of a write long ago, whose errno is gone
	int error = fclose(stdout) ? errno : 0;

	if (!lost && !error)
		return code;
	fprintf(stderr, "%s: standard output: not written%s%s\n", program, error ? ": " : "",
	        error ? strerror(error) : "");
	return STANDARD_NOT_WRITTEN;
}
