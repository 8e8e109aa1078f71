// Rows as the way between a JSON object and a struct.
#include "base/fields.h"
#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *member_at(const void *base, size_t at)
{
	return (char *)base + at;
}

static bool is_text(const struct field *f)
{
	return f->kind <= FIELD_TIME;
}

// An element of a map is a struct that begins with its name.
static void *add_elements(void *base, const struct field *f, size_t n)
{
	void *elements = n ? memory_new(n, f->bytes) : NULL;

	*(void **)member_at(base, f->at) = elements;
	*(size_t *)member_at(base, f->count_at) = n;
	return elements;
}

static char *element_at(const void *base, const struct field *f, size_t i)
{
	return *(char **)member_at(base, f->at) + i * f->bytes;
}

static size_t count_elements(const void *base, const struct field *f)
{
	return *(const size_t *)member_at(base, f->count_at);
}

// ---- numbers

static void put_integer(void *to, size_t bytes, json_int_t value)
{
	if (bytes == sizeof(uint64_t))
		*(uint64_t *)to = value;
	else if (bytes == sizeof(uint32_t))
		*(uint32_t *)to = value;
	else
		*(uint8_t *)to = value;
}

static json_int_t get_integer(const void *from, size_t bytes, bool is_signed)
{
	if (bytes == sizeof(uint64_t))
		return *(const uint64_t *)from;
	if (bytes == sizeof(uint32_t))
		return is_signed ? *(const int32_t *)from : (json_int_t) * (const uint32_t *)from;
	return is_signed ? *(const int8_t *)from : (json_int_t) * (const uint8_t *)from;
}

// What a field without a value is.
static double absent_value(const struct field *f)
{
	return f->presence == FIELD_OR_NULL && f->otherwise == 0 ? NAN : f->otherwise;
}

// ---- reading

static void read_object(void *base, const json_t *, const struct field *rows);

static void read_text(void *to, const struct field *f, const char *text)
{
	if (f->place == FIELD_OWNED_TEXT)
		*(char **)to = memory_copy(text, strlen(text) + 1);
	else
		memcpy(to, text, strlen(text) + 1);
}

static json_int_t index_of(const char *const *words, const char *word)
{
	json_int_t i = 0;

	while (strcmp(words[i], word))
		i++;
	return i;
}

static void read_value(void *base, const json_t *, const struct field *);

static void read_elements(void *base, const json_t *array, const struct field *f)
{
	size_t n = json_array_size(array);

	add_elements(base, f, n);
	for (size_t i = 0; i < n; i++)
		read_value(element_at(base, f, i), json_array_get(array, i), f->rows);
}

static void read_members(void *base, const json_t *map, const struct field *f)
{
	char *element = add_elements(base, f, json_object_size(map));
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
	{
		*(char **)element = memory_copy(key, strlen(key) + 1);
		read_value(element, value, f->rows);
		element += f->bytes;
	}
}

// `value` is right, null or, of an optional field, missing.
static void read_value(void *base, const json_t *value, const struct field *f)
{
	void *to = member_at(base, f->at);
	bool is_there = value && !json_is_null(value);

	if (f->place == FIELD_JSON) {
		*(json_t **)to = is_there ? json_incref((json_t *)value) : NULL;
	} else if (f->kind == FIELD_OBJECT) {
		read_object(to, is_there ? value : NULL, f->rows);
	} else if (f->place == FIELD_NOWHERE) {
		return;
	} else if (is_text(f)) {
		if (is_there)
			read_text(to, f, json_string_value(value));
	} else if (f->kind == FIELD_WORD) {
		put_integer(to, f->bytes,
		            is_there ? index_of(f->words, json_string_value(value))
		                     : (json_int_t)f->otherwise);
	} else if (f->kind == FIELD_INTEGER) {
		put_integer(to, f->bytes,
		            is_there ? json_integer_value(value) : (json_int_t)f->otherwise);
	} else if (f->kind == FIELD_NUMBER) {
		*(double *)to = is_there ? json_number_value(value) : absent_value(f);
	} else if (f->kind == FIELD_BOOLEAN) {
		*(bool *)to = is_there ? json_is_true(value) : f->otherwise;
	} else if (f->kind == FIELD_ARRAY) {
		read_elements(base, value, f);
	} else if (f->kind == FIELD_MAP) {
		read_members(base, value, f);
	}
}

static void read_object(void *base, const json_t *object, const struct field *rows)
{
	for (const struct field *f = rows; f && f->key; f++)
		read_value(base, f->kind == FIELD_REST ? object : json_object_get(object, f->key),
		           f);
}

int fields_read(void *to, const json_t *object, const struct field *rows, struct text *fault)
{
	int ret = fields_check(object, rows, fault);

	if (!ret)
		read_object(to, object, rows);
	return ret;
}

void fields_init(void *to, const struct field *rows)
{
	read_object(to, NULL, rows);
}

// ---- writing

static int write_object(json_t *to, const void *base, const struct field *rows);

static json_t *write_text(const void *from, const struct field *f)
{
	return json_string(f->place == FIELD_OWNED_TEXT ? *(char *const *)from : from);
}

static json_t *write_value(const void *base, const struct field *);

