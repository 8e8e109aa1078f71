#include "harness/commands/history/index.h"

#include "harness/record/environment_compare.h"
#include "base/fields.h"
#include "base/quote.h"
#include "base/text.h"
#include "base/stamp.h"
#include "harness/judge/series.h"
#include "harness/stats/basic.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION = 0x77676268, SCHEMA = 2, BUSY_MS = 10000 }; // "wgbh"

static const char schema[] =
    "DROP TABLE IF EXISTS points; DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS environments;"
    "CREATE TABLE environments(id INTEGER PRIMARY KEY, cpu_model TEXT NOT NULL,"
    " cpus INTEGER NOT NULL, kernel TEXT NOT NULL, mitigations TEXT NOT NULL,"
    " conditions TEXT NOT NULL, UNIQUE(cpu_model, cpus, kernel, mitigations, conditions)) STRICT;"
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, dir TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL,"
    " run TEXT NOT NULL, created TEXT NOT NULL, duration_s INTEGER NOT NULL,"
    " measuring TEXT NOT NULL) STRICT;"
    "CREATE TABLE points(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " environment INTEGER NOT NULL REFERENCES environments,"
    " workload TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL,"
    " higher_is_better INTEGER NOT NULL, judged INTEGER NOT NULL, tunnel TEXT NOT NULL,"
    " revision TEXT NOT NULL, blocks INTEGER NOT NULL, median REAL NOT NULL, low REAL,"
    " high REAL) STRICT;"
    "CREATE INDEX points_of_run ON points(run);"
    "PRAGMA application_id = 2003264104; PRAGMA user_version = 2;";

// ---- SQLite

int history_complain(const struct history_database *h)
{
	quote_printf(stderr, "wgbench: %s: %s\n", h->path, sqlite3_errmsg(h->db));
	return -EIO;
}

static sqlite3_stmt *prepare(struct history_database *h, const char *sql, const char *types,
                             va_list values)
{
	sqlite3_stmt *statement = NULL;
	int bad = sqlite3_prepare_v2(h->db, sql, -1, &statement, NULL);

	for (int i = 1; types[i - 1] && !bad; i++) {
		double number;

		switch (types[i - 1]) {
		case 't':
			bad = sqlite3_bind_text(statement, i, va_arg(values, const char *), -1,
			                        SQLITE_TRANSIENT);
			break;
		case 'i':
			bad = sqlite3_bind_int64(statement, i, va_arg(values, long long));
			break;
		default:
			number = va_arg(values, double);
			if (isfinite(number))
				bad = sqlite3_bind_double(statement, i, number);
		}
	}
	if (!bad)
		return statement;
	history_complain(h);
	sqlite3_finalize(statement);
	return NULL;
}

sqlite3_stmt *history_prepare(struct history_database *h, const char *sql, const char *types, ...)
{
	va_list values;
	sqlite3_stmt *statement;

	va_start(values, types);
	statement = prepare(h, sql, types, values);
	va_end(values);
	return statement;
}

// Runs one statement. If it gives a row, *number is its first column; otherwise 0.
static int run_sql(struct history_database *h, long long *number, const char *sql,
                   const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list values;
	int step;

	va_start(values, types);
	statement = prepare(h, sql, types, values);
	va_end(values);
	if (!statement)
		return -EIO;
	step = sqlite3_step(statement);
	if (number)
		*number = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		history_complain(h);
	sqlite3_finalize(statement);
	return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
}

static int run_script(struct history_database *h, const char *sql)
{
	return sqlite3_exec(h->db, sql, NULL, NULL, NULL) ? history_complain(h) : 0;
}

// ---- opening

static int check_schema(struct history_database *h, bool rebuild)
{
	long long application, version, tables;
	int ret = run_sql(h, &application, "PRAGMA application_id", "");

	if (!ret)
		ret = run_sql(h, &version, "PRAGMA user_version", "");
	if (!ret)
		ret = run_sql(h, &tables, "SELECT count(*) FROM sqlite_schema", "");
	if (ret)
		return ret;
	if (tables && application != APPLICATION) {
		fprintf(stderr, "wgbench: %s: not a history of wgbench: choose another --db\n",
		        h->path);
		return -EINVAL;
	}
	if (!tables || rebuild || version < SCHEMA) // it is derived
		return run_script(h, schema);
	if (version == SCHEMA)
		return 0;
	fprintf(stderr, "wgbench: %s: schema %lld, but this wgbench has %d: --rebuild it\n",
	        h->path, version, SCHEMA);
	return -EINVAL;
}

