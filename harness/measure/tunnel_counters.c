#include "harness/measure/tunnel_counters.h"

#include "base/foreign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool all_integers(json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return false;
	}
	return json_object_size(object);
}

json_t *tunnel_status_parse(const char *text)
{
	const char *end = strchr(text, '\n');
	json_t *line = end ? json_loadb(text, end - text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (json_is_object(json_object_get(line, "offloads")) &&
	    all_integers(json_object_get(line, "counters")))
		return line;
	json_decref(line);
	return NULL;
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

bool tunnel_status_changed(const json_t *usual, const json_t *before, const json_t *after,
                           char *reason, size_t bytes)
{
	double changes;

	if (!usual || !before || !after)
		return false;
	if (differs(usual, json_object_get(before, "offloads"), reason, bytes) ||
	    differs(usual, json_object_get(after, "offloads"), reason, bytes))
		return true;
	changes = foreign_number(json_object_get(after, "counters"), "offload_changes") -
	          foreign_number(json_object_get(before, "counters"), "offload_changes");
	if (isnan(changes) || changes == 0)
		return false;
	snprintf(reason, bytes, "an offload changed and changed back");
	return true;
}

static double quotient(double n, double by)
{
	return by > 0 ? n / by : NAN;
}

// NULL: a counter ran backwards.
static json_t *count_difference(const json_t *earlier, json_t *later)
{
	json_t *counters = json_object(), *value;
	bool backwards = false;
	const char *name;

	json_object_foreach(later, name, value)
	{
		double n = json_integer_value(value) - foreign_number(earlier, name);

		backwards |= n < 0;
		if (!isnan(n))
			json_object_set_new(counters, name, json_integer(n));
	}
	if (!backwards)
		return counters;
	json_decref(counters);
	return NULL;
}

void tunnel_status_difference(struct trial_end *e, const json_t *before, const json_t *after)
{
	const json_t *earlier = json_object_get(before, "counters");
	json_t *later = json_object_get(after, "counters");

	if (earlier && later)
		e->counters = count_difference(earlier, later);
	if (!e->counters)
		return;
	double tx = foreign_number(e->counters, "tx_packets");
	double rx = foreign_number(e->counters, "rx_packets");
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
		*calls[i].to = quotient(foreign_number(e->counters, calls[i].name), calls[i].by);
	e->tx_batch = quotient(tx, foreign_number(e->counters, "tx_batches"));
	e->rx_batch = quotient(rx, foreign_number(e->counters, "rx_batches"));
	e->offloads = json_incref(json_object_get(after, "offloads"));
}
