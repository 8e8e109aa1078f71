#include "harness/show/plot.h"

#include "base/path.h"
#include "base/process.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/judge/samples.h"
#include "harness/show/verdict/words.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GNUPLOT_TIMEOUT_MS = 60 * 1000, LOGARITHMIC_SPAN = 16 };

void plot_put_text(FILE *to, const char *name, const char *text)
{
	fprintf(to, "%s = ", name);
	quote_gnuplot(to, text);
	fputc('\n', to);
}

static void put_point(FILE *to, const struct series_block *b, double y)
{
	if (isfinite(y))
		fprintf(to, "%u %.17g %d\n", b->block + 1, y, b->contaminated);
}

static int run_gnuplot(const char *input, char **svg)
{
	static const char *const argv[] = {"gnuplot", "-d", "-", NULL};
	struct process_text text;
	int ret = process_run(argv, PROCESS_HERE, input, GNUPLOT_TIMEOUT_MS, &text);

	if (!ret && strstr(text.out, "</svg>")) {
		*svg = text.out;
		text.out = NULL;
	} else if (ret == -ENOENT) {
		fprintf(stderr, "wgbench: plots need gnuplot: apt-get install gnuplot-nox\n");
	} else {
		fprintf(stderr, "wgbench: gnuplot: %s\n", process_reason(ret, &text));
		ret = ret < 0 ? ret : -EIO;
	}
	process_text_free(&text);
	return ret;
}

void plot_put_name(FILE *to, size_t i, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	fprintf(to, "name[%zu] = ", i + 1);
	quote_gnuplot(to, text);
	fputc('\n', to);
	free(text);
}

void plot_begin(struct plot *p, const char *title, const char *y_label)
{
	*p = (struct plot){.title = text_format("%s", title)};
	p->to = text_open(&p->input);
	plot_put_text(p->to, "plot_title", title);
	plot_put_text(p->to, "y_label", y_label);
}

static void begin_series(struct plot *p, const struct series *s, const char *what,
                         const char *y_label)
{
	struct text title = {0};

	words_workload(&title, s->workload);
	text_add(&title, ": %s%s", words_metric(s->metric), what);
	plot_begin(p, text_string(&title), y_label);
	fprintf(p->to, "blocks = %u\n", s->blocks ? s->block[s->blocks - 1].block + 1 : 1);
	text_free(&title);
}

// gnuplot calls every plot the same to who listens to a page instead of looking at it.
static char *give_title(char *svg, const char *title)
{
	static const char usual[] = "<title>Gnuplot</title>";
	const char *at = strstr(svg, usual);
	struct text text = {0};

	if (!at)
		return svg;
	FILE *to = text_open(&text);
	fprintf(to, "%.*s<title>", (int)(at - svg), svg);
	quote_html(to, title);
	fprintf(to, "</title>%s", at + strlen(usual));
	fclose(to);
	free(svg);
	return text_take(&text);
}

int plot_end(struct plot *p, const char *root, const char *script, char **svg)
{
	char *path = path_join(root, "scripts");

	plot_put_text(p->to, "scripts", path);
	fprintf(p->to, "load scripts . '/%s'\n", script);
	fclose(p->to);
	int ret = run_gnuplot(text_string(&p->input), svg);
	if (!ret)
		*svg = give_title(*svg, p->title);
	text_free(&p->input);
	free(p->title);
	free(path);
	return ret;
}

int plot_values(const char *root, const struct outcome *o, const struct series *s, char **svg)
{
	char *label =
	    text_format("%s, %s is better", s->unit, s->higher_is_better ? "higher" : "lower");
	struct plot plot;

	begin_series(&plot, s, "", label);
	free(label);
	FILE *to = plot.to;
	fprintf(to, "tunnels = %zu\narray name[tunnels]\n", o->store->run.tunnels);
	for (size_t t = 0; t < o->store->run.tunnels; t++)
		plot_put_name(to, t, "%c %s", outcome_letter(t), o->store->run.tunnel[t].spec);
	fprintf(to, "$data << end\n");
	for (size_t t = 0; t < o->store->run.tunnels; t++) {
		// An index of gnuplot's data must not be empty.
		fprintf(to, "NaN NaN 0\n");
		for (size_t i = 0; i < s->blocks; i++)
			put_point(to, &s->block[i], s->block[i].tunnel[t].mean);
		fprintf(to, "\n\n");
	}
	fprintf(to, "end\n");
	return plot_end(&plot, root, "values.gp", svg);
}

