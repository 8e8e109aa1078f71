// Initiations that pass a WireGuard interface's check of mac1 and no other: the flood that cookies
// are for (WireGuard paper, section 5.3). All else in them is random, and one that has been sent
// may be sent again, since whoever is under load remembers none. So they are made beforehand, and
// each costs its sender no more than a datagram.
#include "workloads/traffic/traffic.h"

#include <arpa/inet.h>
#include <blake2.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND_NS = 1000000000,
	MESSAGES = 1024,
	BATCH = TRAFFIC_QUANTUM_PACKETS_MAX,
	BUFFER_BYTES = 8 << 20,
	INITIATION = 1,
	COOKIE_REPLY = 3,
	COOKIE_REPLY_BYTES = 64,
};

// WireGuard paper, section 5.4.2.
struct initiation {
	uint32_t type;
	uint8_t random[4 + 32 + 48 + 28]; // sender, ephemeral, static, timestamp
	uint8_t mac1[16], mac2[16];
};

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct flood {
	const struct flood_options *o;
	int fd;
	struct initiation *message; // MESSAGES
	uint64_t sent, refused, replies, others;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void make_messages(struct flood *f)
{
	static const char label[] = "mac1----";
	uint8_t in[sizeof(label) - 1 + TRAFFIC_KEY_BYTES], key[32];

	memcpy(in, label, sizeof(label) - 1);
	memcpy(in + sizeof(label) - 1, f->o->key, TRAFFIC_KEY_BYTES);
	blake2s(key, in, NULL, sizeof(key), sizeof(in), 0);
	for (struct initiation *m = f->message; m < f->message + MESSAGES; m++) {
		*m = (struct initiation){.type = htole32(INITIATION)};
		randombytes_buf(m->random, sizeof(m->random));
		blake2s(m->mac1, m, key, sizeof(m->mac1), offsetof(struct initiation, mac1),
		        sizeof(key));
		if (f->o->mac2)
			randombytes_buf(m->mac2, sizeof(m->mac2));
	}
}

// The source of message `n`: in IPv4 addresses one after the other, in IPv6 networks of 64 bits,
// since such a network is one source to a tunnel.
static size_t put_source(const struct flood *f, union control *to, uint64_t n)
{
	const struct traffic_address *from = &f->o->from;
	uint32_t step = n % f->o->sources;
	struct cmsghdr *c = &to->align;

	if (!from->length)
		return 0;
	if (from->socket.ss_family == AF_INET) {
		struct in_pktinfo info = {
		    .ipi_spec_dst = ((const struct sockaddr_in *)&from->socket)->sin_addr};

		info.ipi_spec_dst.s_addr = htonl(ntohl(info.ipi_spec_dst.s_addr) + step);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
		                      .cmsg_level = IPPROTO_IP,
		                      .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in6_pktinfo info = {.ipi6_addr =
	                               ((const struct sockaddr_in6 *)&from->socket)->sin6_addr};

	info.ipi6_addr.s6_addr32[1] = htonl(ntohl(info.ipi6_addr.s6_addr32[1]) + step);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
	                      .cmsg_level = IPPROTO_IPV6,
	                      .cmsg_type = IPV6_PKTINFO};
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

// How many went, or -errno if none did.
static int send_batch(struct flood *f, unsigned n)
{
	struct mmsghdr message[BATCH] = {0};
	struct iovec part[BATCH];
	union control control[BATCH];

	for (unsigned i = 0; i < n; i++) {
		uint64_t number = f->sent + i;
		struct msghdr *m = &message[i].msg_hdr;

		part[i] = (struct iovec){&f->message[number % MESSAGES], sizeof(struct initiation)};
		*m = (struct msghdr){.msg_name = (void *)&f->o->to.socket,
		                     .msg_namelen = f->o->to.length,
		                     .msg_iov = &part[i],
		                     .msg_iovlen = 1,
		                     .msg_control = &control[i]};
		m->msg_controllen = put_source(f, &control[i], number);
	}
	int went = sendmmsg(f->fd, message, n, MSG_DONTWAIT);
	return went < 0 ? -errno : went;
}

static void take_replies(struct flood *f)
{
	struct mmsghdr message[BATCH] = {0};
	struct iovec part[BATCH];
	uint32_t type[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		part[i] = (struct iovec){&type[i], sizeof(type[i])};
		message[i].msg_hdr = (struct msghdr){.msg_iov = &part[i], .msg_iovlen = 1};
	}
	do {
		n = recvmmsg(f->fd, message, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
		for (int i = 0; i < n; i++)
			if (message[i].msg_len == COOKIE_REPLY_BYTES &&
			    type[i] == htole32(COOKIE_REPLY))
				f->replies++;
			else
				f->others++;
	} while (n == BATCH);
}

static unsigned batch_of(const struct flood_options *o)
{
	uint64_t messages = o->rate_pps * o->quantum_us / 1000000;

	return messages > BATCH ? BATCH : messages ? messages : 1;
}

static void sleep_until(uint64_t ns)
{
	const struct timespec t = {.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

// Batches are due at even intervals; late ones follow one another at once.
static int send_all(struct flood *f, uint64_t start_ns)
{
	uint64_t end_ns = start_ns + f->o->duration_ns, now_ns = start_ns;
	unsigned batch = batch_of(f->o);

	while (!stopped && now_ns < end_ns) {
		uint64_t due_ns = start_ns + f->sent * SECOND_NS / f->o->rate_pps;

		if (now_ns < due_ns)
			sleep_until(due_ns);
		int went = send_batch(f, batch);
		if (went == -EAGAIN || went == -ENOBUFS) {
			f->refused++;
			sleep_until(now_ns + f->o->quantum_us * 1000);
		} else if (went < 0) {
			return went;
		} else {
			f->sent += went;
		}
		take_replies(f);
		now_ns = clock_ns(CLOCK_MONOTONIC);
	}
	return 0;
}

static int open_socket(struct flood *f)
{
	const int bytes = BUFFER_BYTES, on = 1;

	f->fd = socket(f->o->to.socket.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return -errno;
	// Where that isn't allowed, the usual buffer does, and refusals are counted.
	setsockopt(f->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(f->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	// An address that is this host's by a route alone is none to IPv6's check of sources.
	if (f->o->to.socket.ss_family == AF_INET6 &&
	    setsockopt(f->fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)))
		return -errno;
	return 0;
}

static json_t *describe(const struct flood *f, double seconds)
{
	return json_pack("{sI sI sI sI sI sI sf sf}", "rate_pps", (json_int_t)f->o->rate_pps,
	                 "sources", (json_int_t)f->o->sources, "sent", (json_int_t)f->sent,
	                 "refused", (json_int_t)f->refused, "cookie_replies",
	                 (json_int_t)f->replies, "other_replies", (json_int_t)f->others, "seconds",
	                 seconds, "cpu_s", clock_ns(CLOCK_PROCESS_CPUTIME_ID) * 1e-9);
}

int flood_run(const struct flood_options *o, json_t **report)
{
	struct flood f = {.o = o, .fd = -1};
	int ret = -ENOMEM;

	f.message = calloc(MESSAGES, sizeof(*f.message));
	if (!f.message)
		goto out;
	make_messages(&f);
	ret = open_socket(&f);
	if (ret)
		goto out;
	signal(SIGTERM, stop);
	prctl(PR_SET_TIMERSLACK, 1);
	if (o->nice)
		setpriority(PRIO_PROCESS, 0, o->nice);
	puts("ready");
	fflush(stdout);
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
	ret = send_all(&f, start_ns);
	if (ret)
		goto out;
	*report = describe(&f, (clock_ns(CLOCK_MONOTONIC) - start_ns) * 1e-9);
	ret = *report ? 0 : -ENOMEM;
out:
	if (f.fd >= 0)
		close(f.fd);
	free(f.message);
	if (ret)
		fprintf(stderr, "wgbench-traffic: can't flood: %s%s\n", strerror(-ret),
		        ret == -EINVAL || ret == -EADDRNOTAVAIL || ret == -ENETUNREACH
		            ? ": --from must be the first of addresses that are this host's"
		            : "");
	return ret;
}
