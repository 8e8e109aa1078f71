// Round trips of single small packets, of an idle tunnel or beside bulk TCP. Every reply's time is
// kept. ping shows three digits: steps of 1 µs below 1 ms, of 10 µs below 10 ms.
#include "workloads/iperf.h"
#include "workloads/ping.h"
#include "workloads/workloads.h"

#include "base/foreign.h"
#include "harness/stats/basic.h"
#include "netns/netns.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_MS = 5000, LOAD_BYTES = 1000000 };

static const struct workload_parameter parameters[] = {
    {"interval", 200, 1000000, 2000, "µs from one request to the next"},
    {"flows", 0, 64, 0, "TCP connections that load the tunnel meanwhile"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"p50_us", "µs", false, true},
    {"p90_us", "µs", false, false},
    {"p99_us", "µs", false, true},
    {"max_us", "µs", false, false},
    {"loss_percent", "%", false, false},
    {"context_switches_per_s", "1/s", false, false},
    {0},
};

ssize_t ping_parse(const char *text, double *rtt_us, size_t max)
{
	static const char key[] = " time=";
	size_t n = 0;

	while (n < max && (text = strstr(text, key))) {
		const char *end;
		double ms;

		text += strlen(key);
		if (!strchr(text, '\n'))
			break; // cut short
		if (!foreign_decimal(text, &ms, &end) || !(ms > 0))
			return -EPROTO;
		rtt_us[n] = round(ms * 1000);
		n += !strncmp(end, " ms\n", 4); // a duplicate has more behind it
	}
	return n;
}

static int ping(const struct workload_context *c, struct trial *t, unsigned long count)
{
	const struct netns_pair *pair = c->pair;
	bool ipv6 = workload_value(c->use, "family") == 6;
	char interval[24], requests[24];
	const char *const argv[] = {"ping", "-n",     "-D", "-i", interval,
	                            "-c",   requests, "-W", "1",  pair->side[1].inner[ipv6],
	                            NULL};
	struct process_text text;
	char line[128];

	snprintf(interval, sizeof(interval), "%.6f", workload_value(c->use, "interval") * 1e-6);
	snprintf(requests, sizeof(requests), "%lu", count);
	int ret = process_run(argv, pair->side[0].fd, NULL, c->duration_ms * 2 + SLACK_MS, &text);
	double *rtt_us = malloc(count * sizeof(*rtt_us));
	ssize_t n = rtt_us && text.out ? ping_parse(text.out, rtt_us, count) : 0;
	if (ret == -EINTR)
		goto out;
	// It exits with 1 where replies are missing.
	if (ret > 1 || ret < 0 || n <= 0) {
		snprintf(t->reason, sizeof(t->reason), "ping: %s",
		         ret < 0 ? strerror(-ret)
		         : n < 0 ? "a reply's time isn't a number over 0"
		         : *process_last_line(text.err, line, sizeof(line)) ? line
		                                                            : "no reply");
		t->status = TRIAL_FAILED;
		ret = -EIO;
		goto out;
	}
	ret = 0;
	t->samples = json_array();
	for (ssize_t i = 0; i < n; i++)
		json_array_append_new(t->samples, json_real(rtt_us[i]));
	workload_set(t, c->use->workload, "p50_us", stats_quantile(rtt_us, n, 0.5));
	workload_set(t, c->use->workload, "p90_us", stats_quantile(rtt_us, n, 0.9));
	workload_set(t, c->use->workload, "p99_us", stats_quantile(rtt_us, n, 0.99));
	workload_set(t, c->use->workload, "max_us", stats_quantile(rtt_us, n, 1));
	workload_set(t, c->use->workload, "loss_percent", 100.0 * (count - n) / count);
out:
	free(rtt_us);
	process_text_free(&text);
	return ret;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	const struct iperf_options load = {
	    .flows = workload_value(c->use, "flows"),
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .duration_ms = c->duration_ms + 1000,
	};
	long interval_us = workload_value(c->use, "interval");
	unsigned long count = c->duration_ms * 1000ul / interval_us;
	struct process client = {.pidfd = -1, .out = -1, .err = -1};
	int ret = 0;

	(void)gigabits; // what the load moves goes on beyond the pings
	if (load.flows) {
		ret = iperf_start(&client, c, &load, t);
		if (!ret)
			ret = workload_fail(t, iperf_wait_loaded(c, LOAD_BYTES),
			                    "the load did not begin");
	}
	if (!ret)
		ret = ping(c, t, count ? count : 1);
	if (client.pid) {
		process_end(&client);
		process_end(c->server); // its test was cut
	}
	return workload_result(ret);
}

const struct workload ping_workload = {
    .name = "ping",
    .summary = "round-trip times, idle or beside bulk TCP",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"iperf3", "ping", NULL},
    .run = run,
};
