#include "harness/commands/export/export.h"
#include "base/quote.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// OpenMetrics wants base units, and their name at the end of the metric's. The first row that fits
// is taken; another unit is taken as it is.
static const struct {
	const char *unit, *ending; // our own; the name's end is replaced
	const char *base;
	double factor;
} base_units[] = {
    {"Gbit/s", "_gbps", "bits_per_second", 1e9},
    {"s/Gbit", "_s_per_gbit", "seconds_per_bit", 1e-9},
    {"packets/s", "_pps", "packets_per_second", 1},
    {"µs", "_us_per_packet", "seconds_per_packet", 1e-6},
    {"µs", "_us", "seconds", 1e-6},
    {"µs/s", "_us_per_s", "ratio", 1e-6},
    {"1/s", "_per_s", "per_second", 1},
    {"%", "_percent", "ratio", 1e-2},
    {"1", "_ratio", "ratio", 1},
    {"bytes", "_bytes", "bytes", 1},
};

struct gauge {
	char name[128], unit[32];
	double factor;
};

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), end = strlen(ending);

	return length >= end && !strcmp(text + length - end, ending);
}

static void make_word(char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text))
			*text = '_';
}

static void find_gauge(struct gauge *g, const struct metric *m)
{
	int kept = strlen(m->name);

	snprintf(g->unit, sizeof(g->unit), "%s", m->unit);
	g->factor = 1;
	for (size_t i = 0; i < sizeof(base_units) / sizeof(*base_units); i++)
		if (!strcmp(m->unit, base_units[i].unit) &&
		    ends_with(m->name, base_units[i].ending)) {
			kept -= strlen(base_units[i].ending);
			snprintf(g->unit, sizeof(g->unit), "%s", base_units[i].base);
			g->factor = base_units[i].factor;
			break;
		}
	make_word(g->unit);
	snprintf(g->name, sizeof(g->name), "wgbench_%.*s%s%s", kept, m->name, *g->unit ? "_" : "",
	         g->unit);
	make_word(g->name);
}

static void put_label(FILE *to, const char *name, const char *text, char before)
{
	fprintf(to, "%c%s=", before, name);
	quote_label(to, text);
}

static void put_sample(FILE *to, const struct store *st, const struct trial *t,
                       const struct gauge *g, double value)
{
	const struct {
		const char *name;
		unsigned value;
	} numbers[] = {{"block", t->block}, {"attempt", t->attempt}, {"position", t->position}};
	char text[EXPORT_NAME_BYTES];

	fputs(g->name, to);
	put_label(to, "run", st->run.id, '{');
	put_label(to, "workload", t->workload, ',');
	put_label(to, "tunnel", export_tunnel_name(st, t->tunnel, "", text), ',');
	put_label(to, "status", trial_status_names[t->status], ',');
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		snprintf(text, sizeof(text), "%u", numbers[i].value);
		put_label(to, numbers[i].name, text, ',');
	}
	fprintf(to, "} %.17g %llu.%09llu\n", value, (unsigned long long)(t->start_ns / 1000000000),
	        (unsigned long long)(t->start_ns % 1000000000));
}

// What a failed trial measured isn't of the tunnel.
static size_t values_of(const struct trial *t)
{
	return t->status == TRIAL_FAILED ? 0 : t->values;
}

static bool known(char *const *name, size_t n, const char *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name[i], wanted))
			return true;
	return false;
}

// A family's samples stand together.
static void put_family(FILE *to, const struct store *st, const struct gauge *family)
{
	struct gauge g;

	fprintf(to, "# TYPE %s gauge\n", family->name);
	if (*family->unit)
		fprintf(to, "# UNIT %s %s\n", family->name, family->unit);
	for (size_t i = 0; i < st->trials; i++)
		for (size_t m = 0; m < values_of(&st->trial[i]); m++) {
			find_gauge(&g, st->trial[i].value[m].metric);
			if (!strcmp(g.name, family->name))
				put_sample(to, st, &st->trial[i], &g,
				           g.factor * st->trial[i].value[m].value);
		}
}

static void put_families(FILE *to, const struct store *st)
{
	char **name = NULL;
	size_t n = 0;

	for (size_t i = 0; i < st->trials; i++)
		for (size_t m = 0; m < values_of(&st->trial[i]); m++) {
			struct gauge g;

			find_gauge(&g, st->trial[i].value[m].metric);
			if (known(name, n, g.name))
				continue;
			name = reallocarray(name, n + 1, sizeof(*name));
			if (!name || !(name[n++] = strdup(g.name)))
				abort();
			put_family(to, st, &g);
		}
	while (n)
		free(name[--n]);
	free(name);
}

static void put_about(FILE *to, const struct store *st)
{
	const struct run_environment *e = &st->run.environment;

	fputs("# TYPE wgbench_run info\n# HELP wgbench_run Where and by what it was measured.\n"
	      "wgbench_run_info",
	      to);
	put_label(to, "run", st->run.id, '{');
	put_label(to, "kernel", export_known(e->kernel), ',');
	put_label(to, "cpu_model", export_known(e->cpu_model), ',');
	put_label(to, "harness_revision", export_known(e->harness_revision), ',');
	if (st->run.peer.spec)
		put_label(to, "peer", st->run.peer.spec, ',');
	fputs("} 1\n", to);
}

// Failed ones too, which have no value of their own.
static void put_counts(FILE *to, const struct store *st)
{
	unsigned count[TRIAL_FAILED + 1] = {0};

	for (size_t i = 0; i < st->trials; i++)
		count[st->trial[i].status]++;
	fputs("# TYPE wgbench_trials gauge\n", to);
	for (enum trial_status status = TRIAL_OK; status <= TRIAL_FAILED; status++) {
		fputs("wgbench_trials", to);
		put_label(to, "run", st->run.id, '{');
		put_label(to, "status", trial_status_names[status], ',');
		fprintf(to, "} %u\n", count[status]);
	}
}

void export_openmetrics(FILE *to, const struct store *st)
{
	put_about(to, st);
	put_counts(to, st);
	put_families(to, st);
	fputs("# EOF\n", to);
}
