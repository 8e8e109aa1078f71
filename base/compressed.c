#include "base/compressed.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

struct source {
	gzFile file;
	size_t left; // bytes that may still come
};

static ssize_t read_source(void *cookie, char *to, size_t bytes)
{
	struct source *s = cookie;
	int error = Z_OK, got = gzread(s->file, to, bytes);

	// A file that was cut off ends as others do, but for this.
	if (got == 0)
		gzerror(s->file, &error);
	if (got < 0 || error != Z_OK) {
		errno = EIO;
		return -1;
	}
	if ((size_t)got > s->left) {
		errno = EFBIG;
		return -1;
	}
	s->left -= got;
	return got;
}

static int close_source(void *cookie)
{
	struct source *s = cookie;

	gzclose(s->file);
	free(s);
	return 0;
}

FILE *compressed_open(int fd, size_t bytes_max)
{
	struct source *s = memory_new(1, sizeof(*s));
	FILE *stream = NULL;

	s->left = bytes_max;
	s->file = gzdopen(fd, "rb");
	if (s->file)
		stream = fopencookie(
		    s, "r", (cookie_io_functions_t){.read = read_source, .close = close_source});
	if (!stream)
		abort();
	return stream;
}
