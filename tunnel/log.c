#include "tunnel/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	int fd;
	int own; // the same file, opened once more so that it doesn't block; -1: none
	bool is_socket, blocks;
} target = {.fd = -1, .own = -1};

// O_NONBLOCK belongs to the open file, which others may share, so it takes one of its own. A
// socket can't be opened, and whether there is a /proc isn't known.
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool has_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1;
}

static void put_text(const char *text, size_t bytes)
{
	ssize_t ignored;

	if (target.is_socket) {
		send(target.fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else if (target.own >= 0) {
		ignored = write(target.own, text, bytes);
	} else if (!target.blocks || has_room(target.fd)) {
		// A pipe that polls as writable takes so much at once.
		if (target.blocks && bytes > PIPE_BUF)
			bytes = PIPE_BUF;
		ignored = write(target.fd, text, bytes);
	}
	(void)ignored;
}

// An error would stay with the stream.
static ssize_t write_text(void *unused, const char *text, size_t bytes)
{
	int saved = errno;

	(void)unused;
	put_text(text, bytes);
	errno = saved;
	return bytes;
}

void log_open(int fd)
{
	static const cookie_io_functions_t functions = {.write = write_text};
	static char line[16384];
	static FILE *stream;
	struct stat info;

	log_close();
	target.fd = fd;
	target.is_socket = target.blocks = false;
	if (!fstat(fd, &info)) {
		target.is_socket = S_ISSOCK(info.st_mode);
		target.blocks = S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode);
	}
	if (target.blocks)
		target.own = open_again(fd);
	if (!stream) {
		stream = fopencookie(NULL, "w", functions);
		if (!stream)
			return;
		setvbuf(stream, line, _IOLBF, sizeof(line));
	}
	stderr = stream;
}

void log_close(void)
{
	if (target.own >= 0)
		close(target.own);
	target.own = -1;
}
