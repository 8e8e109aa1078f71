// Bulk TCP by iperf3: how much arrives, and what the tunnel spends on it.
#include "workloads/iperf.h"
#include "workloads/workloads.h"

static const struct workload_parameter parameters[] = {
    {"flows", 1, 64, 1, "parallel connections"},
    {"reverse", 0, 1, 0, "1: the right end sends to the left"},
    {"both", 0, 1, 0, "1: both ends send at once"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"goodput_gbps", "Gbit/s", true, true},
    WORKLOAD_CPU_METRICS,
    {"retransmits", "segments", false, false},
    {0},
};

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	const struct iperf_options options = {
	    .flows = workload_value(c->use, "flows"),
	    .reverse = workload_value(c->use, "reverse"),
	    .both = workload_value(c->use, "both"),
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .duration_ms = c->duration_ms,
	    .keep_rates = true,
	};
	struct iperf_sums sums[2];
	struct process client;
	int ret = iperf_start(&client, c, &options, t);

	if (!ret)
		ret = iperf_finish(&client, c, &options, t, sums);
	if (ret)
		return workload_result(ret);
	double goodput = 0;
	for (int i = 0; i < 2; i++)
		if (sums[i].seconds > 0)
			goodput += sums[i].received_bytes * 8e-9 / sums[i].seconds;
	*gigabits = (sums[0].received_bytes + sums[1].received_bytes) * 8e-9;
	workload_set(t, c->use->workload, "goodput_gbps", goodput);
	workload_set(t, c->use->workload, "retransmits", sums[0].retransmits + sums[1].retransmits);
	return 0;
}

const struct workload tcp_workload = {
    .name = "tcp",
    .summary = "bulk TCP by iperf3: goodput and CPU cost",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"iperf3", NULL},
    .run = run,
};
