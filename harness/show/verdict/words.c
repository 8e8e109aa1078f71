#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct words_verdict *words_verdict(enum verdict_word word)
{
	static const struct words_verdict words[] = {
	    [VERDICT_WORSE] = {"worse", "▼", "worse"},
	    [VERDICT_SAME] = {"same", "=", "same"},
	    [VERDICT_BETTER] = {"better", "▲", "better"},
	    [VERDICT_UNDECIDED] = {"undecided", "?", "open"},
	};

	return &words[word];
}

// ---- metrics

static const struct metric_words {
	const char *name, *label;
	const char *noun; // of a sentence
	bool level;       // is higher and lower, not more and less
} metric_words[] = {
    {"goodput_gbps", "throughput", "throughput", false},
    {"rate_pps", "packet rate", "packet rate", true},
    {"cpu_s_per_gbit", "CPU cost", "CPU", false},
    {"cpu_us_per_packet", "CPU cost", "CPU", false},
    {"cpu_percent", "CPU when idle", "CPU when idle", false},
    {"p50_us", "RTT median", "latency", true},
    {"p99_us", "RTT p99", "tail latency", true},
    {"sparse_p99_us", "sparse flow p99", "latency under load", true},
    {"delivered_ratio", "delivered", "goodput under overload", false},
    {"goodput_kept_ratio", "throughput kept", "throughput during a flood", false},
};

static const struct metric_words *find_metric(const char *name)
{
	for (size_t i = 0; i < sizeof(metric_words) / sizeof(*metric_words); i++)
		if (!strcmp(metric_words[i].name, name))
			return &metric_words[i];
	return NULL;
}

void words_answer(struct text *t, const struct verdict *v)
{
	const struct words_verdict *w = words_verdict(v->word);

	if (v->word == VERDICT_UNDECIDED && v->regression_excluded)
		text_add(t, "≥ not worse");
	else
		text_add(t, "%s %s", w->sign, w->word);
}

const char *words_metric(const char *metric)
{
	const struct metric_words *m = find_metric(metric);

	return m ? m->label : metric;
}

void words_effect(struct text *t, const char *metric, double percent)
{
	const struct metric_words *m = find_metric(metric);
	const char *noun = m ? m->noun : metric;

	if (percent >= 50)
		text_add(t, "%.*f× the %s", percent < 900 ? 1 : 0, 1 + percent / 100, noun);
	else
		text_add(t, "%.*f %% %s %s", fabs(percent) < 10 ? 1 : 0, fabs(percent),
		         percent < 0 ? (m && m->level ? "lower" : "less")
		                     : (m && m->level ? "higher" : "more"),
		         noun);
}

// ---- workloads

static const struct {
	const char *name, *label;
	const char *usual; // what it is without parameters
} workload_words[] = {
    {"tcp", "TCP", ", 1 flow"},
    {"udp", "UDP", " at 100 Mbit/s"},
    {"udp-max", "UDP, most packets", ""},
    {"ping", "Ping", ""},
    {"idle", "Idle", ""},
    {"overload", "Overload", ""},
    {"bloat", "Sparse flow beside TCP", ""},
    {"handshake-flood", "Handshake flood", ""},
};

// Of any workload; the value stands for %s.
static const struct {
	const char *name, *text;
} parameter_words[] = {
    {"flows", ", %s flows"},
    {"rate", " at %s Mbit/s"},
    {"reverse=1", ", reverse"},
    {"both=1", ", both ways"},
    {"family=6", ", IPv6"},
    {"outer=6", " over IPv6"},
    {"size", ", %s B"},
    {"length", ", %s B"},
    {"bottleneck", ", %s Mbit/s"},
    {"interval", ", every %s µs"},
    {"peers=0", ", without peers"},
};

static void add_parameter(struct text *t, const char *parameter, size_t length)
{
	size_t name = strcspn(parameter, "=");

	for (size_t i = 0; i < sizeof(parameter_words) / sizeof(*parameter_words); i++) {
		const char *row = parameter_words[i].name;
		bool whole = strchr(row, '='), same = strlen(row) == (whole ? length : name) &&
		                                      !strncmp(row, parameter, strlen(row));

		if (!same)
			continue;
		const char *text = parameter_words[i].text, *at = strstr(text, "%s");
		if (!at) {
			text_add(t, "%s", text);
			return;
		}
		text_add(t, "%.*s%.*s%s", (int)(at - text), text, (int)(length - name - 1),
		         parameter + name + 1, at + 2);
		return;
	}
	text_add(t, ", %.*s", (int)length, parameter);
}

static bool sets(const char *parameters, const char *usual)
{
	return (strstr(usual, "flow") && strstr(parameters, "flows=")) ||
	       (strstr(usual, "Mbit/s") && strstr(parameters, "rate="));
}

void words_workload(struct text *t, const char *workload)
{
	size_t length = strcspn(workload, ":"),
	       known = sizeof(workload_words) / sizeof(*workload_words);
	const char *parameters = workload[length] ? workload + length + 1 : "";
	size_t i = 0;

	while (i < known && (strlen(workload_words[i].name) != length ||
	                     strncmp(workload_words[i].name, workload, length)))
		i++;
	if (i == known) {
		text_add(t, "%s", workload);
		return;
	}
	text_add(t, "%s", workload_words[i].label);
	if (!sets(parameters, workload_words[i].usual))
		text_add(t, "%s", workload_words[i].usual);
	while (*parameters) {
		size_t one = strcspn(parameters, ",");

		if (!strncmp(parameters, "flows=1", one) && one == strlen("flows=1"))
			text_add(t, ", beside TCP");
		else
			add_parameter(t, parameters, one);
		parameters += one + (parameters[one] == ',');
	}
}

// ---- numbers

void words_value(struct text *t, double value)
{
	if (isnan(value))
		text_add(t, "none");
	else
		text_add(t, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
}

void words_percent(struct text *t, double percent)
{
	double size = fabs(percent);

	text_add(t, "%+.*f %%", size < 9.95 ? 2 : size < 99.5 ? 1 : 0, percent);
}

void words_marked(struct text *t, double percent)
{
	text_add(t, "(");
	words_percent(t, percent);
	text_add(t, ")");
}

void words_interval(struct text *t, double low, double high)
{
	text_add(t, "[%+.*f, %+.*f]", fabs(low) < 99.5 ? 1 : 0, low, fabs(high) < 99.5 ? 1 : 0,
	         high);
}
