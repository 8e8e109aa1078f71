#include "base/file.h"

#include "base/memory.h"
#include "base/quote.h"
#include "base/standard.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report_failure(const char *path, int ret)
{
	quote_printf(stderr, "wgbench: %s: not written: %s\n", path, strerror(-ret));
	return ret;
}

static void free_paths(struct output *o)
{
	free(o->path);
	free(o->next);
}

int output_begin(struct output *o, const char *path)
{
	o->path = text_format("%s", path);
	o->next = text_format("%s.new", path);
	// What lies there is of a run that was killed, or a link to somewhere else.
	unlink(o->next);
	o->file = fopen(o->next, "wxe");
	if (o->file)
		return 0;
	int ret = report_failure(path, -errno);
	free_paths(o);
	return ret;
}

static int sync_folder(const char *path)
{
	char *copy = text_format("%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}

int output_end(struct output *o)
{
	int ret = 0;

	errno = EIO; // of a write that failed before
	if (fflush(o->file) || ferror(o->file) || fsync(fileno(o->file)))
		ret = -errno;
	if (fclose(o->file) && !ret)
		ret = -errno;
	if (!ret && rename(o->next, o->path))
		ret = -errno;
	if (!ret)
		ret = sync_folder(o->path);
	if (ret) {
		unlink(o->next);
		report_failure(o->path, ret);
	}
	free_paths(o);
	return ret;
}

int output_text(const char *path, const char *text, size_t bytes)
{
	struct output o;
	int ret = output_begin(&o, path);

	if (ret)
		return ret;
	fwrite(text, 1, bytes, o.file);
	return output_end(&o);
}

int output_json(const char *path, const json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags);
	struct output o;
	int ret;

	// A value that JSON doesn't have, such as text that isn't UTF-8.
	if (!text)
		return report_failure(path, -EINVAL);
	ret = output_begin(&o, path);
	if (!ret) {
		fprintf(o.file, "%s\n", text);
		ret = output_end(&o);
	}
	free(text);
	return ret;
}

size_t output_json_flags(FILE *to)
{
	return JSON_INDENT(2) | (isatty(fileno(to)) ? JSON_ENSURE_ASCII : 0);
}

void output_print_json(json_t *json)
{
	if (json_dumpf(json, stdout, output_json_flags(stdout)))
		standard_lose();
	putchar('\n');
	json_decref(json);
}

// How many bytes the character has that the text begins with; 0 where it isn't one.
static size_t character_bytes(const char *text)
{
	enum { BYTES_MAX = 4 };

	for (size_t n = 1; n <= BYTES_MAX && text[n - 1]; n++) {
		json_t *character = json_stringn(text, n);

		if (character) {
			json_decref(character);
			return n;
		}
	}
	return 0;
}

void output_take_text(char *to, size_t bytes, const char *from)
{
	size_t length = 0;

	while (*from) {
		size_t n = character_bytes(from), taken = n ? n : 1;

		if (length + taken >= bytes)
			break;
		memcpy(to + length, n ? from : "?", taken);
		length += taken;
		from += taken;
	}
	to[length] = 0;
}

char *output_clean(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *clean = memory_resize(NULL, bytes, 1);

	output_take_text(clean, bytes, text);
	return clean;
}

json_t *output_string(const char *text)
{
	char *clean = output_clean(text);
	json_t *string = json_string(clean);

	free(clean);
	return string;
}

json_t *output_number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}
