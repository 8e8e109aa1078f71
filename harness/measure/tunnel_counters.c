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

static void add_quotient(json_t *to, const char *name, double n, double by)
{
	if (by > 0 && !isnan(n))
		json_object_set_new(to, name, json_real(n / by));
}

static json_t *per_packet(const json_t *counters)
{
	double tx = foreign_number(counters, "tx_packets");
	double rx = foreign_number(counters, "rx_packets");
	const struct {
		const char *name;
		double by;
	} calls[] = {{"tun_reads", tx},
	             {"udp_sends", tx},
	             {"tun_writes", rx},
	             {"udp_receives", rx},
	             {"epoll_waits", tx + rx}};
	json_t *all = json_object();

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		add_quotient(all, calls[i].name, foreign_number(counters, calls[i].name),
		             calls[i].by);
	return all;
}

static json_t *packets_per_batch(const json_t *counters)
{
	json_t *both = json_object();

	add_quotient(both, "tx", foreign_number(counters, "tx_packets"),
	             foreign_number(counters, "tx_batches"));
	add_quotient(both, "rx", foreign_number(counters, "rx_packets"),
	             foreign_number(counters, "rx_batches"));
	return both;
}

json_t *tunnel_status_difference(const json_t *before, const json_t *after)
{
	const json_t *earlier = json_object_get(before, "counters");
	json_t *later = json_object_get(after, "counters"), *counters = json_object(), *value;
	const char *name;
	bool backwards = false;

	json_object_foreach(later, name, value)
	{
		double n = json_integer_value(value) - foreign_number(earlier, name);

		backwards |= n < 0;
		if (!isnan(n))
			json_object_set_new(counters, name, json_integer(n));
	}
	if (!earlier || !later || backwards) {
		json_decref(counters);
		return NULL;
	}
	return json_pack("{so so so sO}", "per_packet", per_packet(counters), "packets_per_batch",
	                 packets_per_batch(counters), "counters", counters, "offloads",
	                 json_object_get(after, "offloads"));
}
