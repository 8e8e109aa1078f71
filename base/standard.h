// A program's standard streams: there when it starts, and when it ends it is known whether what it
// printed has arrived.
#ifndef WGBENCH_BASE_STANDARD_H
#define WGBENCH_BASE_STANDARD_H

enum { STANDARD_NOT_WRITTEN = 2 };

// Comes first in main(). A program that is started with descriptor 0, 1 or 2 closed would get it
// for the first file that it opens, and print into that; here it is filled such that its use fails.
// Writing to a pipe whose reader has gone, or past the limit of a file's size, becomes an error
// instead of a signal.
void standard_open(void);

// Something that was to be printed could not be.
void standard_lose(void);

// Comes last in main(): closes standard output and returns `code`; STANDARD_NOT_WRITTEN after a
// line on standard error if any of the output was lost.
int standard_close(const char *program, int code);

#endif
