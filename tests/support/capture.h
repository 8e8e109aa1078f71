// Catches what is written to a standard descriptor, so that tests can look at messages.
#ifndef WGBENCH_TESTS_SUPPORT_CAPTURE_H
#define WGBENCH_TESTS_SUPPORT_CAPTURE_H

#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int fd, saved, file;
	char text[16384];
};

static inline void capture_begin(struct capture *c, int fd)
{
	fflush(NULL);
	c->fd = fd;
	c->saved = dup(fd);
	c->file = memfd_create("capture", MFD_CLOEXEC);
	assert_true(c->saved >= 0 && c->file >= 0);
	assert_return_code(dup2(c->file, fd), 0);
}

static inline void capture_end(struct capture *c)
{
	ssize_t n;

	fflush(NULL);
	dup2(c->saved, c->fd);
	close(c->saved);
	n = pread(c->file, c->text, sizeof(c->text) - 1, 0);
	c->text[n < 0 ? 0 : n] = 0;
	close(c->file);
}

static inline void assert_says(const struct capture *c, const char *part)
{
	if (!strstr(c->text, part))
		fail_msg("no '%s' in: %s", part, c->text);
}

#endif
