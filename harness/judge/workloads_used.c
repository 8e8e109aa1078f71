#include "harness/judge/workloads_used.h"

#include "base/memory.h"
#include "harness/plan/workload.h"

#include <stdlib.h>
#include <string.h>

const char *workload_used_help(const char *workload, const char *parameter)
{
	size_t length = strcspn(workload, ":");

	for (const struct workload *const *w = workloads; *w; w++) {
		if (strlen((*w)->name) != length || strncmp((*w)->name, workload, length))
			continue;
		for (const struct workload_parameter *p = (*w)->parameters; p->name; p++)
			if (!strcmp(p->name, parameter))
				return p->help;
	}
	return "";
}

static struct workload_used *find_workload(struct workloads_used *u, const struct store *st,
                                           const struct trial *t)
{
	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->workload[i].name, t->workload))
			return &u->workload[i];
	u->workload = memory_resize(u->workload, u->n + 1, sizeof(*u->workload));
	u->workload[u->n] = (struct workload_used){
	    .name = t->workload, .parameters = t->parameters, .duration_s = st->run.duration_s};
	return &u->workload[u->n++];
}

// Once.
static void add_word(struct text *list, const char *word)
{
	if (!strstr(text_string(list), word))
		text_add(list, "%s%s", list->length ? ", " : "", word);
}

void workloads_used_gather(struct workloads_used *u, const struct store *st)
{
	*u = (struct workloads_used){0};
	for (size_t i = 0; i < st->trials; i++) {
		struct workload_used *w = find_workload(u, st, &st->trial[i]);

		if (st->trial[i].congestion)
			add_word(&w->congestion, st->trial[i].congestion);
	}
}

void workloads_used_free(struct workloads_used *u)
{
	for (size_t i = 0; i < u->n; i++)
		text_free(&u->workload[i].congestion);
	free(u->workload);
	*u = (struct workloads_used){0};
}

void workload_used_describe(struct text *to, const struct workload_used *w)
{
	const char *name, *before = ": ";
	json_t *one;

	text_add(to, "%s", w->name);
	json_object_foreach((json_t *)w->parameters, name, one)
	{
		const char *help = workload_used_help(w->name, name);
		char *value = json_dumps(one, JSON_ENCODE_ANY);

		text_add(to, "%s%s=%s", before, name, value);
		if (*help)
			text_add(to, " (%s)", help);
		free(value);
		before = ", ";
	}
	if (w->duration_s)
		text_add(to, "; duration %u s", w->duration_s);
	if (w->congestion.length)
		text_add(to, "; TCP congestion control %s", text_string(&w->congestion));
}

void workloads_used_congestion(struct text *to, const struct workloads_used *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->workload[i].congestion.length)
			add_word(to, text_string(&u->workload[i].congestion));
}
