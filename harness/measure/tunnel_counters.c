#include "harness/measure/tunnel_counters.h"

#include "base/fields.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HERE(member) FIELD_IN(struct tunnel_status, member)
static const struct field rows[] = {
    {"offloads", FIELD_OBJECT, HERE(offloads)},
    {"counters", FIELD_MAP, FIELD_LIST(struct tunnel_status, counter, counters), .min = 1,
     .max = TRIAL_COUNTERS_MAX, .keys = FIELD_METRIC, .rows = &trial_counter_row},
    {0},
};
#undef HERE

bool tunnel_status_parse(struct tunnel_status *status, const char *text)
{
	const char *end = strchr(text, '\n');
	json_t *line = end ? json_loadb(text, end - text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct text fault = {0};
	bool is_read = json_is_object(line) && !fields_read(status, line, rows, &fault);

	text_free(&fault);
	json_decref(line);
	return is_read;
}

void tunnel_status_free(struct tunnel_status *status)
{
	fields_free(status, rows);
}

static bool differs(const json_t *usual, const json_t *now, char *reason, size_t bytes)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)usual, name, value)
	{
		const json_t *other = json_object_get(now, name);
		if (json_equal(value, other))
			continue;
		char *was = json_dumps(value, JSON_ENCODE_ANY);
		char *is = other ? json_dumps(other, JSON_ENCODE_ANY) : NULL;
		snprintf(reason, bytes, "%s changed from %s to %s", name, was ? was : "?",
		         is ? is : "nothing");
		free(was);
		free(is);
		return true;
	}
	return false;
}

// NULL: the tunnel has no such counter.
static const struct trial_counter *find_counter(const struct tunnel_status *status,
                                                const char *name)
{
	for (size_t i = 0; i < status->counters; i++)
		if (!strcmp(status->counter[i].name, name))
			return &status->counter[i];
	return NULL;
}

static bool has_changes(const struct tunnel_status *before, const struct tunnel_status *after)
{
	static const char name[] = "offload_changes";
	const struct trial_counter *earlier = find_counter(before, name);
	const struct trial_counter *later = find_counter(after, name);

	return earlier && later && earlier->n != later->n;
}

bool tunnel_status_changed(const json_t *usual, const struct tunnel_status *before,
                           const struct tunnel_status *after, char *reason, size_t bytes)
{
	if (!usual || !before->offloads || !after->offloads)
		return false;
	if (differs(usual, before->offloads, reason, bytes) ||
	    differs(usual, after->offloads, reason, bytes))
		return true;
	if (!has_changes(before, after))
		return false;
	snprintf(reason, bytes, "an offload changed and changed back");
	return true;
}

static double quotient(double n, double by)
{
	return by > 0 ? n / by : NAN;
}

static void add_counter(struct trial_end *e, const char *name, uint64_t n)
{
	e->counter[e->counters++] = (struct trial_counter){text_format("%s", name), n};
}

// False: a counter ran backwards.
static bool count_difference(struct trial_end *e, const struct tunnel_status *before,
                             const struct tunnel_status *after)
{
	e->counter = memory_new(after->counters, sizeof(*e->counter));
	for (size_t i = 0; i < after->counters; i++) {
		const struct trial_counter *later = &after->counter[i];
		const struct trial_counter *earlier = find_counter(before, later->name);

		if (earlier && earlier->n > later->n)
			return false;
		if (earlier)
			add_counter(e, later->name, later->n - earlier->n);
	}
	return true;
}

static void drop_counters(struct trial_end *e)
{
	while (e->counters)
		free(e->counter[--e->counters].name);
	free(e->counter);
	e->counter = NULL;
}

static void set_quotients(struct trial_end *e)
{
	double tx = trial_end_count(e, "tx_packets"), rx = trial_end_count(e, "rx_packets");
	const struct {
		double *to;
		const char *name;
		double by;
	} calls[] = {{&e->tun_reads, "tun_reads", tx},
	             {&e->udp_sends, "udp_sends", tx},
	             {&e->tun_writes, "tun_writes", rx},
	             {&e->udp_receives, "udp_receives", rx},
	             {&e->epoll_waits, "epoll_waits", tx + rx}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		*calls[i].to = quotient(trial_end_count(e, calls[i].name), calls[i].by);
	e->tx_batch = quotient(tx, trial_end_count(e, "tx_batches"));
	e->rx_batch = quotient(rx, trial_end_count(e, "rx_batches"));
}

void tunnel_status_difference(struct trial_end *e, const struct tunnel_status *before,
                              const struct tunnel_status *after)
{
	if (!before->counters || !after->counters)
		return;
	if (!count_difference(e, before, after)) {
		drop_counters(e);
		return;
	}
	set_quotients(e);
	e->offloads = json_incref(after->offloads);
}
