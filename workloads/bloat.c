// What a sparse flow suffers beside bulk TCP (bufferbloat): small datagrams at a low constant rate,
// timed from when each was to be sent, while TCP fills the queues on their way. The slowest part is
// the CPUs, or a bottleneck made for the trial. The control, a queue that the tunnel can't see, is
// the same with the switch lower-queue=1.
#include "workloads/generator.h"
#include "workloads/iperf.h"
#include "workloads/workloads.h"

#include "base/text.h"
#include "base/process.h"
#include "netns/bottleneck.h"
#include "netns/netns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SPARSE_BYTES = 64, PERCENT = 100 };
// TCP leaves slow start within a round trip or two, but through a bottleneck it then makes good
// what it lost by overshooting, queue upon queue. iperf3 counts in whole seconds.
enum { WARM_UP_MS = 1000, WARM_UP_BOTTLENECK_MS = 2000, BEGUN_BYTES = 100000 };
// The bulk flow outlasts the sparse one, whose programs take their time to start.
enum { OUTLAST_MS = 1000 };
// The generator goes first: what is measured is queues, not how long a sender waits for a CPU.
enum { NICE = -20 };
// The longest queue: that of the bottleneck, and above it a TUN's of 500 super-packets.
enum { SILENCE_MS = 5000 };
// A queue of 100 ms is a long-haul path's bandwidth-delay product, the rule that FIFOs are sized by
// and hence what bloats; in time, it is as bad at every rate (in packets it wouldn't be).
enum { LIMIT_MS = 100 };

static const char tcp_ecn[] = "net/ipv4/tcp_ecn"; // IPv6's too

static const struct workload_parameter parameters[] = {
    {"flows", 1, 64, 1, "bulk TCP connections"},
    {"pps", 10, 10000, 500, "packets a second of the sparse flow, 64 bytes of UDP payload each"},
    {"bottleneck", 0, 10000, 0, "Mbit/s of outer packets; 0: none, the CPUs are it"},
    {"at", 0, 1, 0, "where it is: 0 on the sending host, 1 where it comes in at the other"},
    {"limit", 1, 10000, LIMIT_MS, "ms that its queue holds, at least one packet of 64 KB"},
    {"ecn", 0, 1, 0, "1: TCP asks for explicit congestion notification"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"sparse_p50_us", "µs", false, false},
    {"sparse_p99_us", "µs", false, true},
    {"sparse_p999_us", "µs", false, false},
    {"sparse_max_us", "µs", false, false},
    {"sparse_loss_percent", "%", false, false},
    {"goodput_gbps", "Gbit/s", true, true}, // of the bulk flow, and a second longer
    {"retransmits", "segments", false, false},
    {"bottleneck_gbps", "Gbit/s", true, false}, // that it let through, while the sparse flow ran
    {"bottleneck_drops", "buffers", false, false},
    {"bottleneck_backlog_bytes", "bytes", false, false}, // when the sparse flow ended
    {0},
};

struct bloat {
	const struct workload_context *c;
	struct trial *t;
	struct netns_bottleneck bottleneck;
	bool ecn_set[2];
	long ecn_before[2];
};

static const char *refuse(const struct workload_use *use)
{
	if (workload_value(use, "bottleneck"))
		return NULL;
	if (workload_value(use, "at"))
		return "at says where the bottleneck is: set bottleneck too";
	if (workload_value(use, "limit") != LIMIT_MS)
		return "limit is of the bottleneck's queue: set bottleneck too";
	return NULL;
}

static int set_ecn(struct bloat *b)
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		ret = netns_sysctl(b->c->pair->side[i].fd, tcp_ecn, 1, &b->ecn_before[i]);
		b->ecn_set[i] = !ret;
	}
	return workload_fail(b->t, ret, "can't set net.ipv4.tcp_ecn");
}

static int set_up(struct bloat *b)
{
	const struct workload_use *use = b->c->use;
	const struct netns_bottleneck *made = &b->bottleneck;
	struct trial *t = b->t;
	struct text fault = {0};
	int ret = 0;

	t->environment = json_object();
	if (workload_value(use, "ecn"))
		ret = set_ecn(b);
	if (ret || !workload_value(use, "bottleneck"))
		return ret;
	ret =
	    netns_bottleneck_open(&b->bottleneck, b->c->pair, workload_value(use, "bottleneck"),
	                          workload_value(use, "limit"), workload_value(use, "at"), &fault);
	if (workload_refuse(t, ret, &fault))
		return ret;
	json_object_set_new(t->environment, "bottleneck",
	                    json_pack("{ss sI sI sI}", "at", made->far ? "receiver" : "sender",
	                              "bytes_per_s", (json_int_t)made->bytes_per_s, "burst_bytes",
	                              (json_int_t)made->burst_bytes, "limit_bytes",
	                              (json_int_t)made->limit_bytes));
	return 0;
}

