// Every quantum goes by one sendmmsg(2) on one flow, flows in turn, when the first of its packets
// is due; all of them carry that time. Between quanta the sender sleeps to an absolute time: a busy
// loop would take its CPU from the tunnel under test. Late quanta follow one another at once.
#include "workloads/traffic/traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND_NS = 1000000000,
	LEAD_NS = 1000000, // from the start to the first packet
	LATE_NS = 1000000, // behind its time by more, a packet counts as late
	END_ROUNDS = 60,
	END_ROUND_MS = 5,
	BUFFER_BYTES = 8 << 20,
};

struct flow {
	int fd;
	uint64_t sent;
	bool acknowledged;
};

struct sender {
	const struct sender_options *o;
	struct flow flow[TRAFFIC_FLOWS_MAX + 1]; // behind the others the one that goes aside
	uint8_t *payload;                        // a quantum of packets, one after the other
	uint64_t start_ns, end_ns, planned, sent, late, refused, late_max_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

unsigned sender_quantum(const struct sender_options *o)
{
	uint64_t packets = o->rate_pps * o->quantum_us / 1000000;

	if (packets > TRAFFIC_QUANTUM_PACKETS_MAX)
		packets = TRAFFIC_QUANTUM_PACKETS_MAX;
	packets -= packets % o->segments;
	return packets ? packets : o->segments;
}

static int open_flow(struct flow *f, const struct traffic_address *to,
                     const struct sender_options *o)
{
	int bytes = BUFFER_BYTES, size = o->size_bytes;

	f->fd = socket(to->socket.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	// Where that isn't allowed, the usual buffer does, and refusals are counted.
	setsockopt(f->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	if (o->segments > 1 && setsockopt(f->fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)))
		return -errno;
	return connect(f->fd, (const struct sockaddr *)&to->socket, to->length) ? -errno : 0;
}

static unsigned sockets(const struct sender_options *o)
{
	return o->flows + (o->aside_ppm > 0);
}

// The flow of a quantum: those that go aside lie evenly among the others, which take turns.
static unsigned flow_of(const struct sender_options *o, uint64_t quantum)
{
	uint64_t aside = quantum * o->aside_ppm / 1000000;

	if ((quantum + 1) * o->aside_ppm / 1000000 > aside)
		return o->flows;
	return (quantum - aside) % o->flows;
}

static void put_header(void *to, const struct sender *s, uint32_t kind, unsigned flow,
                       uint64_t sequence, uint64_t intended_ns)
{
	const struct traffic_header header = {.kind = kind,
	                                      .run = s->o->run,
	                                      .flow = flow,
	                                      .flows = s->o->flows,
	                                      .sequence = sequence,
	                                      .intended_ns = intended_ns};

	memcpy(to, &header, sizeof(header));
}

// Sends `n` packets that are due at `due_ns`. How many went, or -errno if none did.
static int send_packets(struct sender *s, unsigned flow, unsigned n, uint64_t due_ns)
{
	struct mmsghdr message[TRAFFIC_QUANTUM_PACKETS_MAX] = {0};
	struct iovec part[TRAFFIC_QUANTUM_PACKETS_MAX];
	size_t size = s->o->size_bytes;
	unsigned step = s->o->segments, messages = 0;

	for (unsigned i = 0; i < n; i++)
		put_header(s->payload + i * size, s, TRAFFIC_DATA, flow, s->flow[flow].sent + i,
		           due_ns);
	for (unsigned i = 0; i < n; i += step, messages++) {
		part[messages].iov_base = s->payload + i * size;
		part[messages].iov_len = (n - i < step ? n - i : step) * size;
		message[messages].msg_hdr.msg_iov = &part[messages];
		message[messages].msg_hdr.msg_iovlen = 1;
	}
	int went = sendmmsg(s->flow[flow].fd, message, messages, MSG_DONTWAIT);
	if (went < 0)
		return -errno;
	return went * step < n ? went * step : n;
}

static int send_all(struct sender *s)
{
	unsigned quantum = sender_quantum(s->o);
	uint64_t deadline_ns = s->start_ns + s->o->duration_ns + s->o->grace_ns;

	for (uint64_t quanta = 0; s->sent < s->planned; quanta++) {
		unsigned flow = flow_of(s->o, quanta);
		uint64_t left = s->planned - s->sent;
		uint64_t due_ns = s->start_ns + s->sent * SECOND_NS / s->o->rate_pps;
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

		if (now_ns > deadline_ns)
			return 0;
		if (now_ns < due_ns) {
			sleep_until(due_ns);
			now_ns = clock_ns(CLOCK_MONOTONIC);
		}
		int went = send_packets(s, flow, left < quantum ? left : quantum, due_ns);
		if (went == -EAGAIN || went == -ENOBUFS) {
			s->refused++;
			sleep_until(now_ns + s->o->quantum_us * 1000);
			continue;
		}
		if (went < 0)
			return went;
		s->flow[flow].sent += went;
		s->sent += went;
		if (now_ns > due_ns + LATE_NS)
			s->late += went;
		if (now_ns > due_ns + s->late_max_ns)
			s->late_max_ns = now_ns - due_ns;
	}
	return 0;
}

static unsigned wait_acknowledged(struct sender *s)
{
	struct pollfd fds[TRAFFIC_FLOWS_MAX];
	struct traffic_header header;
	unsigned missing = 0;

	for (unsigned i = 0; i < s->o->flows; i++)
		fds[i] = (struct pollfd){.fd = s->flow[i].acknowledged ? -1 : s->flow[i].fd,
		                         .events = POLLIN};
	poll(fds, s->o->flows, END_ROUND_MS);
	for (unsigned i = 0; i < s->o->flows; i++) {
		while (recv(s->flow[i].fd, &header, sizeof(header), MSG_DONTWAIT) == sizeof(header))
			if (header.kind == TRAFFIC_ACKNOWLEDGED && header.run == s->o->run)
				s->flow[i].acknowledged = true;
		missing += !s->flow[i].acknowledged;
	}
	return missing;
}

// Tells the receiver how many there were, behind them in the same queues; true if it knows.
static bool tell_end(struct sender *s)
{
	struct traffic_header header;

	for (unsigned round = 0; round < END_ROUNDS; round++) {
		for (unsigned i = 0; i < s->o->flows; i++) {
			put_header(&header, s, TRAFFIC_END, i, s->flow[i].sent, 0);
			// One that doesn't go, goes in the next round.
			if (!s->flow[i].acknowledged)
				send(s->flow[i].fd, &header, sizeof(header), MSG_DONTWAIT);
		}
		if (!wait_acknowledged(s))
			return true;
	}
	return false;
}

static json_t *describe(const struct sender *s, bool acknowledged)
{
	uint64_t due_ns = s->o->duration_ns + s->start_ns;

	return json_pack(
	    "{sI sI sI sI sI sI sI sI sI sf sf sb}", "run", (json_int_t)s->o->run, "rate_pps",
	    (json_int_t)s->o->rate_pps, "quantum_packets", (json_int_t)sender_quantum(s->o),
	    "planned", (json_int_t)s->planned, "sent", (json_int_t)s->sent, "aside",
	    (json_int_t)s->flow[s->o->flows].sent, "late", (json_int_t)s->late, "refused",
	    (json_int_t)s->refused, "late_max_ns", (json_int_t)s->late_max_ns, "seconds",
	    ((s->end_ns > due_ns ? s->end_ns : due_ns) - s->start_ns) * 1e-9, "cpu_s",
	    clock_ns(CLOCK_PROCESS_CPUTIME_ID) * 1e-9, "acknowledged", acknowledged);
}

static void explain(int error)
{
	fprintf(stderr, "wgbench-traffic: can't send: %s%s\n", strerror(error),
	        error == ECONNREFUSED ? ": start the receiver first"
	        : error == EIO        ? ": this route has no UDP_SEGMENT; leave --gso out"
	        : error == EMSGSIZE   ? ": make --size or --gso smaller"
	                              : "");
}

int sender_run(const struct sender_options *o, json_t **report)
{
	struct sender s = {.o = o, .planned = o->rate_pps * o->duration_ns / SECOND_NS};
	int ret = -ENOMEM;
	unsigned opened = 0;

	s.payload = calloc(TRAFFIC_QUANTUM_PACKETS_MAX, o->size_bytes);
	if (!s.payload)
		goto out;
	for (ret = 0; opened < sockets(o) && !ret; opened++)
		ret = open_flow(&s.flow[opened], opened < o->flows ? &o->to : &o->aside, o);
	if (ret)
		goto out;
	prctl(PR_SET_TIMERSLACK, 1);
	if (o->nice)
		setpriority(PRIO_PROCESS, 0, o->nice);
	s.start_ns = clock_ns(CLOCK_MONOTONIC) + LEAD_NS;
	ret = send_all(&s);
	s.end_ns = clock_ns(CLOCK_MONOTONIC);
	if (ret)
		goto out;
	*report = describe(&s, tell_end(&s));
	ret = *report ? 0 : -ENOMEM;
out:
	for (unsigned i = 0; i < opened; i++)
		if (s.flow[i].fd >= 0)
			close(s.flow[i].fd);
	free(s.payload);
	if (ret)
		explain(-ret);
	return ret;
}
