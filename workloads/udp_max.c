// The highest rate of UDP packets with a bounded loss (RFC 2544's throughput where the bound is 0,
// FD.io's PDR where it is 0.5 %), found anew in every trial by a search of about a dozen short
// sub-trials, then what a packet costs a little below that rate, and how long it takes at half.
#include "workloads/generator.h"
#include "workloads/rate_search.h"
#include "workloads/workloads.h"

#include <errno.h>
#include <stdio.h>

enum { SUBTRIAL_MIN_MS = 200, SUBTRIAL_MAX_MS = 1000 };

// At the very rate that was found, half of the trials would be beyond it: cost would jump.
#define COST_LOAD 0.9
#define DELAY_LOAD 0.5

static const struct workload_parameter parameters[] = {
    {"size", 64, 1372, 1372, "bytes of UDP payload; 1372 is whole in IPv4 and IPv6"},
    {"loss", 0, 500000, 5000, "packets in a million that may be lost; 0: none (NDR)"},
    {"gso", 1, 44, 1, "datagrams that the sender's kernel gets as one (UDP_SEGMENT)"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"rate_pps", "packets/s", true, true},
    {"cpu_us_per_packet", "µs", false, true}, // of the tunnel's processes, at 90 % of the rate
    {"loss_percent", "%", false, false},      // likewise
    {"delay_p50_us", "µs", false, false},     // at 50 %
    {"delay_p99_us", "µs", false, false},
    {"generator_cpu_us_per_packet", "µs", false, false},
    {0},
};

static int fail_stalled(struct trial *t, double load)
{
	t->status = TRIAL_FAILED;
	snprintf(t->reason, sizeof(t->reason),
	         "nothing arrived at %.0f %% of the rate that was found", load * 100);
	return -EIO;
}

struct generation {
	const struct workload_context *c;
	const struct generator_options *o;
	struct trial *t;
	struct generator_result *r;
};

static int generate(void *argument)
{
	const struct generation *w = argument;

	return generator_run(w->c, w->o, w->t, w->r);
}

static int measure_cost(const struct workload_context *c, const struct generator_options *o,
                        struct trial *t)
{
	const struct workload *w = c->use->workload;
	struct workload_cost cost;
	struct generator_result r;
	struct generation work = {c, o, t, &r};
	int ret = c->account(c, generate, &work, t, &cost);

	if (ret)
		return ret;
	if (!r.received)
		return fail_stalled(t, COST_LOAD);
	workload_set(t, w, "cpu_us_per_packet", cost.cpu_s * 1e6 / r.received);
	workload_set(t, w, "generator_cpu_us_per_packet", r.cpu_s * 1e6 / r.received);
	workload_set(t, w, "loss_percent", 100 * generator_loss(&r));
	return 0;
}

static int measure_delay(const struct workload_context *c, const struct generator_options *o,
                         struct trial *t)
{
	struct generator_result r;
	int ret = generator_run(c, o, t, &r);

	if (ret)
		return ret;
	if (!r.received)
		return fail_stalled(t, DELAY_LOAD);
	workload_set(t, c->use->workload, "delay_p50_us", r.delay_p50_us);
	workload_set(t, c->use->workload, "delay_p99_us", r.delay_p99_us);
	return 0;
}

static unsigned subtrial_ms(unsigned duration_ms)
{
	unsigned ms = duration_ms / 4;

	return ms < SUBTRIAL_MIN_MS ? SUBTRIAL_MIN_MS : ms > SUBTRIAL_MAX_MS ? SUBTRIAL_MAX_MS : ms;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	struct generator_options o = {
	    .size_bytes = workload_value(c->use, "size"),
	    .segments = workload_value(c->use, "gso"),
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .duration_ms = subtrial_ms(c->duration_ms),
	};
	struct rate_search s;
	int ret = generator_search(c, &o, workload_value(c->use, "loss") * 1e-6, t, &s);

	(void)gigabits; // over many rates, most of them not those that are reported
	if (ret)
		return workload_result(ret);
	workload_set(t, c->use->workload, "rate_pps", s.low_pps);
	o.rate_pps = s.low_pps * DELAY_LOAD;
	if ((ret = measure_delay(c, &o, t)))
		return workload_result(ret);
	o.rate_pps = s.low_pps * COST_LOAD;
	o.duration_ms *= 2;
	if ((ret = measure_cost(c, &o, t)))
		return workload_result(ret);
	if (s.limited_at_high || !s.high_pps) {
		t->status = TRIAL_GENERATOR_LIMITED;
		snprintf(t->reason, sizeof(t->reason),
		         "the generator, not loss, ended the search at %.0f packets/s", s.low_pps);
	}
	return 0;
}

const struct workload udp_max_workload = {
    .name = "udp-max",
    .summary = "highest UDP rate with bounded loss, CPU cost and delay; a trial takes four times "
               "the duration",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){NULL},
    .run = run,
};
