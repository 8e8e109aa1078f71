#include "harness/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

void progress_begin(struct progress *p, unsigned total, unsigned blocks)
{
	*p = (struct progress){.total = total,
	                       .blocks = blocks,
	                       .began_s = now_s(),
	                       .terminal = isatty(STDERR_FILENO)};
}

// From the blocks done so far; "" before the first.
static const char *time_left(const struct progress *p, char *text, size_t bytes)
{
	text[0] = 0;
	if (p->done) {
		unsigned s = (now_s() - p->began_s) / p->done * (p->total - p->done) + 0.5;
		snprintf(text, bytes, ", %u:%02u left", s / 60, s % 60);
	}
	return text;
}

void progress_show(struct progress *p, unsigned block, const char *workload, unsigned position,
                   unsigned trials, unsigned attempt)
{
	char left[32], again[32] = "";

	if (!p->terminal)
		return;
	if (attempt)
		snprintf(again, sizeof(again), ", attempt %u", attempt + 1);
	fprintf(stderr, "\r\033[Kblock %u/%u  %s  trial %u/%u%s%s", block + 1, p->blocks, workload,
	        position + 1, trials, again, time_left(p, left, sizeof(left)));
	fflush(stderr);
}

void progress_finish(struct progress *p, unsigned block, const char *workload, const char *note)
{
	char left[32];

	p->done++;
	if (p->terminal && !*note)
		return;
	progress_clear(p);
	fprintf(stderr, "block %u/%u  %s%s%s%s\n", block + 1, p->blocks, workload,
	        time_left(p, left, sizeof(left)), *note ? ": " : "", note);
}

void progress_skip(struct progress *p, unsigned blocks)
{
	p->total -= blocks;
}

void progress_clear(struct progress *p)
{
	if (p->terminal)
		fputs("\r\033[K", stderr);
}