static void tear_down(struct bloat *b)
{
	netns_bottleneck_close(&b->bottleneck);
	for (int i = 0; i < 2; i++) {
		long one;

		if (b->ecn_set[i])
			netns_sysctl(b->c->pair->side[i].fd, tcp_ecn, b->ecn_before[i], &one);
	}
}

static int count(struct bloat *b, struct netns_bottleneck_counters *n)
{
	if (!b->bottleneck.pair)
		return 0;
	return workload_fail(b->t, netns_bottleneck_count(&b->bottleneck, n),
	                     "can't count the bottleneck's packets");
}

static void set_bottleneck(struct bloat *b, const struct netns_bottleneck_counters *before,
                           const struct netns_bottleneck_counters *after)
{
	const struct workload *w = b->c->use->workload;

	if (!b->bottleneck.pair)
		return;
	workload_set(b->t, w, "bottleneck_gbps",
	             (after->sent_bytes - before->sent_bytes) * 8.0 / (after->ns - before->ns));
	workload_set(b->t, w, "bottleneck_drops", after->drops - before->drops);
	workload_set(b->t, w, "bottleneck_backlog_bytes", after->backlog_bytes);
}

static void set_sparse(struct bloat *b, const struct generator_result *r)
{
	const struct workload *w = b->c->use->workload;
	struct trial *t = b->t;

	workload_set(t, w, "sparse_loss_percent", PERCENT * generator_loss(r));
	if (!r->received) {
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "nothing of the sparse flow arrived");
		return;
	}
	workload_set(t, w, "sparse_p50_us", r->delay_p50_us);
	workload_set(t, w, "sparse_p99_us", r->delay_p99_us);
	workload_set(t, w, "sparse_p999_us", r->delay_p999_us);
	workload_set(t, w, "sparse_max_us", r->delay_max_us);
	if (generator_limited(r)) {
		t->status = TRIAL_GENERATOR_LIMITED;
		snprintf(t->reason, sizeof(t->reason),
		         "the generator sent %.0f of %.0f packets, and its receiver dropped %.0f",
		         r->sent, r->planned, r->socket_drops);
	}
}

// While the bulk flow goes on.
static int measure_sparse(struct bloat *b)
{
	const struct generator_options o = {
	    .rate_pps = workload_value(b->c->use, "pps"),
	    .size_bytes = SPARSE_BYTES,
	    .segments = 1,
	    .ipv6 = workload_value(b->c->use, "family") == 6,
	    .duration_ms = b->c->duration_ms,
	    .keep_delays = true,
	    .silence_ms = SILENCE_MS,
	    .nice = NICE,
	};
	struct netns_bottleneck_counters before, after;
	struct generator_result r;
	int ret;

	if ((ret = count(b, &before)) || (ret = generator_run(b->c, &o, b->t, &r)) ||
	    (ret = count(b, &after)))
		return ret;
	set_bottleneck(b, &before, &after);
	set_sparse(b, &r);
	return 0;
}

static int measure(struct bloat *b)
{
	const struct workload_context *c = b->c;
	const struct iperf_options bulk = {
	    .flows = workload_value(c->use, "flows"),
	    .ipv6 = workload_value(c->use, "family") == 6,
	    .omit_ms = b->bottleneck.pair ? WARM_UP_BOTTLENECK_MS : WARM_UP_MS,
	    .duration_ms = c->duration_ms + OUTLAST_MS,
	};
	struct process client = {.pidfd = -1, .out = -1, .err = -1};
	struct iperf_sums sums[2];
	int ret = iperf_start(&client, c, &bulk, b->t);

	if (!ret)
		ret = workload_fail(b->t, iperf_wait_loaded(c, BEGUN_BYTES),
		                    "the bulk flow did not begin");
	if (!ret)
		ret = process_pause(bulk.omit_ms);
	if (!ret)
		ret = measure_sparse(b);
	if (!ret && process_wait(&client, 0) != -ETIMEDOUT) {
		b->t->status = TRIAL_FAILED;
		snprintf(b->t->reason, sizeof(b->t->reason),
		         "the bulk flow ended before the sparse one");
		ret = -EIO;
	}
	if (!ret)
		ret = iperf_finish(&client, c, &bulk, b->t, sums);
	process_end(&client);
	// A server that has served before has been seen not to begin the next such test.
	process_end(c->server);
	if (ret)
		return ret;
	workload_set(b->t, c->use->workload, "goodput_gbps",
	             sums[0].received_bytes * 8e-9 / sums[0].seconds);
	workload_set(b->t, c->use->workload, "retransmits", sums[0].retransmits);
	return 0;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	struct bloat b = {.c = c, .t = t};
	int ret = set_up(&b);

	(void)gigabits; // iperf3 leaves out those of the warm-up
	if (!ret)
		ret = measure(&b);
	tear_down(&b);
	return workload_result(ret);
}

const struct workload bloat_workload = {
    .name = "bloat",
    .summary = "delay of a sparse flow beside bulk TCP, perhaps through a bottleneck; a trial "
               "takes two to three seconds more than the duration",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"iperf3", "tc", NULL},
    .refuse = refuse,
    .run = run,
};
