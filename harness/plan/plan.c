#include "harness/plan/plan.h"

#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "harness/plan/block_order.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = "workloads/plans", suffix[] = ".plan";

// What a trial takes beside its duration, its share of the tunnels' starts included.
static const double between_trials_s = 0.1;

void plan_default(struct plan *p)
{
	*p = (struct plan){
	    .blocks = RUN_BLOCKS_DEFAULT, .duration_s = RUN_DURATION_DEFAULT_S, .builds = 1};
	plan_add_tunnel(p, "default", false);
	plan_add_workload(p, "tcp");
}

int plan_add_tunnel(struct plan *p, const char *spec, bool if_available)
{
	struct plan_tunnel *t = &p->tunnel[p->tunnels];

	if (p->tunnels == RUN_TUNNELS_MAX || strlen(spec) >= sizeof(t->spec)) {
		fprintf(stderr, "wgbench: tunnel '%.40s': at most %d tunnels of %zu characters\n",
		        spec, RUN_TUNNELS_MAX, sizeof(t->spec) - 1);
		return -EINVAL;
	}
	strcpy(t->spec, spec);
	t->if_available = if_available;
	p->tunnels++;
	return 0;
}

int plan_add_control(struct plan *p)
{
	char spec[sizeof(p->tunnel->spec)];

	strcpy(spec, p->tunnel[0].spec);
	int ret = p->control ? plan_add_tunnel(p, spec, false) : 0;
	if (p->control && !ret)
		p->tunnel[p->tunnels - 1].control = true;
	return ret;
}

int plan_add_workload(struct plan *p, const char *text)
{
	struct workload_use use;
	int ret = workload_parse(&use, text);

	if (ret)
		return ret;
	for (size_t i = 0; i < p->workloads; i++)
		if (!strcmp(p->workload[i].name, use.name)) {
			fprintf(stderr, "wgbench: workload '%s' is given twice\n", use.name);
			return -EINVAL;
		}
	if (p->workloads == RUN_WORKLOADS_MAX) {
		fprintf(stderr, "wgbench: workload '%s': at most %d workloads\n", text,
		        RUN_WORKLOADS_MAX);
		return -EINVAL;
	}
	p->workload[p->workloads++] = use;
	return 0;
}

int plan_add_metric(struct plan *p, const char *name)
{
	bool known = false;

	for (size_t i = 0; i < p->workloads; i++)
		for (const struct metric *m = p->workload[i].workload->metrics; m->name; m++)
			known |= !strcmp(m->name, name);
	if (!known) {
		fprintf(stderr, "wgbench: no workload here measures '%s': one of", name);
		for (size_t i = 0; i < p->workloads; i++)
			for (const struct metric *m = p->workload[i].workload->metrics; m->name;
			     m++)
				fprintf(stderr, " %s", m->name);
		fputc('\n', stderr);
		return -EINVAL;
	}
	if (p->metrics == RUN_METRICS_MAX) {
		fprintf(stderr, "wgbench: metric '%s': at most %d metrics\n", name,
		        RUN_METRICS_MAX);
		return -EINVAL;
	}
	snprintf(p->metric[p->metrics++], sizeof(p->metric[0]), "%s", name);
	return 0;
}

double plan_block_s(const struct plan *p)
{
	return p->tunnels * ORDER_TRIALS_PER_TUNNEL * (p->duration_s + between_trials_s);
}

static bool decides(const struct plan *p, const char *metric)
{
	for (size_t i = 0; i < p->metrics; i++)
		if (!strcmp(p->metric[i], metric))
			return true;
	return !p->metrics;
}

static size_t count_own(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->tunnels; i++)
		n += !p->tunnel[i].control;
	return n;
}

size_t plan_comparisons(const struct plan *p)
{
	size_t judged = 0;

	for (size_t i = 0; i < p->workloads; i++)
		for (const struct metric *m = p->workload[i].workload->metrics; m->name; m++)
			judged += m->judged && decides(p, m->name);
	return judged * (p->comparisons ? p->comparisons : count_own(p) - 1);
}

// As if one workload had all the time: the others may be decided early.
void plan_fix_interim(struct plan *p)
{
	p->analyses = (struct interim){0};
	if (p->budget_s > 0)
		interim_fix(&p->analyses, fmax(1, fmin(p->budget_s / plan_block_s(p), p->blocks)));
}

