#include "base/fields.h"
#include "harness/commands/history/history.h"
#include "harness/commands/history/index.h"
#include "base/quote.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A copy of a run's folder is no second run: of the two, the one that holds more counts.
static const char query[] =
    "SELECT p.workload, p.metric, p.unit, p.tunnel, r.measuring, p.higher_is_better, r.duration_s,"
    " p.environment, r.run, r.created, p.revision, p.median, p.low, p.high, max(p.blocks)"
    " FROM points p JOIN runs r ON r.id = p.run JOIN seen ON seen.run = r.id"
    " WHERE (?1 = '' OR p.workload = ?1) AND (?2 = '' AND p.judged OR p.metric = ?2)"
    " AND (?3 = '' OR p.tunnel = ?3)"
    " GROUP BY r.run, p.workload, p.metric, p.tunnel"
    " ORDER BY p.workload, p.metric, p.unit, p.higher_is_better, p.tunnel, r.duration_s,"
    " p.environment, r.measuring, r.created, r.run";

static const char *text_at(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

static void copy(char *to, size_t bytes, sqlite3_stmt *row, int column)
{
	snprintf(to, bytes, "%s", text_at(row, column));
}

static bool same_series(const struct history_series *a, const struct history_series *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->metric, b->metric) &&
	       !strcmp(a->unit, b->unit) && !strcmp(a->tunnel, b->tunnel) &&
	       !strcmp(a->measuring, b->measuring) && a->higher_is_better == b->higher_is_better &&
	       a->duration_s == b->duration_s && a->environment == b->environment;
}

static double bound_at(sqlite3_stmt *row, int column, double otherwise)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? otherwise
	                                                       : sqlite3_column_double(row, column);
}

static int add_point(struct history_series *s, sqlite3_stmt *row)
{
	struct history_point *p;

	s->point = reallocarray(s->point, s->n + 1, sizeof(*s->point));
	if (!s->point)
		abort();
	p = &s->point[s->n++];
	copy(p->run, sizeof(p->run), row, 8);
	copy(p->created, sizeof(p->created), row, 9);
	copy(p->revision, sizeof(p->revision), row, 10);
	p->median = sqlite3_column_double(row, 11);
	p->low = bound_at(row, 12, -INFINITY);
	p->high = bound_at(row, 13, INFINITY);
	p->blocks = sqlite3_column_int64(row, 14);
	return fields_time(p->created, &p->time) && isfinite(p->median) ? 0 : -EINVAL;
}

// Rows come series by series.
static int add_row(struct history *h, sqlite3_stmt *row)
{
	struct history_series s = {
	    .higher_is_better = sqlite3_column_int(row, 5),
	    .duration_s = sqlite3_column_int(row, 6),
	    .environment = sqlite3_column_int(row, 7),
	};

	copy(s.workload, sizeof(s.workload), row, 0);
	copy(s.metric, sizeof(s.metric), row, 1);
	copy(s.unit, sizeof(s.unit), row, 2);
	copy(s.tunnel, sizeof(s.tunnel), row, 3);
	copy(s.measuring, sizeof(s.measuring), row, 4);
	if (!h->n || !same_series(&h->series[h->n - 1], &s)) {
		h->series = reallocarray(h->series, h->n + 1, sizeof(*h->series));
		if (!h->series)
			abort();
		h->series[h->n++] = s;
	}
	return add_point(&h->series[h->n - 1], row);
}

static bool is_named(const struct history *h, unsigned environment)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->series[i].environment == environment)
			return true;
	return false;
}

static int add_environment(struct history *h, sqlite3_stmt *row)
{
	struct history_environment *e;

	if (!is_named(h, sqlite3_column_int(row, 0)))
		return 0;
	h->environment = reallocarray(h->environment, h->environments + 1, sizeof(*h->environment));
	if (!h->environment)
		abort();
	e = &h->environment[h->environments++];
	e->number = sqlite3_column_int(row, 0);
	copy(e->cpu_model, sizeof(e->cpu_model), row, 1);
	e->cpus = sqlite3_column_int(row, 2);
	copy(e->kernel, sizeof(e->kernel), row, 3);
	e->mitigations = json_loads(text_at(row, 4), 0, NULL);
	e->conditions = json_loads(text_at(row, 5), 0, NULL);
	return json_is_object(e->mitigations) && json_is_object(e->conditions) ? 0 : -EINVAL;
}

// Steps through a statement, which it frees.
static int take_rows(struct history *h, struct history_database *d, sqlite3_stmt *statement,
                     int (*take)(struct history *, sqlite3_stmt *))
{
	int step, ret = 0;

	if (!statement)
		return -EIO;
	while (!ret && (step = sqlite3_step(statement)) == SQLITE_ROW)
		ret = take(h, statement);
	if (ret)
		quote_printf(stderr, "wgbench: %s: holds a row that is of no run: --rebuild it\n",
		             d->path);
	else if (step != SQLITE_DONE)
		ret = history_complain(d);
	sqlite3_finalize(statement);
	return ret;
}

int history_load(struct history *h, const char *path, const char *const *dirs, size_t n,
                 bool rebuild, const struct history_filter *f, size_t *unreadable)
{
	struct history_database d;
	int ret = history_open(&d, path, rebuild);

	memset(h, 0, sizeof(*h));
	if (ret)
		return ret;
	ret = history_update(&d, dirs, n, unreadable);
	if (!ret)
		ret = take_rows(h, &d,
		                history_prepare(&d, query, "ttt", f->workload ? f->workload : "",
		                                f->metric ? f->metric : "",
		                                f->tunnel ? f->tunnel : ""),
		                add_row);
	if (!ret)
		ret = take_rows(
		    h, &d,
		    history_prepare(&d,
		                    "SELECT id, cpu_model, cpus, kernel, mitigations, conditions"
		                    " FROM environments ORDER BY id",
		                    ""),
		    add_environment);
	history_close(&d);
	if (ret)
		history_free(h);
	return ret;
}

void history_free(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->series[i].point);
		free(h->series[i].change);
	}
	for (size_t i = 0; i < h->environments; i++) {
		json_decref(h->environment[i].mitigations);
		json_decref(h->environment[i].conditions);
	}
	free(h->series);
	free(h->environment);
	memset(h, 0, sizeof(*h));
}
