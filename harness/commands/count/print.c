#include "base/file.h"
#include "base/memory.h"
#include "harness/command.h"
#include "harness/commands/count/count.h"
#include "harness/show/table.h"
#include "harness/stats/basic.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_words[] = {"fewer", "same", "more", "not judged"};
static const enum table_colour verdict_colours[] = {TABLE_GREEN, TABLE_PLAIN, TABLE_RED,
                                                    TABLE_YELLOW};
static const char *const end_names[COUNT_ENDS] = {"left, which encrypts", "right, which decrypts"};

// ---- judging

static double per_packet(const struct count_cell *c)
{
	return (double)c->code.instructions / c->packets;
}

// Of the second tunnel from the first.
static double difference_percent(const struct count *c, int mix, int side)
{
	double a = per_packet(&c->tunnel[0].cell[mix][side]),
	       b = per_packet(&c->tunnel[1].cell[mix][side]);

	return 100 * (b - a) / a;
}

static const char *find_variant(const struct spec *s, const char *slot)
{
	for (size_t i = 0; i < s->choices; i++)
		if (!strcmp(s->choice[i].slot, slot))
			return s->choice[i].variant;
	return "";
}

// The cipher's code that valgrind can run isn't the one that runs elsewhere.
static bool ciphers_differ(const struct count *c)
{
	return c->tunnels == 2 && strcmp(find_variant(&c->tunnel[0].spec, "aead"),
	                                 find_variant(&c->tunnel[1].spec, "aead"));
}

enum count_verdict count_judge(const struct count *c, int mix, int side)
{
	double difference = difference_percent(c, mix, side);

	if (ciphers_differ(c))
		return COUNT_UNJUDGED;
	if (stats_above(c->gate_percent, fabs(difference)))
		return COUNT_SAME;
	return difference > 0 ? COUNT_MORE : COUNT_FEWER;
}

static bool is_wanted(const struct count *c, int mix, int side)
{
	return c->mix[mix] && c->side[side];
}

int count_exit_code(const struct count *c)
{
	if (c->tunnels < 2)
		return EXIT_NO_REGRESSION;
	if (ciphers_differ(c))
		return EXIT_INCONCLUSIVE;
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++)
			if (is_wanted(c, mix, side) && count_judge(c, mix, side) == COUNT_MORE)
				return EXIT_REGRESSION;
	return EXIT_NO_REGRESSION;
}

// ---- functions

struct function_row {
	const char *name; // borrowed
	int mix, side;
	double value[COUNT_TUNNELS_MAX]; // instructions per packet
	double weight;                   // by which rows are sorted
};

struct function_rows {
	size_t n, room;
	struct function_row *row;
};