int plan_set_question(struct plan *p, const char *word)
{
	for (int i = 0; question_names[i]; i++)
		if (!strcmp(question_names[i], word)) {
			p->question = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_percent(const char *text, double *to)
{
	char *end;
	double value = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(value >= RUN_GATE_MIN) || value > RUN_GATE_MAX)
		return -EINVAL;
	*to = value;
	return 0;
}

static int parse_number(const char *text, unsigned max, unsigned *to)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !value || value > max)
		return -EINVAL;
	*to = value;
	return 0;
}

// A goal may refer to what is named above it.
static int add_goal(struct plan *p, const char *text, const char *where)
{
	const char *specs[RUN_TUNNELS_MAX];
	struct text fault = {0};
	int ret = -EINVAL;

	for (size_t i = 0; i < p->tunnels; i++)
		specs[i] = p->tunnel[i].spec;
	if (p->goals == RUN_GOALS_MAX)
		text_set(&fault, "at most %d goals", RUN_GOALS_MAX);
	else
		ret = goal_parse(&p->goal[p->goals], text, specs, p->tunnels, p->workload,
		                 p->workloads, &fault);
	if (ret)
		fprintf(stderr, "wgbench: %s: %s\n", where, text_string(&fault));
	else
		p->goals++;
	text_free(&fault);
	return ret;
}

static bool has_tunnel(const struct plan *p, const char *spec)
{
	for (size_t i = 0; i < p->tunnels; i++)
		if (!strcmp(p->tunnel[i].spec, spec))
			return true;
	return false;
}

static int add_comparison(struct plan *p, char *rest, const char *where)
{
	const char *candidate = strsep(&rest, " "), *baseline = rest;
	struct plan_comparison *c = &p->comparison[p->comparisons];

	if (!candidate || !*candidate || !baseline || !*baseline || strchr(baseline, ' ') ||
	    strlen(candidate) >= sizeof(c->candidate) || strlen(baseline) >= sizeof(c->baseline)) {
		fprintf(stderr, "wgbench: %s: expected compare CANDIDATE BASELINE\n", where);
		return -EINVAL;
	}
	if (!has_tunnel(p, candidate) || !has_tunnel(p, baseline)) {
		fprintf(stderr, "wgbench: %s: no tunnel '%s' above\n", where,
		        has_tunnel(p, candidate) ? baseline : candidate);
		return -EINVAL;
	}
	if (p->comparisons == RUN_COMPARISONS_MAX) {
		fprintf(stderr, "wgbench: %s: at most %d comparisons\n", where,
		        RUN_COMPARISONS_MAX);
		return -EINVAL;
	}
	strcpy(c->candidate, candidate);
	strcpy(c->baseline, baseline);
	p->comparisons++;
	return 0;
}

// One line of a plan file: a keyword and its word, `tunnel` perhaps followed by `if-available`;
// `goal` and `compare` have more, `control` none.
static int parse_line(struct plan *p, char *line, const char *where)
{
	char *rest = line, *key = strsep(&rest, " "), *word;

	if (!strcmp(key, "goal"))
		return add_goal(p, rest ? rest : "", where);
	if (!strcmp(key, "compare"))
		return add_comparison(p, rest, where);
	if (!strcmp(key, "control") && !rest) {
		p->control = true;
		return 0;
	}
	word = strsep(&rest, " ");
	if (!word || !*word) {
		fprintf(stderr, "wgbench: %s: expected a word after '%s'\n", where, key);
		return -EINVAL;
	}
	if (!strcmp(key, "tunnel") && (!rest || !strcmp(rest, "if-available")))
		return plan_add_tunnel(p, word, rest);
	if (rest) {
		fprintf(stderr, "wgbench: %s: trailing '%s'\n", where, rest);
		return -EINVAL;
	}
	if (!strcmp(key, "workload"))
		return plan_add_workload(p, word);
	if (!strcmp(key, "blocks") && !parse_number(word, RUN_BLOCKS_MAX, &p->blocks))
		return 0;
	if (!strcmp(key, "duration") && !parse_number(word, RUN_DURATION_MAX_S, &p->duration_s))
		return 0;
	if (!strcmp(key, "builds") && !parse_number(word, RUN_BUILDS_MAX, &p->builds))
		return 0;
	if (!strcmp(key, "budget") && !text_parse_seconds(word, &p->budget_s) && p->budget_s > 0 &&
	    p->budget_s <= RUN_BUDGET_MAX_S) {
		p->blocks = RUN_BLOCKS_MAX;
		return 0;
	}
	if (!strcmp(key, "metric"))
		return plan_add_metric(p, word);
	if (!strcmp(key, "threshold") && !parse_percent(word, &p->gate_percent))
		return 0;
	if (!strcmp(key, "question") && !plan_set_question(p, word))
		return 0;
	fprintf(stderr,
	        "wgbench: %s: '%s %s': expected tunnel SPEC [if-available], compare CANDIDATE "
	        "BASELINE, control, workload W, goal ..., "
	        "question effect|regression, threshold PERCENT, metric M, blocks 1..%d, duration "
	        "1..%d, "
	        "builds 1..%d, budget TIME (90s, 10m)\n",
	        where, key, word, RUN_BLOCKS_MAX, RUN_DURATION_MAX_S, RUN_BUILDS_MAX);
	return -EINVAL;
}

