#include "harness/measure/progress.h"

#include "base/clock.h"
#include "base/terminal.h"

#include <stdio.h>

void progress_begin(struct progress *p, unsigned total, unsigned blocks, double budget_s)
{
	*p = (struct progress){.total = total,
	                       .blocks = budget_s > 0 ? 0 : blocks,
	                       .began_s = clock_s(),
	                       .ends_s = budget_s > 0 ? clock_s() + budget_s : 0,
	                       .terminal = terminal_rewrites(stderr)};
}

// From the blocks done so far, "" before the first; or until the budget is spent.
static const char *time_left(const struct progress *p, char *text, size_t bytes)
{
	double left_s = p->ends_s - clock_s();

	text[0] = 0;
	if (!p->ends_s && !p->done)
		return text;
	if (!p->ends_s)
		left_s = (clock_s() - p->began_s) / p->done * (p->total - p->done);
	unsigned s = left_s > 0 ? left_s + 0.5 : 0;
	snprintf(text, bytes, ", %s%u:%02u left", p->ends_s ? "at most " : "", s / 60, s % 60);
	return text;
}

static const char *of_blocks(const struct progress *p, char *text, size_t bytes)
{
	text[0] = 0;
	if (p->blocks)
		snprintf(text, bytes, "/%u", p->blocks);
	return text;
}

void progress_show(struct progress *p, unsigned block, const char *workload, unsigned position,
                   unsigned trials, unsigned attempt)
{
	char left[48], of[16], again[32] = "";

	if (!p->terminal)
		return;
	if (attempt)
		snprintf(again, sizeof(again), ", attempt %u", attempt + 1);
	fprintf(stderr, "\r\033[Kblock %u%s  %s  trial %u/%u%s%s", block + 1,
	        of_blocks(p, of, sizeof(of)), workload, position + 1, trials, again,
	        time_left(p, left, sizeof(left)));
	fflush(stderr);
}

void progress_finish(struct progress *p, unsigned block, const char *workload, const char *note)
{
	char left[48], of[16];

	p->done++;
	if (p->terminal && !*note)
		return;
	progress_clear(p);
	fprintf(stderr, "block %u%s  %s%s%s%s\n", block + 1, of_blocks(p, of, sizeof(of)), workload,
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
