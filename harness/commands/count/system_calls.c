// System calls per packet as the tunnels' own counters have them, in a test network: with a kernel
// and a scheduler in between, so the repeats differ.
#include "base/memory.h"
#include "harness/commands/count/count.h"
#include "harness/measure/testbed.h"
#include "harness/measure/tunnel_counters.h"
#include "workloads/generator.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DURATION_MS = 500 };

// UDP payloads of inner packets of 64 and 1420 bytes; the mix `imix` has no generator.
static const struct {
	const char *name;
	double rate_pps;
	long size_bytes, segments;
} traffic[COUNT_MIXES] = {
    {"50,000/s of 64 B", 50000, 36, 1},
    {0},
    {"50,000/s of 1420 B", 50000, 1392, 1},
    {"100,000/s of 1420 B, 44 at once", 100000, 1392, 44},
};

const char *count_calls_traffic(int mix)
{
	return traffic[mix].name;
}

// The calls of one end for each packet of its direction.
static int add_calls(struct count_calls *calls, const struct trial_end *e, const char *packets)
{
	static const char *const names[] = {"tun_reads", "tun_writes", "udp_receives", "udp_sends",
	                                    "epoll_waits"};
	double n = trial_end_count(e, packets), sum = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		sum += trial_end_count(e, names[i]);
	if (!(n > 0) || isnan(sum))
		return -EIO;
	calls->value[calls->n++] = sum / n;
	return 0;
}

static int take_calls(struct count_tunnel *t, int mix,
                      const struct tunnel_status status[2][COUNT_ENDS])
{
	static const char *const packets[] = {"tx_packets", "rx_packets"};
	struct trial passed;
	int ret = 0;

	trial_init(&passed);
	for (int end = 0; end < COUNT_ENDS && !ret; end++) {
		tunnel_status_difference(&passed.end[end], &status[0][end], &status[1][end]);
		ret = add_calls(&t->calls[mix][end], &passed.end[end], packets[end]);
	}
	trial_free(&passed);
	if (ret)
		fprintf(stderr, "wgbench: %s: its counters report no packets or system calls\n",
		        t->spec.name);
	return ret;
}

static int send_once(struct count_tunnel *t, int mix, struct session_tunnel *under_test)
{
	const struct generator_options options = {.rate_pps = traffic[mix].rate_pps,
	                                          .size_bytes = traffic[mix].size_bytes,
	                                          .segments = traffic[mix].segments,
	                                          .duration_ms = DURATION_MS};
	const struct workload_context context = {.pair = under_test->process.pair,
	                                         .duration_ms = DURATION_MS};
	struct tunnel_status status[2][COUNT_ENDS] = {0};
	struct generator_result result;
	struct trial trial = {0};
	int ret = tunnel_ask(&under_test->process, status[0]);

	if (!ret)
		ret = generator_run(&context, &options, &trial, &result);
	if (ret == -EIO)
		fprintf(stderr, "wgbench: %s: %s\n", t->spec.name, trial.reason);
	if (!ret)
		ret = tunnel_ask(&under_test->process, status[1]);
	if (!ret)
		ret = take_calls(t, mix, status);
	for (int i = 0; i < 2; i++)
		for (int end = 0; end < COUNT_ENDS; end++)
			tunnel_status_free(&status[i][end]);
	return ret;
}

// The tunnels take turns.
static int send_all(struct count *c, struct session *s)
{
	int ret = 0;

	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (size_t i = 0; i < COUNT_REPEATS * c->tunnels && !ret; i++)
			if (c->mix[mix] && traffic[mix].name)
				ret = send_once(&c->tunnel[i % c->tunnels], mix,
				                &s->tunnel[i % c->tunnels]);
	return ret;
}

int count_calls(struct count *c)
{
	struct session *s = memory_new(1, sizeof(*s));
	int ret;

	fprintf(stderr, "counting system calls in a test network\n");
	s->tunnels = c->tunnels;
	for (size_t i = 0; i < c->tunnels; i++) {
		struct session_tunnel *t = &s->tunnel[i];

		t->spec = c->tunnel[i].spec;
		t->builds = 1;
		snprintf(t->program[0], sizeof(t->program[0]), "%s", c->tunnel[i].program);
	}
	ret = session_open(s);
	if (!ret)
		ret = session_start(s, 0);
	if (!ret)
		ret = send_all(c, s);
	session_close(s);
	free(s);
	return ret;
}
