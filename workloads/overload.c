// Receive livelock: what a tunnel still delivers when it is offered more than it can carry. The
// capacity is searched anew in every trial; then the tunnel gets a share of a flood that equals its
// capacity, the rest going into a TUN that discards it; then it gets the whole flood. The flood is
// one sender's, at one rate, in quanta of one size, so what the generator takes from CPUs that it
// shares with the tunnel is the same in both and falls out of the ratio.
//
// What arrives is counted as long as the flood lasts. Queues store up to half a second of packets,
// which come when nothing is in their way any more: a tunnel that stops altogether under the flood
// would look as if it had delivered them.
#include "workloads/generator.h"
#include "workloads/overload.h"
#include "workloads/rate_search.h"
#include "workloads/workloads.h"

#include "base/text.h"
#include "base/foreign.h"
#include "netns/discard.h"
#include "netns/netns.h"

#include <stdio.h>

// The search takes 13 sub-trials, at the most RATE_SEARCH_TRIALS_MAX, the floods the duration each.
enum { SUBTRIALS = 5, SUBTRIAL_MIN_MS = 200, SUBTRIAL_MAX_MS = 1000 };
// The generator goes first: else a tunnel that keeps the CPUs busy would be offered less.
enum { NICE = -20 };
enum { MILLION = 1000000, PERCENT = 100 };

#define LOSS_BOUND 0.005
// Less of the flood than this, and it isn't the overload that was asked for. One thread floods with
// some 600,000 packets/s at the most here, so nearer to 1 a tunnel that carries half of that would
// be measured in some trials only.
#define FLOOD_KEPT 0.85

static const struct workload_parameter parameters[] = {
    {"size", 64, 1372, 1372, "bytes of UDP payload; 1372 is whole in IPv4 and IPv6"},
    {"factor", 110, 1000, 200, "percent of the capacity that is offered"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"delivered_ratio", "1", true, true}, // of the overload, by that at capacity
    {"capacity_pps", "packets/s", true, false},
    {"delivered_at_capacity_pps", "packets/s", true, false}, // beside what is discarded
    {"delivered_pps", "packets/s", true, false},             // of the overload
    {"offered_pps", "packets/s", true, false},
    {"loss_at_capacity_percent", "%", false, false}, // queues that empty afterwards lose nothing
    {"loss_percent", "%", false, false},
    // Of the overload. A buffer holds as many packets as were sent as one (UDP_SEGMENT).
    {"drops_tun_tx", "packets", false, false},
    {"drops_udp_receive", "buffers", false, false},
    {"drops_tun_rx", "buffers", false, false},
    {"drops_veth", "buffers", false, false},
    {0},
};

void overload_split(double capacity_pps, long factor_percent, double *offered_pps, long *aside_ppm)
{
	*offered_pps = capacity_pps * factor_percent / PERCENT;
	*aside_ppm = (factor_percent - PERCENT) * MILLION / factor_percent;
}

bool overload_limited(const struct generator_result *r)
{
	return r->sent < r->planned * FLOOD_KEPT ||
	       r->socket_drops > (r->received + r->socket_drops) * LOSS_BOUND;
}

// Runs a flood. 0 and the trial's status set if the generator fell short of it.
static int flood(const struct workload_context *c, const struct generator_options *o,
                 struct trial *t, struct generator_result *r)
{
	int ret = generator_run(c, o, t, r);

	if (ret || !overload_limited(r))
		return ret;
	t->status = TRIAL_GENERATOR_LIMITED;
	snprintf(t->reason, sizeof(t->reason),
	         "the generator sent %.0f of %.0f packets, and its receiver dropped %.0f", r->sent,
	         r->planned, r->socket_drops);
	return 0;
}

// What the receiving end's sockets dropped, without those of the generator's own.
static double difference(unsigned long long before, unsigned long long after, double own)
{
	double n = foreign_difference(before, after) - own;

	return n < 0 ? 0 : n;
}