static void add_function(struct function_rows *rows, const struct count *c, int mix, int side,
                         const char *name)
{
	struct function_row row = {.name = name, .mix = mix, .side = side};

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
	const struct function_row *left = a, *right = b;

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

static void find_functions(struct function_rows *rows, const struct count *c)
{
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++) {
			const struct callgrind *a = &c->tunnel[0].cell[mix][side].code,
			                       *b = &c->tunnel[1].cell[mix][side].code;

			if (!is_wanted(c, mix, side) || repeats_sides(c, side))
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

// ---- as tables

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
			if (!is_wanted(c, mix, side))
				continue;
			table_add(&t, TABLE_PLAIN, "%s", count_mixes[mix]);
			table_add(&t, TABLE_PLAIN, "%s", count_sides[side]);
			table_add(&t, TABLE_PLAIN, "%llu",
			          (unsigned long long)c->tunnel[0].cell[mix][side].packets);
			for (size_t i = 0; i < c->tunnels; i++) {
				const struct count_cell *cell = &c->tunnel[i].cell[mix][side];

				table_add(&t, TABLE_PLAIN, "%.1f", per_packet(cell));
				table_add(&t, TABLE_PLAIN, "%.3f",
				          (double)cell->code.instructions / cell->bytes);
				table_add(&t, TABLE_PLAIN, "%.3f",
				          (double)cell->calls / cell->packets);
			}
			if (c->tunnels < 2)
				continue;
			enum count_verdict verdict = count_judge(c, mix, side);
			table_add(&t, TABLE_PLAIN, "%+.3f %%", difference_percent(c, mix, side));
			table_add(&t, verdict_colours[verdict], "%s", verdict_words[verdict]);
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
	struct function_rows rows = {0};
	struct table t;

	find_functions(&rows, c);
	if (rows.n) {
		table_init(&t, c->tunnels == 2 ? two : one,
		           c->tunnels == 2 ? sizeof(two) / sizeof(*two)
		                           : sizeof(one) / sizeof(*one));
		for (size_t i = 0; i < rows.n; i++) {
			const struct function_row *r = &rows.row[i];

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
	    ciphers_differ(c) ? ": tunnels of different `aead` can't be judged by this" : "");
	if (c->tunnels == 2 && !ciphers_differ(c))
		printf("more, fewer: B against A, from the gate of %g %% on.\n", c->gate_percent);
}

// ---- as JSON

static json_t *tunnel_json(const struct count_tunnel *t)
{
	json_t *variants = json_object();

	for (size_t i = 0; i < t->spec.choices; i++)
		json_object_set_new(variants, t->spec.choice[i].slot,
		                    json_string(t->spec.choice[i].variant));
	return json_pack("{ss ss so}", "spec", t->spec.name, "revision", t->commit, "variants",
	                 variants);
}

static json_t *count_json(const struct count *c, int mix, int side)
{
	json_t *row = json_pack("{ss ss}", "mix", count_mixes[mix], "side", count_sides[side]),
	       *cells = json_array();

	for (size_t i = 0; i < c->tunnels; i++) {
		const struct count_cell *cell = &c->tunnel[i].cell[mix][side];

		json_array_append_new(
		    cells,
		    json_pack("{sI sI sI sI sf sf sf}", "packets", (json_int_t)cell->packets,
		              "bytes", (json_int_t)cell->bytes, "instructions",
		              (json_int_t)cell->code.instructions, "calls", (json_int_t)cell->calls,
		              "instructions_per_packet", per_packet(cell), "instructions_per_byte",
		              (double)cell->code.instructions / cell->bytes, "calls_per_packet",
		              (double)cell->calls / cell->packets));
	}
	json_object_set_new(row, "tunnels", cells);
	if (c->tunnels == 2) {
		json_object_set_new(row, "difference_percent",
		                    json_real(difference_percent(c, mix, side)));
		json_object_set_new(row, "verdict",
		                    json_string(verdict_words[count_judge(c, mix, side)]));
	}
	return row;
}

static json_t *functions_json(const struct count *c)
{
	struct function_rows rows = {0};
	json_t *all = json_array();

	find_functions(&rows, c);
	for (size_t i = 0; i < rows.n; i++) {
		const struct function_row *r = &rows.row[i];
		json_t *values = json_array();

		for (size_t k = 0; k < c->tunnels; k++)
			json_array_append_new(values, json_real(r->value[k]));
		json_array_append_new(all, json_pack("{ss ss ss so}", "mix", count_mixes[r->mix],
		                                     "side", count_sides[r->side], "function",
		                                     r->name, "instructions_per_packet", values));
	}
	free(rows.row);
	return all;
}

static json_t *calls_json(const struct count *c)
{
	static const char *const ends[COUNT_ENDS] = {"left", "right"};
	json_t *all = json_array();

	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int end = 0; end < COUNT_ENDS; end++)
			for (size_t i = 0; i < c->tunnels; i++) {
				const struct count_calls *calls = &c->tunnel[i].calls[mix][end];
				json_t *values = json_array();

				for (size_t k = 0; k < calls->n; k++)
					json_array_append_new(values, json_real(calls->value[k]));
				if (!calls->n) {
					json_decref(values);
					continue;
				}
				json_array_append_new(
				    all,
				    json_pack("{ss ss si ss so}", "mix", count_mixes[mix],
				              "traffic", count_calls_traffic(mix), "tunnel", (int)i,
				              "end", ends[end], "calls_per_packet", values));
			}
	return all;
}

static void print_json(const struct count *c)
{
	json_t *tunnels = json_array(), *rows = json_array(), *all;

	for (size_t i = 0; i < c->tunnels; i++)
		json_array_append_new(tunnels, tunnel_json(&c->tunnel[i]));
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++)
			if (is_wanted(c, mix, side))
				json_array_append_new(rows, count_json(c, mix, side));
	all = json_pack("{si sf so so so so}", "schema", 1, "gate_percent", c->gate_percent,
	                "tunnels", tunnels, "counts", rows, "functions", functions_json(c), "calls",
	                calls_json(c));
	output_print_json(all);
}

void count_print(const struct count *c)
{
	if (c->json)
		print_json(c);
	else
		print_text(c);
}