int history_open(struct history_database *h, const char *path, bool rebuild)
{
	int ret = 0;

	h->path = path;
	if (sqlite3_open_v2(path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
		ret = history_complain(h);
	if (!ret) {
		sqlite3_busy_timeout(h->db, BUSY_MS);
		ret = run_script(h, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
		                    " BEGIN IMMEDIATE");
	}
	if (!ret)
		ret = check_schema(h, rebuild);
	if (!ret)
		ret = run_script(h, "COMMIT; CREATE TEMP TABLE seen(run INTEGER PRIMARY KEY)");
	if (ret)
		history_close(h);
	return ret;
}

void history_close(struct history_database *h)
{
	sqlite3_close(h->db);
	h->db = NULL;
}

// ---- a run

static const char *known(const char *text)
{
	return text ? text : "not recorded";
}

static char *dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		text = strdup("{}");
	if (!text)
		abort();
	return text;
}

// A tunnel's own: with the libraries that it is linked to, and the peer by its content.
static char *dump_conditions(const struct run *run, const struct run_tunnel *tunnel)
{
	json_t *conditions = environment_conditions(run->environment.all);
	char *text;

	if (json_object_size(tunnel->libraries))
		json_object_set(conditions, "libraries", tunnel->libraries);
	if (run->peer.spec)
		json_object_set_new(conditions, "peer",
		                    json_pack("{ss ss ss}", "spec", run->peer.spec, "binary_sha256",
		                              run->peer.sha256, "version", run->peer.version));
	text = dump(conditions);
	json_decref(conditions);
	return text;
}

static int find_environment(struct history_database *h, const struct run *run,
                            const struct run_tunnel *tunnel, long long *id)
{
	const struct run_environment *e = &run->environment;
	char *mitigations = dump(e->mitigations);
	char *conditions = dump_conditions(run, tunnel);
	const char *cpu_model = known(e->cpu_model), *kernel = known(e->kernel);
	long long cpus = e->cpus;
	int ret = run_sql(h, NULL,
	                  "INSERT OR IGNORE INTO environments(cpu_model, cpus, kernel, mitigations,"
	                  " conditions) VALUES(?, ?, ?, ?, ?)",
	                  "tittt", cpu_model, cpus, kernel, mitigations, conditions);

	if (!ret)
		ret = run_sql(h, id,
		              "SELECT id FROM environments WHERE cpu_model = ? AND cpus = ? AND"
		              " kernel = ? AND mitigations = ? AND conditions = ?",
		              "tittt", cpu_model, cpus, kernel, mitigations, conditions);
	free(mitigations);
	free(conditions);
	return ret;
}

// The code that measured: a run that doesn't name it was measured by its revision.
static void name_measuring(const struct run_environment *e, char *name, size_t bytes)
{
	const char *measuring = e->harness_measuring ? e->harness_measuring : e->harness_revision;

	snprintf(name, bytes, "%.16s %.40s", known(e->harness_profile), known(measuring));
}

// In UTC, so that texts are in the order of their times.
static void name_time(const char *created, char name[STAMP_BYTES])
{
	time_t time = 0;

	fields_time(created, &time);
	stamp_record(name, time);
}

// A spec that a run has twice gives one point: its first tunnel.
static bool is_first(const struct store *st, unsigned tunnel)
{
	for (unsigned t = 0; t < tunnel; t++)
		if (!strcmp(st->run.tunnel[t].spec, st->run.tunnel[tunnel].spec))
			return false;
	return true;
}

static int add_point(struct history_database *h, long long run, const struct store *st,
                     const struct series *s, unsigned tunnel)
{
	const struct run_tunnel *row = &st->run.tunnel[tunnel];
	double value[STATS_BLOCKS_MAX];
	struct stats_interval interval;
	long long place;
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < s->blocks; i++)
		if (s->block[i].tunnel[tunnel].state == SERIES_OK && !s->block[i].contaminated)
			value[n++] = s->block[i].tunnel[tunnel].mean;
	if (!n)
		return 0;
	ret = find_environment(h, &st->run, row, &place);
	if (ret)
		return ret;
	interval = stats_quantile_interval(value, n, 0.5, 0.95);
	return run_sql(h, NULL, "INSERT INTO points VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	               "iitttiittiddd", run, place, s->workload, s->metric, s->unit,
	               (long long)s->higher_is_better, (long long)s->judged, row->spec,
	               row->revision, (long long)n, stats_median(value, n), interval.low,
	               interval.high);
}

static int add_run(struct history_database *h, const struct store *st, const struct series_set *set,
                   const char *dir, const char *stamp)
{
	char measuring[64], created[STAMP_BYTES];
	long long run;
	int ret;

	name_measuring(&st->run.environment, measuring, sizeof(measuring));
	name_time(st->run.created, created);
	ret = run_sql(h, &run,
	              "INSERT INTO runs(dir, stamp, run, created, duration_s, measuring)"
	              " VALUES(?, ?, ?, ?, ?, ?) RETURNING id",
	              "ttttit", dir, stamp, st->run.id, created, (long long)st->run.duration_s,
	              measuring);
	if (!ret)
		ret = run_sql(h, NULL, "INSERT INTO seen VALUES(?)", "i", run);
	for (size_t i = 0; i < set->n && !ret; i++)
		for (unsigned t = 0; t < st->run.tunnels && !ret; t++)
			if (is_first(st, t))
				ret = add_point(h, run, st, &set->series[i], t);
	return ret;
}

