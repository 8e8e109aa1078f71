#include "harness/commands/export/export.h"
#include "base/quote.h"

#include <ctype.h>
#include <string.h>

// ---- CSV

static void put_field(FILE *to, const char *text, bool last)
{
	quote_csv(to, text);
	fputs(last ? "\r\n" : ",", to);
}

static void put_line(FILE *to, const struct store *st, const struct trial *t, const struct value *m)
{
	char name[EXPORT_NAME_BYTES], value[32] = "";

	put_field(to, st->run.id, false);
	put_field(to, t->workload, false);
	put_field(to, export_tunnel_name(st, t->tunnel, "", name), false);
	put_field(to, st->run.tunnel[t->tunnel].revision, false);
	fprintf(to, "%u,%u,%u,%u,%llu,%llu,", t->block, t->attempt, t->position, t->start,
	        (unsigned long long)t->start_ns, (unsigned long long)t->duration_ns);
	put_field(to, trial_status_names[t->status], false);
	put_field(to, t->reason, false);
	if (m)
		snprintf(value, sizeof(value), "%.17g", m->value);
	put_field(to, m ? m->metric->name : "", false);
	put_field(to, value, false);
	put_field(to, m ? m->metric->unit : "", false);
	put_field(to, !m ? "" : m->metric->higher_is_better ? "higher" : "lower", false);
	put_field(to, !m ? "" : m->metric->judged ? "1" : "0", true);
}

void export_csv(FILE *to, const struct store *st)
{
	fputs("run,workload,tunnel,revision,block,attempt,position,start,start_ns,duration_ns,"
	      "status,reason,metric,value,unit,better,judged\r\n",
	      to);
	for (size_t i = 0; i < st->trials; i++) {
		const struct trial *t = &st->trial[i];

		if (!t->values)
			put_line(to, st, t, NULL);
		for (size_t m = 0; m < t->values; m++)
			put_line(to, st, t, &t->value[m]);
	}
}

// ---- Go's benchmark format

static void put_configuration(FILE *to, const char *key, const char *value)
{
	if (!*value)
		return;
	fprintf(to, "%s: ", key);
	quote_text(to, value);
	fputc('\n', to);
}

// BenchmarkTcp/flows=8/tunnel=default-2: a blank would end the name, '/' the part.
static void put_name(FILE *to, const struct store *st, const struct trial *t)
{
	char name[EXPORT_NAME_BYTES];

	fprintf(to, "Benchmark%c", toupper((unsigned char)*t->workload));
	for (const char *at = t->workload + 1; *at; at++)
		fputc(*at == ':' || *at == ',' ? '/' : *at, to);
	fprintf(to, "/tunnel=%s-%u", export_tunnel_name(st, t->tunnel, "/ ", name),
	        export_cpus(st));
}

static const char *go_architecture(const struct store *st)
{
	const char *name = export_known(st->run.environment.architecture);

	return !strcmp(name, "x86_64") ? "amd64" : !strcmp(name, "aarch64") ? "arm64" : name;
}

// A metric is a unit to Go. In the order of their first trial, each once.
static void put_units(FILE *to, const struct store *st)
{
	for (size_t i = 0; i < st->trials; i++)
		for (size_t m = 0; m < st->trial[i].values; m++) {
			const struct metric *metric = st->trial[i].value[m].metric;
			bool known = false;

			for (size_t j = 0; j < i && !known; j++)
				for (size_t k = 0; k < st->trial[j].values && !known; k++)
					known = !strcmp(st->trial[j].value[k].metric->name,
					                metric->name);
			if (!known)
				fprintf(to, "Unit %s better=%s\n", metric->name,
				        metric->higher_is_better ? "higher" : "lower");
		}
}

void export_benchstat(FILE *to, const struct store *st)
{
	put_configuration(to, "goos", "linux");
	put_configuration(to, "goarch", go_architecture(st));
	put_configuration(to, "cpu", export_known(st->run.environment.cpu_model));
	put_configuration(to, "kernel", export_known(st->run.environment.kernel));
	put_configuration(to, "harness", export_known(st->run.environment.harness_revision));
	put_configuration(to, "run", st->run.id);
	put_configuration(to, "peer", st->run.peer.spec ? st->run.peer.spec : "");
	put_units(to, st);
	for (enum trial_status status = TRIAL_OK; status < TRIAL_FAILED; status++) {
		bool said = false;

		for (size_t i = 0; i < st->trials; i++) {
			const struct trial *t = &st->trial[i];

			if (t->status != status || !t->values)
				continue;
			if (!said)
				put_configuration(to, "status", trial_status_names[status]);
			said = true;
			put_name(to, st, t);
			fputs(" 1", to);
			for (size_t m = 0; m < t->values; m++)
				fprintf(to, " %.17g %s", t->value[m].value,
				        t->value[m].metric->name);
			fputc('\n', to);
		}
	}
}