int plot_effects(const char *root, const struct outcome *o, const struct verdict *v, char **svg)
{
	const struct series *s = v->series;
	char *what = text_format(" of %s against %s", o->store->run.tunnel[v->candidate].spec,
	                         o->store->run.tunnel[v->baseline].spec);
	struct plot plot;

	begin_series(&plot, s, what,
	             s->higher_is_better ? "%, positive is better" : "%, negative is better");
	free(what);
	FILE *to = plot.to;
	fprintf(to, "candidate = %u\n", v->candidate + 1);
	fprintf(to, "gate = %.17g\nbounded = %d\n", o->verdicts.gate_percent,
	        isfinite(v->clean.low));
	if (isfinite(v->clean.low))
		fprintf(to, "low = %.17g\nhigh = %.17g\n", v->clean.low, v->clean.high);
	fprintf(to, "estimated = %d\n", v->clean.blocks > 0);
	if (v->clean.blocks)
		fprintf(to, "effect = %.17g\n", v->clean.effect);
	fprintf(to, "$data << end\nNaN NaN 0\n");
	for (size_t i = 0; i < s->blocks; i++)
		put_point(to, &s->block[i],
		          100 *
		              expm1(verdict_block_effect(&s->block[i], v->candidate, v->baseline)));
	fprintf(to, "end\n");
	return plot_end(&plot, root, "effects.gp", svg);
}

static void put_course(FILE *to, const struct outcome *o, const char *workload, unsigned tunnel)
{
	struct samples_course c;

	samples_course(&c, o, workload, tunnel);
	for (size_t k = 0; k < c.n; k++)
		if (isfinite(c.median[k]))
			fprintf(to, "%.3f %.6g %.6g %.6g\n",
			        (k + 0.5) * TRIAL_RATE_STEP_MS / 1000.0, c.median[k], c.low[k],
			        c.high[k]);
	samples_course_free(&c);
}

static void put_delays(FILE *to, const struct outcome *o, const char *workload, unsigned tunnel)
{
	struct samples_delays d;

	samples_delays(&d, o, workload, tunnel);
	for (size_t i = 0; i < d.n; i++)
		fprintf(to, "%.6g %.6g\n", d.delay_us[i], 100 * d.share[i]);
}

int plot_samples(const char *root, const struct outcome *o, const char *workload, char **svg)
{
	enum samples_kind kind = samples_kind(o, workload);
	bool rates = kind == SAMPLES_RATES;
	struct text title = {0};
	struct plot plot;

	if (kind == SAMPLES_NONE)
		return 0;
	words_workload(&title, workload);
	text_add(&title, rates ? ": inside a trial" : ": delays");
	plot_begin(&plot, text_string(&title), rates ? "Gbit/s" : "took longer");
	text_free(&title);
	fprintf(plot.to, "tunnels = %zu\narray name[tunnels]\n", o->store->run.tunnels);
	for (size_t t = 0; t < o->store->run.tunnels; t++)
		plot_put_name(plot.to, t, "%c %s", outcome_letter(t), o->store->run.tunnel[t].spec);
	fprintf(plot.to, "$data << end\n");
	for (size_t t = 0; t < o->store->run.tunnels; t++) {
		fprintf(plot.to, "NaN NaN NaN NaN\n");
		(rates ? put_course : put_delays)(plot.to, o, workload, t);
		fprintf(plot.to, "\n\n");
	}
	fprintf(plot.to, "end\n");
	return plot_end(&plot, root, rates ? "course.gp" : "delays.gp", svg);
}

// A sweep from 0 has no logarithm there.
static bool spans_widely(double least, double greatest)
{
	return least > 0 && greatest >= LOGARITHMIC_SPAN * least;
}

int plot_sweep(const char *root, const struct plot_sweep *sweep, char **svg)
{
	double x[2] = {INFINITY, -INFINITY}, y[2] = {INFINITY, -INFINITY};
	struct plot plot;

	plot_begin(&plot, sweep->title, sweep->y_label);
	FILE *to = plot.to;
	for (const struct plot_point *p = sweep->point; p < sweep->point + sweep->points; p++) {
		x[0] = fmin(x[0], p->x);
		x[1] = fmax(x[1], p->x);
		y[0] = fmin(y[0], p->median);
		y[1] = fmax(y[1], p->median);
	}
	plot_put_text(to, "x_label", sweep->x_label);
	fprintf(to,
	        "x_greatest = %.17g\nlog_x = %d\nlog_y = %d\nvariants = %zu\n"
	        "array name[variants]\n",
	        x[1], spans_widely(x[0], x[1]), spans_widely(y[0], y[1]), sweep->variants);
	for (size_t v = 0; v < sweep->variants; v++)
		plot_put_name(to, v, "%s", sweep->variant[v]);
	fprintf(to, "$data << end\n");
	for (size_t v = 0; v < sweep->variants; v++) {
		fprintf(to, "NaN NaN NaN NaN\n");
		for (const struct plot_point *p = sweep->point; p < sweep->point + sweep->points;
		     p++)
			if (p->variant == v)
				fprintf(to, "%.17g %.17g %.17g %.17g\n", p->x, p->median, p->least,
				        p->greatest);
		fprintf(to, "\n\n");
	}
	fprintf(to, "end\n");
	return plot_end(&plot, root, "micro.gp", svg);
}