// -EINVAL: the folder can't be read, which is said; it is as if it weren't there.
static int read_run(struct history_database *h, const char *dir, const char *stamp)
{
	struct series_set set;
	struct store st;
	struct text fault = {0};
	int ret = store_open(&st, dir, false) ? -EINVAL : 0;

	if (ret)
		return ret;
	if (!st.trials || environment_latest(&st.run) != st.run.environment.all) {
		quote_printf(stderr, "wgbench: %s: left out: %s\n", dir,
		             st.trials ? "it was resumed in another environment"
		                       : "holds no trials");
		store_close(&st);
		return 0;
	}
	ret = series_gather(&set, &st, &fault);
	if (ret) {
		quote_printf(stderr, "wgbench: %s: %s\n", dir, text_string(&fault));
	} else {
		ret = add_run(h, &st, &set, dir, stamp);
		series_free(&set);
	}
	text_free(&fault);
	store_close(&st);
	return ret;
}

// ---- folders

// Changes when either file does; "" without a run.
static void make_stamp(const char *dir, char *stamp, size_t bytes)
{
	static const char *const names[] = {"run.json", "trials.jsonl", "trials.jsonl.gz"};
	char path[PATH_MAX + 16];
	struct stat info;
	size_t n = 0;

	stamp[0] = 0;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (!stat(path, &info))
			n += snprintf(stamp + n, bytes - n, "%s %lld %lld.%09ld ", names[i],
			              (long long)info.st_size, (long long)info.st_mtim.tv_sec,
			              info.st_mtim.tv_nsec);
		else if (!i)
			return;
	}
}

static int take_run(struct history_database *h, const char *given, size_t *unreadable)
{
	char dir[PATH_MAX], stamp[256];
	long long run;
	int ret;

	if (!realpath(given, dir))
		return 0;
	make_stamp(dir, stamp, sizeof(stamp));
	ret = run_sql(h, &run, "SELECT id FROM runs WHERE dir = ? AND stamp = ?", "tt", dir, stamp);
	if (!ret && run)
		return run_sql(h, NULL, "INSERT OR IGNORE INTO seen VALUES(?)", "i", run);
	if (!ret)
		ret = run_sql(h, NULL, "DELETE FROM runs WHERE dir = ?", "t", dir);
	if (!ret)
		ret = read_run(h, dir, stamp);
	*unreadable += ret == -EINVAL;
	return ret == -EINVAL ? 0 : ret;
}

static bool holds_run(const char *dir)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/run.json", dir);
	return !access(path, F_OK);
}

static int take_folder(struct history_database *h, const char *dir, size_t *unreadable)
{
	struct dirent **entry;
	int n, ret = 0;

	if (holds_run(dir))
		return take_run(h, dir, unreadable);
	n = scandir(dir, &entry, NULL, alphasort);
	if (n < 0) {
		ret = -errno;
		quote_printf(stderr, "wgbench: %s: %s\n", dir, strerror(-ret));
		return ret;
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (!ret && entry[i]->d_name[0] != '.' &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name) <
		        sizeof(path) &&
		    holds_run(path))
			ret = take_run(h, path, unreadable);
		free(entry[i]);
	}
	free(entry);
	return ret;
}

static int forget_gone(struct history_database *h)
{
	sqlite3_stmt *all = history_prepare(h, "SELECT id, dir FROM runs", "");
	int ret = all ? 0 : -EIO, step = SQLITE_DONE;

	while (!ret && (step = sqlite3_step(all)) == SQLITE_ROW)
		if (!holds_run((const char *)sqlite3_column_text(all, 1)))
			ret = run_sql(h, NULL, "DELETE FROM runs WHERE id = ?", "i",
			              (long long)sqlite3_column_int64(all, 0));
	if (!ret && step != SQLITE_DONE)
		ret = history_complain(h);
	sqlite3_finalize(all);
	return ret;
}

int history_update(struct history_database *h, const char *const *dirs, size_t n,
                   size_t *unreadable)
{
	int ret = run_script(h, "BEGIN IMMEDIATE");

	if (ret)
		return ret;
	*unreadable = 0;
	ret = forget_gone(h);
	for (size_t i = 0; i < n && !ret; i++)
		ret = take_folder(h, dirs[i], unreadable);
	if (!ret)
		return run_script(h, "COMMIT");
	sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}
