#include "base/fields.h"
#include "base/compressed.h"
#include "base/fields_text.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20, DEPTH_MAX = 32, NAME_BYTES_MAX = 95 };

// Where a value stands: in which other one, by its name or, without one, its place.
struct step {
	const struct step *outer;
	const char *key;
	size_t index;
};

// ---- faults

static void add_path(struct text *to, const struct step *s)
{
	if (!s)
		return;
	add_path(to, s->outer);
	if (s->key)
		text_add(to, "%s%.100s", s->outer ? "." : "", s->key);
	else
		text_add(to, "[%zu]", s->index);
}

static void add_words(struct text *to, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		text_add(to, "%s'%s'", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static void add_kind(struct text *to, const struct field *f)
{
	static const char *const texts[] = {
	    [FIELD_TEXT] = "a text",
	    [FIELD_ASCII] = "a text of printable ASCII",
	    [FIELD_NAME] = "a name of letters, digits, '.', '_' and '-',",
	    [FIELD_METRIC] = "a metric's name (letters, digits, '_')",
	    [FIELD_WORKLOAD] = "a workload such as tcp:flows=8",
	    [FIELD_HEX] = "hexadecimal digits,",
	    [FIELD_INTEGER] = "an integer",
	    [FIELD_NUMBER] = "a number",
	    [FIELD_ARRAY] = "an array",
	};

	switch (f->kind) {
	case FIELD_TIME:
		text_add(to, "a time such as 2026-01-31T23:59:59Z");
		break;
	case FIELD_WORD:
		add_words(to, f->words);
		break;
	case FIELD_INTEGER:
	case FIELD_NUMBER:
		text_add(to, "%s from %.15g to %.15g", texts[f->kind], f->min, f->max);
		break;
	case FIELD_ARRAY:
		text_add(to, "%s of %.15g to %.15g", texts[f->kind], f->min, f->max);
		break;
	case FIELD_BOOLEAN:
		text_add(to, "true or false");
		break;
	case FIELD_MAP:
	case FIELD_OBJECT:
		text_add(to, "an object");
		break;
	case FIELD_ANY:
	case FIELD_REST:
		break;
	default:
		text_add(to, "%s of %.15g to %.15g bytes", texts[f->kind], f->min, f->max);
	}
}

static int refuse(struct text *fault, const struct step *at, const struct field *f, const char *is)
{
	text_set(fault, "'");
	add_path(fault, at);
	text_add(fault, "' %smust be ", is);
	add_kind(fault, f);
	return -EINVAL;
}

// ---- checking

static bool is_in_range(double x, const struct field *f)
{
	return x >= f->min && x <= f->max;
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
	case FIELD_REST:
		return true;
	default:
		return fields_text_is_right(value, f);
	}
}

static int check_object(struct text *fault, const struct step *at, const json_t *,
                        const struct field *rows);
static int check_value(struct text *fault, const struct step *at, const json_t *,
                       const struct field *);

static int check_elements(struct text *fault, const struct step *at, const json_t *array,
                          const struct field *each)
{
	struct step in = {.outer = at};
	int ret = 0;

	for (; in.index < json_array_size(array) && !ret; in.index++)
		ret = check_value(fault, &in, json_array_get(array, in.index), each);
	return ret;
}

static int check_members(struct text *fault, const struct step *at, const json_t *map,
                         const struct field *f)
{
	const struct field name = {.kind = f->keys, .min = 1, .max = NAME_BYTES_MAX};
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
	{
		const struct step in = {at, key, 0};
		json_t *text = json_string_nocheck(key);
		int ret = fields_text_is_right(text, &name)
		              ? check_value(fault, &in, value, f->rows)
		              : refuse(fault, &in, &name, "is no name here: it ");

		json_decref(text);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_value(struct text *fault, const struct step *at, const json_t *value,
                       const struct field *f)
{
	if (f->presence == FIELD_OR_NULL && json_is_null(value))
		return 0;
	if (!is_right(value, f))
		return refuse(fault, at, f, "");
	if (f->kind == FIELD_OBJECT)
		return check_object(fault, at, value, f->rows);
	if (f->kind == FIELD_ARRAY)
		return check_elements(fault, at, value, f->rows);
	return f->kind == FIELD_MAP ? check_members(fault, at, value, f) : 0;
}

static int check_object(struct text *fault, const struct step *at, const json_t *object,
                        const struct field *rows)
{
	int ret = 0;

	for (const struct field *f = rows; f && f->key && !ret; f++) {
		const json_t *value = json_object_get(object, f->key);
		const struct step in = {at, f->key, 0};

		if (f->kind == FIELD_REST)
			continue;
		if (value)
			ret = check_value(fault, &in, value, f);
		else if (f->presence == FIELD_REQUIRED)
			ret = refuse(fault, &in, f, "is missing: it ");
	}
	return ret;
}

int fields_check(const json_t *object, const struct field *rows, struct text *fault)
{
	return check_object(fault, NULL, object, rows);
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

static int check_file(int fd, struct text *fault)
{
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	if (!S_ISREG(info.st_mode)) {
		text_set(fault, " not a regular file");
		return -EINVAL;
	}
	if (info.st_size > FILE_BYTES_MAX) {
		text_set(fault, " larger than %d MB", FILE_BYTES_MAX >> 20);
		return -EFBIG;
	}
	return 0;
}

// Closes `fd`.
static int load(json_t **json, int fd, struct text *fault)
{
	FILE *stream = compressed_open(fd, FILE_BYTES_MAX);
	json_error_t error;

	*json = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
	bool read = !ferror(stream);
	fclose(stream);
	if (read && *json && json_is_object(*json) && fields_is_shallow(*json))
		return 0;
	if (!read)
		text_set(fault, " damaged, cut short, or more than %d MB unpacked",
		         FILE_BYTES_MAX >> 20);
	else if (!*json)
		text_set(fault, "%d: %s", error.line, error.text);
	else if (json_is_object(*json))
		text_set(fault, " nested deeper than %d", DEPTH_MAX);
	else
		text_set(fault, " not a JSON object");
	json_decref(*json);
	*json = NULL;
	return -EINVAL;
}

int fields_load(json_t **json, const char *path, struct text *fault)
{
	// A FIFO would keep open() waiting.
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret;

	*json = NULL;
	text_cut(fault, 0);
	if (fd < 0) {
		ret = -errno;
		text_set(fault, " %s", strerror(-ret));
		return ret;
	}
	ret = check_file(fd, fault);
	if (!ret)
		return load(json, fd, fault);
	if (!fault->length)
		text_set(fault, " %s", strerror(-ret));
	close(fd);
	return ret;
}
