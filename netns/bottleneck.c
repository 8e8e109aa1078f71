// On the sending host the bucket is the outer interface's qdisc; at the far one it is the qdisc of
// an IFB that all that arrives is redirected through. Packets that wait in either still belong to
// the tunnel's socket, which sees them there (SIOCOUTQ): a veth leaves them to it, and they are
// taken from it only when the far host's IP layer gets them. Behind a router it would see none.
#include "netns/bottleneck.h"

#include "base/clock.h"
#include "base/foreign.h"
#include "base/process.h"
#include "base/text.h"
#include "netns/netns.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { COMMAND_MS = 20000 };

// The bucket holds a whole UDP_SEGMENT or TSO packet (64 KB, and headers for each of up to 128
// segments, all of which the kernel counts): a smaller one would have TBF cut it into packets, each
// with the cost of a packet for the receiving tunnel. It also holds what comes in 4 ms, since the
// timer that refills it may be so late in a guest, and tokens over the brim are lost to the rate.
enum { LARGEST_PACKET_BYTES = 72 * 1024, TIMER_MS = 4 };

#define IFB "bottleneck0"

struct step {
	const char *what, *program, *make;
	const char *unmake; // NULL: it goes with another
};

// The %s is the bucket.
static const struct step near_steps[] = {
    {"qdisc tbf", "tc", "qdisc add dev " NETNS_VETH " root %s\n",
     "qdisc del dev " NETNS_VETH " root\n"},
    {0},
};
static const struct step far_steps[] = {
    {"IFB device", "ip", "link add " IFB " type ifb\n", "link del " IFB "\n"},
    {"IFB device", "ip", "link set " IFB " up\n", NULL},
    {"qdisc tbf", "tc", "qdisc add dev " IFB " root %s\n", NULL},
    {"qdisc ingress", "tc", "qdisc add dev " NETNS_VETH " ingress\n",
     "qdisc del dev " NETNS_VETH " ingress\n"},
    {"classifier u32 with action mirred", "tc",
     "filter add dev " NETNS_VETH " parent ffff: protocol all u32 match u32 0 0 "
     "action mirred egress redirect dev " IFB "\n",
     NULL},
    {0},
};

static const struct step *steps_of(const struct netns_bottleneck *b)
{
	return b->far ? far_steps : near_steps;
}

static int ns_of(const struct netns_bottleneck *b)
{
	return b->pair->side[b->far].fd;
}

static unsigned long long take_greater(unsigned long long a, unsigned long long b)
{
	return a > b ? a : b;
}

int netns_bottleneck_open(struct netns_bottleneck *b, const struct netns_pair *pair,
                          long mbit_per_s, long limit_ms, bool far, struct text *fault)
{
	unsigned long long bytes_per_s = mbit_per_s * 125000ull;
	int ret = 0;

	*b = (struct netns_bottleneck){
	    .pair = pair,
	    .far = far,
	    .bytes_per_s = bytes_per_s,
	    .burst_bytes = take_greater(LARGEST_PACKET_BYTES, bytes_per_s * TIMER_MS / 1000),
	    .limit_bytes = take_greater(LARGEST_PACKET_BYTES, bytes_per_s * limit_ms / 1000),
	};
	char *bucket = text_format("tbf rate %llubps burst %llu limit %llu", b->bytes_per_s,
	                           b->burst_bytes, b->limit_bytes);
	for (const struct step *s = steps_of(b); s->what; s++, b->made++) {
		ret = netns_batch(ns_of(b), s->program, fault, s->make, bucket);
		if (ret) {
			text_set(fault, "can't make the bottleneck: %s: %s", s->what,
			         text_string(fault));
			netns_bottleneck_close(b);
			break;
		}
	}
	free(bucket);
	return ret;
}

void netns_bottleneck_close(struct netns_bottleneck *b)
{
	bool before = process_shield(true);

	while (b->made) {
		const struct step *s = &steps_of(b)[--b->made];

		if (s->unmake)
			netns_batch(ns_of(b), s->program, NULL, "%s", s->unmake);
	}
	b->pair = NULL;
	process_shield(before);
}

int netns_bottleneck_count(const struct netns_bottleneck *b, struct netns_bottleneck_counters *c)
{
	const char *const argv[] = {
	    "tc", "-s", "-j", "qdisc", "show", "dev", b->far ? IFB : NETNS_VETH, "root", NULL};
	double sent_bytes, sent_packets, drops, backlog_bytes;
	const struct foreign_row rows[] = {{"bytes", &sent_bytes},
	                                   {"packets", &sent_packets},
	                                   {"drops", &drops},
	                                   {"backlog", &backlog_bytes},
	                                   {0}};
	struct process_text text;
	int ret = process_run(argv, ns_of(b), NULL, COMMAND_MS, &text);

	*c = (struct netns_bottleneck_counters){.ns = clock_ns(CLOCK_MONOTONIC)};
	json_t *all = json_loads(text.out, 0, NULL), *bucket = json_array_get(all, 0);

	if (ret >= 0)
		ret = ret || foreign_numbers(bucket, rows) ? -EIO : 0;
	if (!ret) {
		c->sent_bytes = sent_bytes;
		c->sent_packets = sent_packets;
		c->drops = drops;
		c->backlog_bytes = backlog_bytes;
	}
	json_decref(all);
	process_text_free(&text);
	return ret;
}
