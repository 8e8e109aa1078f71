// One socket for all flows, emptied once in a quantum: a wake-up for every packet would take more
// CPU from the tunnel under test than the packet does. Delays end at the kernel's time stamp, taken
// where a packet enters the receiving stack, so they don't depend on when the socket is read.
#include "workloads/traffic/traffic.h"
#include "workloads/traffic/histogram.h"
#include "workloads/traffic/sequence.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND_NS = 1000000000,
	TICK_US = 20000, // the longest wait in one recvmmsg(2)
	BUFFER_BYTES = 16 << 20,
	BATCH = 64,
	// A datagram, or what UDP_GRO makes of many; odd, so that slots share no cache sets.
	SLOT_BYTES = 65536 + 192,
	CONTROL_BYTES = 128,
};

struct flow {
	struct sequence sequence;
	bool ended;
	uint64_t expected; // known once ended
};

struct receiver {
	const struct receiver_options *o;
	int fd;
	uint32_t run;          // 0: not known yet
	unsigned flows, ended; // of those seen; flows is what the sender says
	uint64_t bytes, foreign, first_ns, last_ns;
	uint64_t window_end_ns, in_window;
	struct histogram delay;
	struct flow flow[TRAFFIC_FLOWS_MAX];
	struct mmsghdr message[BATCH];
	struct iovec part[BATCH];
	struct sockaddr_storage from[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
	uint8_t slot[BATCH][SLOT_BYTES];
};

static uint64_t to_ns(struct timespec t)
{
	return (uint64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return to_ns(t);
}

static int open_socket(struct receiver *r)
{
	const struct timeval tick = {.tv_usec = TICK_US};
	const int bytes = BUFFER_BYTES, on = 1;

	r->fd = socket(r->o->listen.socket.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return -errno;
	// Where that isn't allowed, the usual buffer does, and its drops are counted.
	setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)) ||
	    setsockopt(r->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    (r->o->gro && setsockopt(r->fd, SOL_UDP, UDP_GRO, &on, sizeof(on))) ||
	    bind(r->fd, (const struct sockaddr *)&r->o->listen.socket, r->o->listen.length))
		return -errno;
	return 0;
}

// Packets that the full socket lost: the receiver's fault, never the tunnel's.
static uint32_t socket_drops(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t bytes = sizeof(memory);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &bytes);
	return memory[SK_MEMINFO_DROPS];
}

static void take_end(struct receiver *r, struct traffic_header *h, const struct msghdr *m)
{
	struct flow *f = &r->flow[h->flow];

	r->ended += !f->ended;
	f->ended = true;
	f->expected = h->sequence;
	h->kind = TRAFFIC_ACKNOWLEDGED;
	// One that is lost is asked for again.
	sendto(r->fd, h, sizeof(*h), MSG_DONTWAIT, m->msg_name, m->msg_namelen);
}

static void take_packet(struct receiver *r, const uint8_t *payload, size_t bytes,
                        uint64_t arrived_ns, const struct msghdr *m)
{
	struct traffic_header h = {0};

	if (bytes >= sizeof(h))
		memcpy(&h, payload, sizeof(h));
	if (!r->run && h.kind == TRAFFIC_DATA)
		r->run = h.run;
	if ((h.kind != TRAFFIC_DATA && h.kind != TRAFFIC_END) || h.run != r->run || !h.flows ||
	    h.flows > TRAFFIC_FLOWS_MAX || h.flow >= h.flows) {
		r->foreign++;
		return;
	}
	r->flows = h.flows;
	if (h.kind == TRAFFIC_END) {
		take_end(r, &h, m);
		return;
	}
	sequence_add(&r->flow[h.flow].sequence, h.sequence);
	histogram_add(&r->delay, arrived_ns > h.intended_ns ? arrived_ns - h.intended_ns : 0);
	r->bytes += bytes;
	if (!r->first_ns) {
		r->first_ns = arrived_ns;
		r->window_end_ns = h.intended_ns + r->o->window_ms * UINT64_C(1000000);
	}
	if (arrived_ns < r->window_end_ns)
		r->in_window++;
	r->last_ns = arrived_ns;
}

// What UDP_GRO has joined is cut again. `realtime_ns`: CLOCK_REALTIME minus CLOCK_MONOTONIC.
static void take_message(struct receiver *r, struct mmsghdr *message, const uint8_t *payload,
                         uint64_t realtime_ns)
{
	struct msghdr *m = &message->msg_hdr;
	size_t left = message->msg_len, step = left;
	uint64_t stamp_ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			stamp_ns = to_ns(t);
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int segment_bytes;

			memcpy(&segment_bytes, CMSG_DATA(c), sizeof(segment_bytes));
			step = segment_bytes;
		}
	}
	for (; left; payload += step, left -= step) {
		if (step > left)
			step = left;
		take_packet(r, payload, step, stamp_ns - realtime_ns, m);
	}
}

