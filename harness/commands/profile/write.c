#include "base/file.h"
#include "base/quote.h"
#include "harness/commands/profile/profile.h"
#include "harness/show/flamegraph.h"
#include "harness/show/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[] = {"left", "right", "all"};
static const char *const part_titles[] = {"left end", "right end", "the whole machine"};
static const char *const role_names[] = {"baseline", "candidate"};

// DIR/NAME.folded and DIR/NAME.svg.
static int write_graph(const struct profile *p, const struct flamegraph *g, const char *name,
                       const struct text *folded)
{
	char *stacks = text_format("%s/%s.folded", p->dir, name);
	char *picture = text_format("%s/%s.svg", p->dir, name);
	char *quoted = quote_lines(text_string(folded));
	int ret = output_text(stacks, quoted, strlen(quoted));

	if (!ret)
		ret = flamegraph_draw(g, quoted, picture);
	free(quoted);
	free(picture);
	free(stacks);
	return ret;
}

static int write_part(const struct profile *p, int role, int part)
{
	const struct profile_side *s = &p->side[role];
	const char *of = p->o.against ? role_names[role] : "";
	struct text folded = {0};

	if (!s->part[part].n)
		return 0;
	char *name = text_format("%s%s%s", of, *of ? "-" : "", part_names[part]);
	char *title = text_format("%s%s%s: %s, %s", of, *of ? " " : "", s->tunnel.spec.name,
	                          part_titles[part], p->plan.workload[0].name);
	char *note =
	    text_format("%.0f samples of %s at %llu Hz; _[k]: kernel%s%s", s->part[part].samples,
	                p->event, p->o.hz, s->note.length ? "; " : "", text_string(&s->note));
	const struct flamegraph g = {.title = title, .unit = "samples", .note = note};
	folded_print(&s->part[part], &folded);
	int ret = write_graph(p, &g, name, &folded);
	text_free(&folded);
	free(note);
	free(title);
	free(name);
	return ret;
}

// Twice: what only one of the two does has a width only where the widths are its own.
static int write_difference(const struct profile *p, int widths)
{
	const struct profile_side *b = &p->side[PROFILE_BASELINE], *c = &p->side[PROFILE_CANDIDATE];
	const struct profile_side *from = widths == PROFILE_CANDIDATE ? b : c,
	                          *to = &p->side[widths];
	char *name = text_format("difference-of-%s", role_names[widths]);
	char *unit = text_format("µs CPU/%s", c->per);
	char *title =
	    text_format("candidate %s against baseline %s: both ends, %s, %s", c->tunnel.spec.name,
	                b->tunnel.spec.name, unit, p->plan.workload[0].name);
	char *more = text_format("candidate %.30s costs more", c->tunnel.spec.name);
	char *less = text_format("candidate %.30s costs less", c->tunnel.spec.name);
	char *note =
	    text_format("widths: the %s's cost; colour: the frame's own", role_names[widths]);
	const struct flamegraph g = {.title = title,
	                             .unit = unit,
	                             .more = more,
	                             .less = less,
	                             .note = note,
	                             .mirrored = widths == PROFILE_BASELINE};
	struct text folded = {0};

	folded_print_difference(&from->ends, from->scale, &to->ends, to->scale, &folded);
	int ret = write_graph(p, &g, name, &folded);
	text_free(&folded);
	free(note);
	free(less);
	free(more);
	free(title);
	free(unit);
	free(name);
	return ret;
}

int profile_write(const struct profile *p)
{
	int ret = profile_write_facts(p);

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
		table_add(&t, TABLE_YELLOW, "%s", text_string(&s->note));
	}
	table_print(&t, stdout);
	table_free(&t);
	printf("\n%s, %llu Hz, %s; flame graphs and folded stacks: %s\n", p->event, p->o.hz,
	       p->plan.workload[0].name, p->dir);
}
