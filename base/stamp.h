// Times as text: of a record (RFC 3339) and as part of a file's name. Both in UTC, to the second.
#ifndef WGBENCH_BASE_STAMP_H
#define WGBENCH_BASE_STAMP_H

#include <time.h>

enum { STAMP_BYTES = 24 };

// "2026-11-30T22:07:29Z".
void stamp_record(char stamp[STAMP_BYTES], time_t);

// "20261130T220729Z".
void stamp_name(char stamp[STAMP_BYTES], time_t);

#endif
