#include "base/file.h"
#include "base/quote.h"
#include "harness/commands/profile/profile.h"
#include "harness/show/flamegraph.h"
#include "harness/show/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[] = {"left", "right", "all"};
static const char *const part_titles[] = {"left end", "right end", "the whole machine"};
static const char *const role_names[] = {"baseline", "candidate"};

static int write_text(const struct profile *p, const char *name, const char *text)
{
	char path[4400];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return output_text(path, text, strlen(text));
}

// DIR/NAME.folded and DIR/NAME.svg.
static int write_graph(const struct profile *p, const struct flamegraph *g, const char *name,
                       const char *folded)
{
	char file[256], path[4400], *quoted = quote_lines(folded);
	int ret;

	snprintf(file, sizeof(file), "%s.folded", name);
	ret = write_text(p, file, quoted);
	snprintf(path, sizeof(path), "%s/%s.svg", p->dir, name);
	if (!ret)
		ret = flamegraph_draw(g, quoted, path);
	free(quoted);
	return ret;
}

static int write_part(const struct profile *p, int role, int part)
{
	const struct profile_side *s = &p->side[role];
	char name[64], title[600], note[400], *text;
	size_t bytes;
	FILE *to;

	if (!s->part[part].n)
		return 0;
	to = open_memstream(&text, &bytes);
	if (!to)
		abort();
	folded_print(&s->part[part], to);
	fclose(to);
	snprintf(name, sizeof(name), "%s%s%s", p->o.against ? role_names[role] : "",
	         p->o.against ? "-" : "", part_names[part]);
	snprintf(title, sizeof(title), "%s%s%.300s: %s, %s", p->o.against ? role_names[role] : "",
	         p->o.against ? " " : "", s->tunnel.spec.name, part_titles[part],
	         p->plan.workload[0].name);
	snprintf(note, sizeof(note), "%.0f samples of %s at %llu Hz; _[k]: kernel%s%s",
	         s->part[part].samples, p->event, p->o.hz, *s->note ? "; " : "", s->note);
	const struct flamegraph g = {.title = title, .unit = "samples", .note = note};
	int ret = write_graph(p, &g, name, text);
	free(text);
	return ret;
}

// Twice: what only one of the two does has a width only where the widths are its own.
static int write_difference(const struct profile *p, int widths)
{
	const struct profile_side *b = &p->side[PROFILE_BASELINE], *c = &p->side[PROFILE_CANDIDATE];
	const struct profile_side *from = widths == PROFILE_CANDIDATE ? b : c,
	                          *to = &p->side[widths];
	char name[64], title[900], unit[32], more[200], less[200], note[100], *text;
	size_t bytes;
	FILE *memory = open_memstream(&text, &bytes);

	if (!memory)
		abort();
	folded_print_difference(&from->ends, from->scale, &to->ends, to->scale, memory);
	fclose(memory);
	snprintf(name, sizeof(name), "difference-of-%s", role_names[widths]);
	snprintf(unit, sizeof(unit), "µs CPU/%s", c->per);
	snprintf(title, sizeof(title),
	         "candidate %.200s against baseline %.200s: both ends, %s, %s", c->tunnel.spec.name,
	         b->tunnel.spec.name, unit, p->plan.workload[0].name);
	snprintf(more, sizeof(more), "candidate %.30s costs more", c->tunnel.spec.name);
	snprintf(less, sizeof(less), "candidate %.30s costs less", c->tunnel.spec.name);
	snprintf(note, sizeof(note), "widths: the %s's cost; colour: the frame's own",
	         role_names[widths]);
	const struct flamegraph g = {.title = title,
	                             .unit = unit,
	                             .more = more,
	                             .less = less,
	                             .note = note,
	                             .mirrored = widths == PROFILE_BASELINE};
	int ret = write_graph(p, &g, name, text);
	free(text);
	return ret;
}

static json_t *describe(const struct profile_side *s)
{
	return json_pack("{ss ss sf sf sf sf ss ss sO}", "spec", s->tunnel.spec.name, "revision",
	                 s->tunnel.commit, "samples", s->part[FOLDED_ALL].samples, "samples_left",
	                 s->part[FOLDED_LEFT].samples, "samples_right",
	                 s->part[FOLDED_RIGHT].samples, "us_per_sample", s->scale, "per", s->per,
	                 "note", s->note, "environment", s->trial.environment);
}

static int write_facts(const struct profile *p)
{
	json_t *json =
	    json_pack("{si ss ss ss sI sI so}", "schema", STORE_SCHEMA, "created", p->stamp,
	              "workload", p->plan.workload[0].name, "event", p->event, "frequency_hz",
	              (json_int_t)p->o.hz, "duration", (json_int_t)p->o.duration_s, "candidate",
	              describe(&p->side[PROFILE_CANDIDATE]));
	char *text;
	int ret;

	if (p->o.against)
		json_object_set_new(json, "baseline", describe(&p->side[PROFILE_BASELINE]));
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	if (!text)
		return -ENOMEM;
	ret = write_text(p, "profile.json", text);
	free(text);
	return ret;
}

int profile_write(const struct profile *p)
{
	int ret = write_facts(p);

	for (int role = p->o.against ? PROFILE_BASELINE : PROFILE_CANDIDATE;
	     role < PROFILE_ROLES && !ret; role++)
		for (int part = 0; part < FOLDED_PARTS && !ret; part++)
			ret = write_part(p, role, part);
	for (int role = PROFILE_BASELINE; p->o.against && role < PROFILE_ROLES && !ret; role++)
		ret = write_difference(p, role);
	return ret;
}

void profile_print(const struct profile *p)
{
	static const struct table_column columns[] = {
	    {"", TABLE_LEFT},          {"tunnel", TABLE_LEFT}, {"samples", TABLE_RIGHT},
	    {"left end", TABLE_RIGHT}, {"right", TABLE_RIGHT}, {"CPU", TABLE_RIGHT},
	    {"", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (int role = p->o.against ? PROFILE_BASELINE : PROFILE_CANDIDATE; role < PROFILE_ROLES;
	     role++) {
		const struct profile_side *s = &p->side[role];
		const double all = s->part[FOLDED_ALL].samples;

		table_add(&t, TABLE_PLAIN, "%s", role_names[role]);
		table_add(&t, TABLE_PLAIN, "%s", s->tunnel.spec.name);
		table_add(&t, TABLE_PLAIN, "%.0f", all);
		table_add(&t, TABLE_PLAIN, "%.1f %%", 100 * s->part[FOLDED_LEFT].samples / all);
		table_add(&t, TABLE_PLAIN, "%.1f %%", 100 * s->part[FOLDED_RIGHT].samples / all);
		table_add(&t, TABLE_PLAIN, "%.0f µs/%s", all * s->scale, s->per);
		table_add(&t, TABLE_YELLOW, "%s", s->note);
	}
	table_print(&t, stdout);
	table_free(&t);
	printf("\n%s, %llu Hz, %s; flame graphs and folded stacks: %s\n", p->event, p->o.hz,
	       p->plan.workload[0].name, p->dir);
}