static int refuse_plan(const char *root, const char *name)
{
	char *path = path_join(root, folder);
	DIR *d = opendir(path);

	fprintf(stderr, "wgbench: unknown plan '%s': one of", name);
	for (struct dirent *e; d && (e = readdir(d));) {
		char *end = strstr(e->d_name, suffix);
		if (end && !end[strlen(suffix)])
			fprintf(stderr, " %.*s", (int)(end - e->d_name), e->d_name);
	}
	if (d)
		closedir(d);
	free(path);
	fputc('\n', stderr);
	return -EINVAL;
}

static int read_lines(struct plan *p, FILE *f, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	for (int n = 1; !ret && getline(&line, &room, f) > 0; n++) {
		char *where = text_format("%s:%d", path, n);

		line[strcspn(line, "#\n")] = 0;
		for (char *end = line + strlen(line); end > line && end[-1] == ' ';)
			*--end = 0;
		if (*line)
			ret = parse_line(p, line, where);
		free(where);
	}
	free(line);
	if (!ret && (!p->tunnels || !p->workloads)) {
		fprintf(stderr, "wgbench: %s: needs a tunnel and a workload\n", path);
		ret = -EINVAL;
	}
	return ret;
}

int plan_load(struct plan *p, const char *root, const char *name)
{
	char *path = text_format("%s/%s/%s%s", root, folder, name, suffix);
	FILE *f = strlen(name) < sizeof(p->name) && !strchr(name, '/') ? fopen(path, "re") : NULL;
	int ret;

	if (f) {
		plan_default(p);
		strcpy(p->name, name);
		p->tunnels = p->workloads = 0;
		ret = read_lines(p, f, path);
		fclose(f);
	} else {
		ret = refuse_plan(root, name);
	}
	free(path);
	return ret;
}

void plan_rename_tunnel(struct plan *p, size_t tunnel, const char *spec)
{
	struct plan_tunnel *t = &p->tunnel[tunnel];

	for (size_t i = 0; i < p->goals; i++) {
		struct goal *g = &p->goal[i];

		if (!strcmp(g->candidate, t->spec))
			snprintf(g->candidate, sizeof(g->candidate), "%s", spec);
		if (!strcmp(g->baseline, t->spec))
			snprintf(g->baseline, sizeof(g->baseline), "%s", spec);
	}
	for (size_t i = 0; i < p->comparisons; i++) {
		struct plan_comparison *c = &p->comparison[i];

		if (!strcmp(c->candidate, t->spec))
			snprintf(c->candidate, sizeof(c->candidate), "%s", spec);
		if (!strcmp(c->baseline, t->spec))
			snprintf(c->baseline, sizeof(c->baseline), "%s", spec);
	}
	snprintf(t->spec, sizeof(t->spec), "%s", spec);
}

static bool has_workload(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->workloads; i++)
		if (!strcmp(p->workload[i].name, name))
			return true;
	return false;
}

void plan_drop_comparisons(struct plan *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->comparisons; i++)
		if (has_tunnel(p, p->comparison[i].candidate) &&
		    has_tunnel(p, p->comparison[i].baseline))
			p->comparison[kept++] = p->comparison[i];
	p->comparisons = kept;
}