static void prepare(struct receiver *r)
{
	for (unsigned i = 0; i < BATCH; i++) {
		r->part[i] = (struct iovec){r->slot[i], SLOT_BYTES};
		r->message[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
		                                        .msg_namelen = sizeof(r->from[i]),
		                                        .msg_iov = &r->part[i],
		                                        .msg_iovlen = 1,
		                                        .msg_control = r->control[i],
		                                        .msg_controllen = CONTROL_BYTES};
	}
}

// Until all flows have ended and the socket is empty, or for too long nothing came.
static int receive_all(struct receiver *r)
{
	const struct timespec quantum = {.tv_nsec = r->o->quantum_us * 1000L};
	uint64_t heard_ns = clock_ns(CLOCK_MONOTONIC);

	for (;;) {
		prepare(r);
		int n = recvmmsg(r->fd, r->message, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		uint64_t realtime_ns = clock_ns(CLOCK_REALTIME) - now_ns;
		for (int i = 0; i < n; i++)
			take_message(r, &r->message[i], r->slot[i], realtime_ns);
		if (n > 0)
			heard_ns = now_ns;
		if (n < BATCH && r->flows && r->ended == r->flows)
			return 0;
		if (now_ns - heard_ns > r->o->timeout_ms * UINT64_C(1000000))
			return 0;
		if (n > 0 && n < BATCH)
			nanosleep(&quantum, NULL);
	}
}

static json_t *describe_delay(const struct histogram *h)
{
	return json_pack("{sI sI sI sI sI sI sI}", "min", (json_int_t)histogram_quantile(h, 0),
	                 "p50", (json_int_t)histogram_quantile(h, 0.5), "p90",
	                 (json_int_t)histogram_quantile(h, 0.9), "p99",
	                 (json_int_t)histogram_quantile(h, 0.99), "p999",
	                 (json_int_t)histogram_quantile(h, 0.999), "max",
	                 (json_int_t)histogram_quantile(h, 1), "above_10s", (json_int_t)h->above);
}

// [[ns, packets], ...]: delays rounded up to three digits, ascending.
static json_t *list_delays(const struct histogram *h)
{
	json_t *all = json_array();
	uint64_t end_ns;
	unsigned at = 0;

	for (uint32_t n; (n = histogram_next(h, &at, &end_ns));)
		json_array_append_new(all, json_pack("[II]", (json_int_t)end_ns, (json_int_t)n));
	return all;
}

// A flow whose end isn't known has lost at least what is missing before its last packet.
static uint64_t lost(const struct flow *f)
{
	uint64_t expected = f->ended ? f->expected : f->sequence.next;
	uint64_t arrived = f->sequence.received + f->sequence.stale;

	return expected > arrived ? expected - arrived : 0;
}

static json_t *describe_flow(const struct flow *f)
{
	const struct sequence *s = &f->sequence;

	return json_pack("{sI sI sI sI sI sb}", "received", (json_int_t)s->received, "lost",
	                 (json_int_t)lost(f), "duplicates", (json_int_t)s->duplicates, "reordered",
	                 (json_int_t)s->reordered, "stale", (json_int_t)s->stale, "ended",
	                 f->ended);
}

static json_t *describe(const struct receiver *r)
{
	uint64_t received = 0, missing = 0, duplicates = 0, reordered = 0, stale = 0;
	json_t *flows = json_array();

	for (unsigned i = 0; i < r->flows; i++) {
		const struct flow *f = &r->flow[i];

		received += f->sequence.received;
		missing += lost(f);
		duplicates += f->sequence.duplicates;
		reordered += f->sequence.reordered;
		stale += f->sequence.stale;
		json_array_append_new(flows, describe_flow(f));
	}
	json_t *report = json_pack(
	    "{sI sI sI sI sI sI sI sI sI sI sf sf sb so so}", "run", (json_int_t)r->run, "received",
	    (json_int_t)received, "in_window", (json_int_t)r->in_window, "lost",
	    (json_int_t)missing, "duplicates", (json_int_t)duplicates, "reordered",
	    (json_int_t)reordered, "stale", (json_int_t)stale, "foreign", (json_int_t)r->foreign,
	    "socket_drops", (json_int_t)socket_drops(r->fd), "bytes", (json_int_t)r->bytes,
	    "seconds", (r->last_ns - r->first_ns) * 1e-9, "cpu_s",
	    clock_ns(CLOCK_PROCESS_CPUTIME_ID) * 1e-9, "ended", r->flows && r->ended == r->flows,
	    "delay_ns", describe_delay(&r->delay), "flows", flows);
	if (r->o->histogram)
		json_object_set_new(report, "delays_ns", list_delays(&r->delay));
	return report;
}

int receiver_run(const struct receiver_options *o, json_t **report)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	if (!r)
		return ret;
	r->o = o;
	r->run = o->run;
	ret = open_socket(r);
	if (!ret && o->nice)
		setpriority(PRIO_PROCESS, 0, o->nice);
	if (!ret) {
		puts("ready");
		fflush(stdout);
		ret = receive_all(r);
	}
	if (!ret) {
		*report = describe(r);
		ret = *report ? 0 : -ENOMEM;
	}
	if (ret)
		fprintf(stderr, "wgbench-traffic: can't receive: %s\n", strerror(-ret));
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return ret;
}