static void set_drops(struct trial *t, const struct workload *w, const struct netns_counters b[2],
                      const struct netns_counters a[2], const struct generator_result *r)
{
	workload_set(t, w, "drops_tun_tx",
	             difference(b[0].tunnel.tx_dropped, a[0].tunnel.tx_dropped, 0));
	workload_set(t, w, "drops_udp_receive",
	             difference(b[1].udp_receive_buffer_errors, a[1].udp_receive_buffer_errors,
	                        r->socket_drops));
	workload_set(t, w, "drops_tun_rx",
	             difference(b[1].tunnel.rx_dropped, a[1].tunnel.rx_dropped, 0));
	workload_set(t, w, "drops_veth",
	             difference(b[0].veth.tx_dropped, a[0].veth.tx_dropped, 0) +
	                 difference(b[1].veth.rx_dropped, a[1].veth.rx_dropped, 0));
}

static int count(const struct workload_context *c, struct trial *t, struct netns_counters n[2])
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++)
		ret = workload_fail(t, netns_count(&c->pair->side[i], &n[i]), "can't count drops");
	return ret;
}

static int measure(const struct workload_context *c, struct generator_options *o,
                   const char *discard, struct trial *t)
{
	const struct workload *w = c->use->workload;
	struct generator_result at_capacity, over;
	struct netns_counters before[2], after[2];
	double seconds = o->duration_ms * 1e-3;
	int ret;

	o->aside = discard;
	if ((ret = flood(c, o, t, &at_capacity)))
		return ret;
	o->aside = NULL;
	if ((ret = count(c, t, before)) || (ret = flood(c, o, t, &over)) ||
	    (ret = count(c, t, after)))
		return ret;
	workload_set(t, w, "delivered_at_capacity_pps", at_capacity.in_window / seconds);
	workload_set(t, w, "loss_at_capacity_percent", PERCENT * generator_loss(&at_capacity));
	workload_set(t, w, "delivered_pps", over.in_window / seconds);
	workload_set(t, w, "offered_pps", over.sent / seconds);
	workload_set(t, w, "loss_percent", PERCENT * generator_loss(&over));
	set_drops(t, w, before, after, &over);
	if (at_capacity.in_window > 0) {
		workload_set(t, w, "delivered_ratio", over.in_window / at_capacity.in_window);
	} else {
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "nothing arrived at capacity");
	}
	return 0;
}

static unsigned subtrial_ms(unsigned duration_ms)
{
	unsigned ms = duration_ms / SUBTRIALS;

	return ms < SUBTRIAL_MIN_MS ? SUBTRIAL_MIN_MS : ms > SUBTRIAL_MAX_MS ? SUBTRIAL_MAX_MS : ms;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	struct generator_options o = {
	    .size_bytes = workload_value(c->use, "size"),
	    .segments = 1,
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .nice = NICE,
	    .duration_ms = subtrial_ms(c->duration_ms),
	};
	struct netns_discard discard;
	struct rate_search s;
	struct text fault = {0};
	int ret = generator_search(c, &o, LOSS_BOUND, t, &s);

	(void)gigabits; // over many rates
	if (ret)
		return workload_result(ret);
	workload_set(t, c->use->workload, "capacity_pps", s.low_pps);
	if (s.limited_at_high || !s.high_pps) {
		t->status = TRIAL_GENERATOR_LIMITED;
		snprintf(t->reason, sizeof(t->reason),
		         "the generator, not loss, ended the search at %.0f packets/s", s.low_pps);
		return 0;
	}
	ret = workload_refuse(t, netns_discard_open(&discard, c->pair, &fault), &fault);
	if (ret)
		return workload_result(ret);
	overload_split(s.low_pps, workload_value(c->use, "factor"), &o.rate_pps, &o.aside_ppm);
	o.duration_ms = c->duration_ms;
	ret = measure(c, &o, discard.address[o.ipv6], t);
	netns_discard_close(&discard);
	return workload_result(ret);
}

const struct workload overload_workload = {
    .name = "overload",
    .summary = "what still arrives when UDP is offered beyond the capacity; a trial takes five "
               "times the duration",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){NULL},
    .run = run,
};
