#include "base/stamp.h"

static void print_time(char stamp[STAMP_BYTES], const char *format, time_t at)
{
	struct tm fields;

	if (!gmtime_r(&at, &fields) || !strftime(stamp, STAMP_BYTES, format, &fields))
		*stamp = 0;
}

void stamp_record(char stamp[STAMP_BYTES], time_t at)
{
	print_time(stamp, "%Y-%m-%dT%H:%M:%SZ", at);
}

void stamp_name(char stamp[STAMP_BYTES], time_t at)
{
	print_time(stamp, "%Y%m%dT%H%M%SZ", at);
}
