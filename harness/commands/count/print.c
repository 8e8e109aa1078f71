// Counts as tables.
#include "base/file.h"
#include "harness/commands/count/count.h"
#include "harness/show/table.h"
#include "harness/stats/basic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum table_colour verdict_colours[] = {TABLE_GREEN, TABLE_PLAIN, TABLE_RED,
                                                    TABLE_YELLOW};
static const char *const end_names[COUNT_ENDS] = {"left, which encrypts", "right, which decrypts"};

static void print_counts(const struct count *c)
{
	static const struct table_column one[] = {{"mix", TABLE_LEFT},
	                                          {"side", TABLE_LEFT},
	                                          {"packets", TABLE_RIGHT},
	                                          {"instructions/packet", TABLE_RIGHT},
	                                          {"/byte", TABLE_RIGHT},
	                                          {"calls/packet", TABLE_RIGHT}},
	                                 two[] = {{"mix", TABLE_LEFT},
	                                          {"side", TABLE_LEFT},
	                                          {"packets", TABLE_RIGHT},
	                                          {"A instructions/packet", TABLE_RIGHT},
	                                          {"/byte", TABLE_RIGHT},
	                                          {"calls/packet", TABLE_RIGHT},
	                                          {"B instructions/packet", TABLE_RIGHT},
	                                          {"/byte", TABLE_RIGHT},
	                                          {"calls/packet", TABLE_RIGHT},
	                                          {"difference", TABLE_RIGHT},
	                                          {"verdict", TABLE_LEFT}};
	struct table t;

	table_init(&t, c->tunnels == 2 ? two : one,
	           c->tunnels == 2 ? sizeof(two) / sizeof(*two) : sizeof(one) / sizeof(*one));
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++) {
			if (!count_is_wanted(c, mix, side))
				continue;
			table_add(&t, TABLE_PLAIN, "%s", count_mixes[mix]);
			table_add(&t, TABLE_PLAIN, "%s", count_sides[side]);
			table_add(&t, TABLE_PLAIN, "%llu",
			          (unsigned long long)c->tunnel[0].cell[mix][side].packets);
			for (size_t i = 0; i < c->tunnels; i++) {
				const struct count_cell *cell = &c->tunnel[i].cell[mix][side];

				table_add(&t, TABLE_PLAIN, "%.1f", count_per_packet(cell));
				table_add(&t, TABLE_PLAIN, "%.3f",
				          (double)cell->code.instructions / cell->bytes);
				table_add(&t, TABLE_PLAIN, "%.3f",
				          (double)cell->calls / cell->packets);
			}
			if (c->tunnels < 2)
				continue;
			enum count_verdict verdict = count_judge(c, mix, side);
			table_add(&t, TABLE_PLAIN, "%+.3f %%",
			          count_difference_percent(c, mix, side));
			table_add(&t, verdict_colours[verdict], "%s", count_verdict_names[verdict]);
		}
	table_print(&t, stdout);
	table_free(&t);
}

static void print_functions(const struct count *c)
{
	static const struct table_column one[] = {{"mix", TABLE_LEFT},
	                                          {"side", TABLE_LEFT},
	                                          {"instructions/packet", TABLE_RIGHT},
	                                          {"function", TABLE_LEFT}},
	                                 two[] = {
	                                     {"mix", TABLE_LEFT},         {"side", TABLE_LEFT},
	                                     {"A", TABLE_RIGHT},          {"B", TABLE_RIGHT},
	                                     {"difference", TABLE_RIGHT}, {"function", TABLE_LEFT}};
	struct count_functions rows = {0};
	struct table t;

	count_find_functions(&rows, c);
	if (rows.n) {
		table_init(&t, c->tunnels == 2 ? two : one,
		           c->tunnels == 2 ? sizeof(two) / sizeof(*two)
		                           : sizeof(one) / sizeof(*one));
		for (size_t i = 0; i < rows.n; i++) {
			const struct count_function *r = &rows.row[i];

			table_add(&t, TABLE_PLAIN, "%s", count_mixes[r->mix]);
			table_add(&t, TABLE_PLAIN, "%s", count_sides[r->side]);
			for (size_t k = 0; k < c->tunnels; k++)
				table_add(&t, TABLE_PLAIN, "%.2f", r->value[k]);
			if (c->tunnels == 2)
				table_add(&t, TABLE_PLAIN, "%+.2f", r->value[1] - r->value[0]);
			table_add(&t, TABLE_PLAIN, "%s", r->name);
		}
		printf("\n");
		table_print(&t, stdout);
		table_free(&t);
	}
	free(rows.row);
}

static void find_range(const struct count_calls *calls, double *median, double *low, double *high)
{
	double sorted[COUNT_REPEATS];

	memcpy(sorted, calls->value, calls->n * sizeof(*sorted));
	*low = *high = sorted[0];
	for (size_t i = 1; i < calls->n; i++) {
		*low = fmin(*low, sorted[i]);
		*high = fmax(*high, sorted[i]);
	}
	*median = stats_median(sorted, calls->n);
}

static void print_calls(const struct count *c)
{
	static const struct table_column columns[] = {{"system calls per packet at", TABLE_LEFT},
	                                              {"end", TABLE_LEFT},
	                                              {"A", TABLE_RIGHT},
	                                              {"least to most", TABLE_RIGHT},
	                                              {"B", TABLE_RIGHT},
	                                              {"least to most", TABLE_RIGHT}};
	struct table t;

	if (c->instructions_only)
		return;
	table_init(&t, columns, 2 + 2 * c->tunnels);
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int end = 0; end < COUNT_ENDS; end++) {
			if (!c->mix[mix] || !count_calls_traffic(mix))
				continue;
			table_add(&t, TABLE_PLAIN, "%s", count_calls_traffic(mix));
			table_add(&t, TABLE_PLAIN, "%s", end_names[end]);
			for (size_t i = 0; i < c->tunnels; i++) {
				double median, low, high;

				find_range(&c->tunnel[i].calls[mix][end], &median, &low, &high);
				table_add(&t, TABLE_PLAIN, "%.3f", median);
				table_add(&t, TABLE_PLAIN, "%.3f to %.3f", low, high);
			}
		}
	if (t.cells) {
		printf("\n");
		table_print(&t, stdout);
	}
	table_free(&t);
}

static void print_text(const struct count *c)
{
	for (size_t i = 0; i < c->tunnels; i++)
		printf("%c  %s  %.12s%s\n", (char)('A' + i), c->tunnel[i].spec.name,
		       c->tunnel[i].commit, strstr(c->tunnel[i].commit, "-dirty") ? "-dirty" : "");
	printf("\n");
	print_counts(c);
	print_functions(c);
	print_calls(c);
	printf(
	    "\nInstructions and the first calls are of the replay and repeat exactly. The cipher "
	    "is counted as it runs\nwithout AVX-512, which valgrind doesn't know%s.\n",
	    count_ciphers_differ(c) ? ": tunnels of different `aead` can't be judged by this" : "");
	if (c->tunnels == 2 && !count_ciphers_differ(c))
		printf("more, fewer: B against A, beyond the threshold of %g %%.\n",
		       c->gate_percent);
}

void count_print(const struct count *c)
{
	if (c->json)
		output_print_json(count_to_json(c));
	else
		print_text(c);
}
