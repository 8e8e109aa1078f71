#include "base/stamp.h"

#include <string.h>

static void print(char stamp[STAMP_BYTES], const char *format, time_t at)
{
	struct tm fields;

	if (!gmtime_r(&at, &fields) || !strftime(stamp, STAMP_BYTES, format, &fields))
		*stamp = 0;
}

void stamp_record(char stamp[STAMP_BYTES], time_t at)
{
	print(stamp, "%Y-%m-%dT%H:%M:%SZ", at);
}

void stamp_name(char stamp[STAMP_BYTES], time_t at)
{
	print(stamp, "%Y%m%dT%H%M%SZ", at);
}

bool stamp_valid(const char *text)
{
	struct tm fields = {0};
	char again[STAMP_BYTES];
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &fields);

	if (!end || *end || fields.tm_year < 70)
		return false;
	// What the calendar doesn't have, or strptime() read leniently, comes out as something
	// else.
	stamp_record(again, timegm(&fields));
	return !strcmp(again, text);
}