static json_t *write_elements(const void *base, const struct field *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count_elements(base, f); i++)
		if (json_array_append_new(array, write_value(element_at(base, f, i), f->rows))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *write_members(const void *base, const struct field *f)
{
	json_t *map = json_object();

	for (size_t i = 0; i < count_elements(base, f); i++) {
		const void *element = element_at(base, f, i);
		const char *name = *(char *const *)element;

		if (json_object_get(map, name) ||
		    json_object_set_new(map, name, write_value(element, f->rows))) {
			json_decref(map);
			return NULL;
		}
	}
	return map;
}

// A field that has a value. NULL: JSON can't hold it.
static json_t *write_value(const void *base, const struct field *f)
{
	const void *from = member_at(base, f->at);
	json_t *object;

	if (f->place == FIELD_JSON)
		return json_incref(*(json_t *const *)from);
	if (is_text(f))
		return write_text(from, f);
	switch (f->kind) {
	case FIELD_WORD:
		return json_string(f->words[get_integer(from, f->bytes, false)]);
	case FIELD_INTEGER:
		return json_integer(get_integer(from, f->bytes, f->min < 0));
	case FIELD_NUMBER:
		return json_real(*(const double *)from);
	case FIELD_BOOLEAN:
		return json_boolean(*(const bool *)from);
	case FIELD_ARRAY:
		return write_elements(base, f);
	case FIELD_MAP:
		return write_members(base, f);
	default:
		object = json_object();
		if (!write_object(object, from, f->rows))
			return object;
		json_decref(object);
		return NULL;
	}
}

// Whether a field is as one that is missing.
static bool is_absent(const void *base, const struct field *f)
{
	const void *from = member_at(base, f->at);

	if (f->place == FIELD_JSON || f->place == FIELD_OWNED_TEXT)
		return !*(void *const *)from;
	if (is_text(f))
		return !*(const char *)from;
	switch (f->kind) {
	case FIELD_WORD:
	case FIELD_INTEGER:
		return get_integer(from, f->bytes, f->min < 0) == f->otherwise;
	case FIELD_NUMBER:
		return isfinite(absent_value(f)) ? *(const double *)from == f->otherwise
		                                 : !isfinite(*(const double *)from);
	case FIELD_BOOLEAN:
		return *(const bool *)from == (f->otherwise != 0);
	default:
		return !count_elements(base, f);
	}
}

static bool has_value(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_null(value))
			return true;
	}
	return false;
}

// Fields of the inner object that have no row stay.
static int write_inner(json_t *to, const void *base, const struct field *f)
{
	const json_t *known = json_object_get(to, f->key);
	json_t *inner = json_is_object(known) ? json_copy((json_t *)known) : json_object();
	int ret = write_object(inner, member_at(base, f->at), f->rows);

	if (!ret && (f->presence == FIELD_REQUIRED || has_value(inner)))
		return json_object_set_new(to, f->key, inner);
	json_decref(inner);
	if (!ret && f->presence == FIELD_OR_NULL && f->place == FIELD_VALUE)
		return json_object_set_new(to, f->key, json_null());
	if (!ret)
		json_object_del(to, f->key);
	return ret;
}

static int write_field(json_t *to, const void *base, const struct field *f)
{
	if (f->kind == FIELD_OBJECT && f->place != FIELD_JSON)
		return write_inner(to, base, f);
	if (f->place == FIELD_NOWHERE)
		return 0;
	if (f->presence == FIELD_REQUIRED || f->presence == FIELD_ADDED || !is_absent(base, f))
		return json_object_set_new(to, f->key, write_value(base, f));
	if (f->presence == FIELD_OR_NULL)
		return json_object_set_new(to, f->key, json_null());
	json_object_del(to, f->key);
	return 0;
}

static int write_object(json_t *to, const void *base, const struct field *rows)
{
	int ret = 0;

	for (const struct field *f = rows; f && f->key && !ret; f++)
		if (f->kind != FIELD_REST)
			ret = write_field(to, base, f);
		else if (!is_absent(base, f))
			ret = json_object_update(to, *(json_t *const *)member_at(base, f->at));
	return ret;
}

json_t *fields_write(const void *from, const struct field *rows)
{
	json_t *object = json_object();

	if (!write_object(object, from, rows))
		return object;
	json_decref(object);
	return NULL;
}

// ---- freeing

static void free_value(void *base, const struct field *f)
{
	void *at = member_at(base, f->at);

	if (f->place == FIELD_JSON) {
		json_decref(*(json_t **)at);
		*(json_t **)at = NULL;
	} else if (f->place == FIELD_OWNED_TEXT) {
		free(*(char **)at);
		*(char **)at = NULL;
	} else if (f->kind == FIELD_OBJECT) {
		fields_free(at, f->rows);
	} else if (f->place != FIELD_NOWHERE && (f->kind == FIELD_ARRAY || f->kind == FIELD_MAP)) {
		for (size_t i = 0; i < count_elements(base, f); i++) {
			if (f->kind == FIELD_MAP)
				free(*(char **)element_at(base, f, i));
			free_value(element_at(base, f, i), f->rows);
		}
		free(*(void **)at);
		add_elements(base, f, 0);
	}
}

void fields_free(void *base, const struct field *rows)
{
	for (const struct field *f = rows; f && f->key; f++)
		free_value(base, f);
}
