#include "base/fields.h"
#include "base/compressed.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20, DEPTH_MAX = 32, PATH_BYTES = 160 };

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct check {
	char *fault;
	size_t bytes;
};

// ---- alphabets

static bool is_ascii(const char *text)
{
	while (*text >= ' ' && *text < 0x7f)
		text++;
	return !*text;
}

static bool is_name(const char *text)
{
	return !*text || (!strchr(".-", *text) && !text[strspn(text, DIGITS LOWER UPPER "._-")]);
}

static bool is_metric(const char *text)
{
	return !*text ||
	       (strchr(LOWER UPPER, *text) && !text[strspn(text, DIGITS LOWER UPPER "_")]);
}

static bool is_workload(const char *text)
{
	static const char word[] = DIGITS LOWER UPPER "_.+-";
	size_t length = strspn(text, DIGITS LOWER "_-");
	char next = ':';

	if (!length || !strchr(LOWER, *text))
		return false;
	for (text += length; *text == next; next = ',') {
		length = strspn(text + 1, word);
		text += 1 + length;
		if (!length || *text != '=')
			return false;
		length = strspn(text + 1, word);
		text += 1 + length;
		if (!length)
			return false;
	}
	return !*text;
}

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text))
		words++;
	return *words;
}

// Reads `digits` digits, which are a number from min to max.
static bool take_number(const char **text, int digits, int min, int max, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++) {
		char c = *(*text)++;

		if (c < '0' || c > '9')
			return false;
		*number = 10 * *number + c - '0';
	}
	return *number >= min && *number <= max;
}

static bool take_character(const char **text, const char *among)
{
	return **text && strchr(among, *(*text)++);
}

// "Z", or "+HH:MM".
static bool take_offset(const char **text, int *seconds)
{
	int sign = **text == '-' ? -1 : 1, hours = 0, minutes = 0;

	if (**text == 'Z' || **text == 'z') {
		++*text;
		*seconds = 0;
		return true;
	}
	if (!take_character(text, "+-") || !take_number(text, 2, 0, 23, &hours) ||
	    !take_character(text, ":") || !take_number(text, 2, 0, 59, &minutes))
		return false;
	*seconds = sign * 60 * (60 * hours + minutes);
	return true;
}

bool fields_time(const char *text, time_t *time)
{
	struct tm tm = {0};
	int offset = 0, day;

	if (!take_number(&text, 4, 1970, 9999, &tm.tm_year) || !take_character(&text, "-") ||
	    !take_number(&text, 2, 1, 12, &tm.tm_mon) || !take_character(&text, "-") ||
	    !take_number(&text, 2, 1, 31, &tm.tm_mday) || !take_character(&text, "Tt") ||
	    !take_number(&text, 2, 0, 23, &tm.tm_hour) || !take_character(&text, ":") ||
	    !take_number(&text, 2, 0, 59, &tm.tm_min) || !take_character(&text, ":") ||
	    !take_number(&text, 2, 0, 60, &tm.tm_sec))
		return false;
	if (*text == '.') {
		size_t digits = strspn(text + 1, DIGITS);

		if (!digits)
			return false;
		text += 1 + digits;
	}
	if (!take_offset(&text, &offset) || *text)
		return false;
	day = tm.tm_mday;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	tm.tm_sec -= tm.tm_sec == 60;
	*time = timegm(&tm) - offset;
	// The 30th of February has become March's.
	return tm.tm_mday == day;
}

// ---- faults

