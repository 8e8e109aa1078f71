#include "harness/show/report/counters.h"
#include "harness/judge/tunnel_ends.h"

#include <math.h>
#include <string.h>

static const char *const ends[] = {"left", "right"};

// ---- offloads

static void add_offloads(struct table *t, size_t tunnel, const char *end, const json_t *offloads)
{
	table_add(t, TABLE_PLAIN, "%c", outcome_letter(tunnel));
	table_add(t, TABLE_PLAIN, "%s", end);
	for (size_t c = 2; c < t->columns; c++) {
		const json_t *value = json_object_get(offloads, t->column[c].heading);

		if (json_is_integer(value))
			table_add(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(value));
		else if (json_is_boolean(value))
			table_add(t, json_is_true(value) ? TABLE_PLAIN : TABLE_YELLOW, "%s",
			          json_is_true(value) ? "on" : "off");
		else
			table_add(t, TABLE_DIM, "not reported");
	}
}

// The columns are those of the first end that told any.
static size_t name_columns(const struct outcome *o, struct table_column *columns, size_t n)
{
	const char *name;
	json_t *value, *first = NULL;

	for (size_t i = 0; i < 2 * o->store->run.tunnels && !first; i++)
		first = o->store->run.tunnel[i / 2].offloads[i % 2];
	json_object_foreach(first, name, value)
	{
		if (n < TABLE_COLUMNS_MAX)
			columns[n++] = (struct table_column){name, TABLE_RIGHT};
	}
	return n;
}

static void write_offloads(struct page *p, const struct outcome *o)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {{"", TABLE_LEFT}, {"end", TABLE_LEFT}};
	size_t n = name_columns(o, columns, 2);
	struct table t;

	if (n == 2)
		return;
	table_init(&t, columns, n);
	for (size_t i = 0; i < o->store->run.tunnels; i++) {
		const json_t *left = o->store->run.tunnel[i].offloads[0];
		const json_t *right = o->store->run.tunnel[i].offloads[1];

		if (left && right ? json_equal(left, right) : !left && !right) {
			add_offloads(&t, i, "both", left);
			continue;
		}
		add_offloads(&t, i, "left", left);
		add_offloads(&t, i, "right", right);
	}
	page_heading(p, "Offloads in effect");
	page_table(p, &t);
	page_paragraph(p, "As each program found them when it was first started; buffers in "
	                  "bytes, as the kernel counts them.");
	table_free(&t);
}

// ---- system calls

static void add_calls(struct table *t, const struct outcome *o, const char *workload)
{
	for (size_t i = 0; i < 2 * o->store->run.tunnels; i++) {
		double median[TUNNEL_ENDS_COUNTS];
		bool told = false;

		for (size_t q = 0; q < TUNNEL_ENDS_COUNTS; q++) {
			median[q] =
			    tunnel_ends_median(o, i / 2, workload, i % 2, tunnel_ends_counts[q].at);
			told |= !isnan(median[q]);
		}
		if (!told)
			continue;
		table_add(t, TABLE_PLAIN, "%s", workload);
		table_add(t, TABLE_PLAIN, "%c", outcome_letter(i / 2));
		table_add(t, TABLE_PLAIN, "%s", ends[i % 2]);
		for (size_t q = 0; q < TUNNEL_ENDS_COUNTS; q++)
			if (isnan(median[q]))
				table_add(t, TABLE_DIM, "none");
			else
				table_add(t, TABLE_PLAIN, "%.3g", median[q]);
	}
}

static void write_calls(struct page *p, const struct outcome *o)
{
	struct table_column columns[3 + TUNNEL_ENDS_COUNTS] = {
	    {"workload", TABLE_LEFT}, {"", TABLE_LEFT}, {"end", TABLE_LEFT}};
	const char *before = NULL;
	struct table t;

	for (size_t q = 0; q < TUNNEL_ENDS_COUNTS; q++)
		columns[3 + q] = (struct table_column){tunnel_ends_counts[q].name, TABLE_RIGHT};
	table_init(&t, columns, 3 + TUNNEL_ENDS_COUNTS);
	for (size_t s = 0; s < o->series.n; s++) {
		const char *workload = o->series.series[s].workload;

		if (!before || strcmp(before, workload))
			add_calls(&t, o, workload);
		before = workload;
	}
	if (t.cells) {
		page_heading(p, "System calls per packet");
		page_table(p, &t);
		page_paragraph(
		    p, "Medians over the trials that didn't fail, as each end counted: reads of "
		       "the TUN and sends per packet sent, receives and writes to the TUN per "
		       "packet received, waits per packet of both directions.");
	}
	table_free(&t);
}

void report_counters(struct page *p, const struct outcome *o)
{
	write_offloads(p, o);
	write_calls(p, o);
}