void plan_drop_goals(struct plan *p)
{
	size_t kept = 0, planned = p->goals;

	for (size_t i = 0; i < planned; i++) {
		const struct goal *g = &p->goal[i];

		if (has_tunnel(p, g->candidate) && has_tunnel(p, g->baseline) &&
		    has_workload(p, g->workload))
			p->goal[kept++] = *g;
	}
	p->goals = kept;
	if (kept < planned)
		fprintf(stderr,
		        "wgbench: %zu of the plan's %zu goals left out: this run lacks what they "
		        "compare\n",
		        planned - kept, planned);
}

static void add_text(char ***list, size_t *n, const char *text)
{
	*list = memory_resize(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = text_format("%s", text);
}

static unsigned find_tunnel(const struct plan *p, const char *spec)
{
	unsigned i = 0;

	while (i + 1 < p->tunnels && strcmp(p->tunnel[i].spec, spec))
		i++;
	return i;
}

static void comparisons_to_run(const struct plan *p, struct run *r)
{
	r->comparisons = p->comparisons;
	r->comparison = memory_new(p->comparisons, sizeof(*r->comparison));
	for (size_t i = 0; i < p->comparisons; i++)
		r->comparison[i] =
		    (struct run_comparison){find_tunnel(p, p->comparison[i].candidate),
		                            find_tunnel(p, p->comparison[i].baseline)};
}

void plan_to_run(const struct plan *p, struct run *r)
{
	comparisons_to_run(p, r);
	r->plan = text_format("%s", p->name);
	r->seed = p->seed;
	for (size_t i = 0; i < p->workloads; i++)
		add_text(&r->workload, &r->workloads, p->workload[i].name);
	for (size_t i = 0; i < p->metrics; i++)
		add_text(&r->decides, &r->deciding, p->metric[i]);
	r->goals = p->goals;
	r->goal = memory_copy(p->goal, p->goals * sizeof(*p->goal));
	r->blocks = p->blocks;
	r->duration_s = p->duration_s;
	r->builds = p->builds;
	r->budget_s = p->budget_s;
	r->question = p->question;
	r->between = p->between;
	r->trials_per_block = p->tunnels * ORDER_TRIALS_PER_TUNNEL;
	if (p->budget_s > 0) {
		r->analyses = p->analyses.plan.n;
		r->analysis =
		    memory_copy(p->analyses.plan.blocks, r->analyses * sizeof(*r->analysis));
	}
}

static int add_recorded(struct plan *p, const struct run_tunnel *t)
{
	int ret = plan_add_tunnel(p, t->spec, false);

	if (!ret)
		p->tunnel[p->tunnels - 1].control = t->control;
	return ret;
}

int plan_from_run(struct plan *p, const struct run *r, const char *dir)
{
	int ret = 0;

	*p = (struct plan){.seed = r->seed,
	                   .blocks = run_blocks(r),
	                   .duration_s = r->duration_s,
	                   .builds = r->builds,
	                   .budget_s = run_budget_s(r),
	                   .question = r->question,
	                   .between = r->between};
	snprintf(p->peer, sizeof(p->peer), "%s", r->peer.spec ? r->peer.spec : "");
	snprintf(p->name, sizeof(p->name), "%s", r->plan ? r->plan : "");
	for (size_t i = 0; i < r->tunnels && !ret; i++)
		ret = add_recorded(p, &r->tunnel[i]);
	for (size_t i = 0; i < r->workloads && !ret; i++)
		ret = plan_add_workload(p, r->workload[i]);
	for (size_t i = 0; i < r->deciding && !ret; i++)
		ret = plan_add_metric(p, r->decides[i]);
	if (!ret && !r->times_extended) // an extension is looked at once, at its end
		ret = interim_of_run(&p->analyses, r);
	if (!ret && p->blocks && p->blocks <= RUN_BLOCKS_MAX && p->duration_s && p->workloads &&
	    (!p->between || p->tunnels == RUN_BETWEEN_TUNNELS))
		return 0;
	fprintf(stderr, "wgbench: %s/run.json holds no plan that could go on\n", dir);
	return -EINVAL;
}
