#include "base/fields_text.h"

#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

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

bool fields_text_is_right(const json_t *value, const struct field *f)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	time_t time;

	if (!text || strlen(text) != length)
		return false;
	if (f->kind == FIELD_TIME)
		return fields_time(text, &time);
	if (f->kind == FIELD_WORD)
		return is_one_of(text, f->words);
	if (length < f->min || length > f->max)
		return false;
	switch (f->kind) {
	case FIELD_ASCII:
		return is_ascii(text);
	case FIELD_NAME:
		return is_name(text);
	case FIELD_METRIC:
		return is_metric(text);
	case FIELD_WORKLOAD:
		return is_workload(text);
	case FIELD_HEX:
		return !text[strspn(text, DIGITS "abcdef")];
	default:
		return true;
	}
}
