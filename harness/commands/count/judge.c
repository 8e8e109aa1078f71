// What counts say, in numbers.
#include "base/memory.h"
#include "harness/command.h"
#include "harness/commands/count/count.h"
#include "harness/stats/basic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const count_verdict_names[COUNT_VERDICTS + 1] = {
    [COUNT_FEWER] = "fewer",
    [COUNT_SAME] = "same",
    [COUNT_MORE] = "more",
    [COUNT_UNJUDGED] = "not judged",
};

double count_per_packet(const struct count_cell *c)
{
	return (double)c->code.instructions / c->packets;
}

double count_difference_percent(const struct count *c, int mix, int side)
{
	double a = count_per_packet(&c->tunnel[0].cell[mix][side]),
	       b = count_per_packet(&c->tunnel[1].cell[mix][side]);

	return 100 * (b - a) / a;
}

static const char *find_variant(const struct spec *s, const char *slot)
{
	for (size_t i = 0; i < s->choices; i++)
		if (!strcmp(s->choice[i].slot, slot))
			return s->choice[i].variant;
	return "";
}

bool count_ciphers_differ(const struct count *c)
{
	return c->tunnels == 2 && strcmp(find_variant(&c->tunnel[0].spec, "aead"),
	                                 find_variant(&c->tunnel[1].spec, "aead"));
}

enum count_verdict count_judge(const struct count *c, int mix, int side)
{
	double difference = count_difference_percent(c, mix, side);

	if (count_ciphers_differ(c))
		return COUNT_UNJUDGED;
	if (stats_above(c->gate_percent, fabs(difference)))
		return COUNT_SAME;
	return difference > 0 ? COUNT_MORE : COUNT_FEWER;
}

bool count_is_wanted(const struct count *c, int mix, int side)
{
	return c->mix[mix] && c->side[side];
}

int count_exit_code(const struct count *c)
{
	if (c->tunnels < 2)
		return EXIT_NO_REGRESSION;
	if (count_ciphers_differ(c))
		return EXIT_INCONCLUSIVE;
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++)
			if (count_is_wanted(c, mix, side) &&
			    count_judge(c, mix, side) == COUNT_MORE)
				return EXIT_REGRESSION;
	return EXIT_NO_REGRESSION;
}

// ---- functions

static void add_function(struct count_functions *rows, const struct count *c, int mix, int side,
                         const char *name)
{
	struct count_function row = {.name = name, .mix = mix, .side = side};

	if (c->function && !strstr(name, c->function))
		return;
	for (size_t t = 0; t < c->tunnels; t++) {
		const struct count_cell *cell = &c->tunnel[t].cell[mix][side];
		row.value[t] = (double)callgrind_find(&cell->code, name) / cell->packets;
	}
	row.weight = c->tunnels == 2 ? fabs(row.value[1] - row.value[0]) : row.value[0];
	if (row.weight == 0)
		return;
	rows->row = memory_more(rows->row, rows->n, &rows->room, sizeof(*rows->row));
	rows->row[rows->n++] = row;
}

static int by_weight(const void *a, const void *b)
{
	const struct count_function *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight < right->weight ? 1 : -1;
	int names = strcmp(left->name, right->name);
	return names                    ? names
	       : left->mix - right->mix ? left->mix - right->mix
	                                : left->side - right->side;
}

// Both sides together hold what each has by itself.
static bool repeats_sides(const struct count *c, int side)
{
	return side == COUNT_BOTH && (c->side[COUNT_ENCRYPT] || c->side[COUNT_DECRYPT]);
}

void count_find_functions(struct count_functions *rows, const struct count *c)
{
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++) {
			const struct callgrind *a = &c->tunnel[0].cell[mix][side].code,
			                       *b = &c->tunnel[1].cell[mix][side].code;

			if (!count_is_wanted(c, mix, side) || repeats_sides(c, side))
				continue;
			for (size_t i = 0; i < a->n; i++)
				add_function(rows, c, mix, side, a->function[i].name);
			for (size_t i = 0; i < b->n; i++)
				if (!callgrind_find(a, b->function[i].name))
					add_function(rows, c, mix, side, b->function[i].name);
		}
	if (rows->n)
		qsort(rows->row, rows->n, sizeof(*rows->row), by_weight);
	if (rows->n > c->top)
		rows->n = c->top;
}