static void describe_words(FILE *to, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(to, "%s'%s'", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static void describe_kind(FILE *to, const struct field *f)
{
	static const char *const texts[] = {
	    [FIELD_TEXT] = "a text",
	    [FIELD_ASCII] = "a text of printable ASCII",
	    [FIELD_NAME] = "a name of letters, digits, '.', '_' and '-',",
	    [FIELD_METRIC] = "a metric's name (letters, digits, '_')",
	    [FIELD_WORKLOAD] = "a workload such as tcp:flows=8",
	    [FIELD_HEX] = "hexadecimal digits,",
	};

	switch (f->kind) {
	case FIELD_TIME:
		fprintf(to, "a time such as 2026-01-31T23:59:59Z");
		break;
	case FIELD_WORD:
		describe_words(to, f->words);
		break;
	case FIELD_INTEGER:
		fprintf(to, "an integer from %.15g to %.15g", f->min, f->max);
		break;
	case FIELD_NUMBER:
		fprintf(to, "a number from %.15g to %.15g", f->min, f->max);
		break;
	case FIELD_BOOLEAN:
		fprintf(to, "true or false");
		break;
	case FIELD_ARRAY:
		fprintf(to, "an array of %.15g to %.15g", f->min, f->max);
		break;
	case FIELD_MAP:
	case FIELD_OBJECT:
		fprintf(to, "an object");
		break;
	case FIELD_ANY:
		break;
	default:
		fprintf(to, "%s of %.15g to %.15g bytes", texts[f->kind], f->min, f->max);
	}
}

static int refuse(const struct check *c, const char *path, const struct field *f, const char *is)
{
	FILE *to = fmemopen(c->fault, c->bytes, "w");

	if (to) {
		fprintf(to, "'%s' %smust be ", path, is);
		describe_kind(to, f);
		fclose(to);
		c->fault[c->bytes - 1] = 0;
	}
	return -EINVAL;
}

// ---- checking

static bool is_in_range(double x, const struct field *f)
{
	return x >= f->min && x <= f->max;
}

static bool is_text(const json_t *value, const struct field *f)
{
	const char *text = json_string_value(value);
	time_t time;

	if (!text || strlen(text) != json_string_length(value))
		return false;
	switch (f->kind) {
	case FIELD_TIME:
		return fields_time(text, &time);
	case FIELD_WORD:
		return is_one_of(text, f->words);
	case FIELD_ASCII:
		return is_ascii(text) && is_in_range(strlen(text), f);
	case FIELD_NAME:
		return is_name(text) && is_in_range(strlen(text), f);
	case FIELD_METRIC:
		return is_metric(text) && is_in_range(strlen(text), f);
	case FIELD_WORKLOAD:
		return is_workload(text) && is_in_range(strlen(text), f);
	case FIELD_HEX:
		return !text[strspn(text, DIGITS "abcdef")] && is_in_range(strlen(text), f);
	default:
		return is_in_range(strlen(text), f);
	}
}

static bool is_right(const json_t *value, const struct field *f)
{
	switch (f->kind) {
	case FIELD_INTEGER:
		return json_is_integer(value) && is_in_range(json_integer_value(value), f);
	case FIELD_NUMBER:
		return json_is_number(value) && is_in_range(json_number_value(value), f);
	case FIELD_BOOLEAN:
		return json_is_boolean(value);
	case FIELD_ARRAY:
		return json_is_array(value) && is_in_range(json_array_size(value), f);
	case FIELD_MAP:
		return json_is_object(value) && is_in_range(json_object_size(value), f);
	case FIELD_OBJECT:
		return json_is_object(value);
	case FIELD_ANY:
		return true;
	default:
		return is_text(value, f);
	}
}

static int check_rows(const struct check *, const char *path, const json_t *, const struct field *);

static int check_value(const struct check *c, const char *path, const json_t *value,
                       const struct field *f)
{
	char inner[PATH_BYTES];
	const char *key;
	json_t *element;
	size_t i;
	int ret = 0;

	if (f->presence == FIELD_OR_NULL && json_is_null(value))
		return 0;
	if (!is_right(value, f))
		return refuse(c, path, f, "");
	if (f->kind == FIELD_OBJECT)
		return check_rows(c, path, value, f->rows);
	if (f->kind == FIELD_ARRAY)
		json_array_foreach(value, i, element)
		{
			snprintf(inner, sizeof(inner), "%.100s[%zu]", path, i);
			ret = ret ? ret : check_value(c, inner, element, f->rows);
		}
	if (f->kind == FIELD_MAP)
		json_object_foreach((json_t *)value, key, element)
		{
			const struct field name = {.kind = f->keys, .min = 1, .max = 95};
			json_t *text = json_string_nocheck(key);

			snprintf(inner, sizeof(inner), "%.100s.%.48s", path, key);
			if (!ret && !is_text(text, &name))
				ret = refuse(c, inner, &name, "is no name here: it ");
			ret = ret ? ret : check_value(c, inner, element, f->rows);
			json_decref(text);
		}
	return ret;
}

static int check_rows(const struct check *c, const char *path, const json_t *object,
                      const struct field *rows)
{
	char inner[PATH_BYTES];
	int ret = 0;

	for (const struct field *f = rows; f && f->key && !ret; f++) {
		const json_t *value = json_object_get(object, f->key);

		snprintf(inner, sizeof(inner), "%.100s%s%.48s", path, *path ? "." : "", f->key);
		if (value)
			ret = check_value(c, inner, value, f);
		else if (f->presence == FIELD_REQUIRED)
			ret = refuse(c, inner, f, "is missing: it ");
	}
	return ret;
}

int fields_check(const json_t *object, const struct field *rows, char *fault, size_t bytes)
{
	const struct check c = {fault, bytes};

	return check_rows(&c, "", object, rows);
}

// ---- files

static bool is_within(const json_t *value, int depth)
{
	const char *key;
	json_t *element;
	size_t i;

	if (depth < 0)
		return false;
	json_object_foreach((json_t *)value, key, element)
	{
		if (!is_within(element, depth - 1))
			return false;
	}
	json_array_foreach(value, i, element)
	{
		if (!is_within(element, depth - 1))
			return false;
	}
	return true;
}

bool fields_is_shallow(const json_t *value)
{
	return is_within(value, DEPTH_MAX);
}

static int check_file(int fd, char *fault, size_t bytes)
{
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	if (!S_ISREG(info.st_mode)) {
		snprintf(fault, bytes, " not a regular file");
		return -EINVAL;
	}
	if (info.st_size > FILE_BYTES_MAX) {
		snprintf(fault, bytes, " larger than %d MB", FILE_BYTES_MAX >> 20);
		return -EFBIG;
	}
	return 0;
}

// Closes `fd`.
static int load(json_t **json, int fd, char *fault, size_t bytes)
{
	FILE *stream = compressed_open(fd, FILE_BYTES_MAX);
	json_error_t error;

	*json = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
	bool read = !ferror(stream);
	fclose(stream);
	if (read && *json && json_is_object(*json) && fields_is_shallow(*json))
		return 0;
	if (!read)
		snprintf(fault, bytes, " damaged, cut short, or more than %d MB unpacked",
		         FILE_BYTES_MAX >> 20);
	else if (!*json)
		snprintf(fault, bytes, "%d: %s", error.line, error.text);
	else if (json_is_object(*json))
		snprintf(fault, bytes, " nested deeper than %d", DEPTH_MAX);
	else
		snprintf(fault, bytes, " not a JSON object");
	json_decref(*json);
	*json = NULL;
	return -EINVAL;
}

int fields_load(json_t **json, const char *path, char *fault, size_t bytes)
{
	// A FIFO would keep open() waiting.
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret;

	*json = NULL;
	*fault = 0;
	if (fd < 0) {
		ret = -errno;
		snprintf(fault, bytes, " %s", strerror(-ret));
		return ret;
	}
	ret = check_file(fd, fault, bytes);
	if (!ret)
		return load(json, fd, fault, bytes);
	if (!*fault)
		snprintf(fault, bytes, " %s", strerror(-ret));
	close(fd);
	return ret;
}
