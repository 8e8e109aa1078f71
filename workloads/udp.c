// UDP at a fixed rate by iperf3: what arrives of what was asked. iperf3 that falls behind the rate
// makes the trial generator-limited: what it never sent, no tunnel has lost.
#include "workloads/iperf.h"
#include "workloads/workloads.h"

#include <stdio.h>

// iperf3's own pacing is no better than this on a loaded machine.
#define RATE_KEPT 0.98

static const struct workload_parameter parameters[] = {
    {"rate", 1, 100000, 100, "Mbit/s of UDP payload"},
    {"length", 64, 1372, 1372, "bytes of UDP payload; 1372 is whole in IPv4 and IPv6"},
    {"reverse", 0, 1, 0, "1: the right end sends to the left"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"goodput_gbps", "Gbit/s", true, false}, // the rate, unless something is lost: not judged
    WORKLOAD_CPU_METRICS,
    {"loss_percent", "%", false, false},
    {"jitter_us", "µs", false, false},
    {0},
};

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	const struct iperf_options options = {
	    .flows = 1,
	    .reverse = workload_value(c->use, "reverse"),
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .udp_mbit_per_s = workload_value(c->use, "rate"),
	    .udp_length = workload_value(c->use, "length"),
	    .duration_ms = c->duration_ms,
	    .keep_rates = true,
	};
	struct iperf_sums both[2], *sums = &both[options.reverse];
	struct process client;
	int ret = iperf_start(&client, c, &options, t);

	if (!ret)
		ret = iperf_finish(&client, c, &options, t, both);
	if (ret)
		return workload_result(ret);
	double sent_mbps = sums->sent_bytes * 8e-6 / sums->seconds;
	if (sent_mbps < RATE_KEPT * options.udp_mbit_per_s) {
		t->status = TRIAL_GENERATOR_LIMITED;
		snprintf(t->reason, sizeof(t->reason), "iperf3 sent %.0f of %ld Mbit/s", sent_mbps,
		         options.udp_mbit_per_s);
	}
	*gigabits = sums->received_bytes * 8e-9;
	workload_set(t, c->use->workload, "goodput_gbps", *gigabits / sums->seconds);
	workload_set(t, c->use->workload, "loss_percent",
	             sums->sent_bytes > sums->received_bytes
	                 ? 100 * (1 - sums->received_bytes / sums->sent_bytes)
	                 : 0);
	workload_set(t, c->use->workload, "jitter_us", sums->jitter_ms * 1000);
	return 0;
}

const struct workload udp_workload = {
    .name = "udp",
    .summary = "UDP at a fixed rate by iperf3: goodput, CPU cost, loss and jitter",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"iperf3", NULL},
    .run = run,
};
