// Sending and receiving by the outer sockets: one UDP_SEGMENT message for each run of equal sizes,
// all messages of a batch in one sendmmsg; UDP_GRO buffers in one recvmmsg.
#include "tunnel/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include "tunnel/batch.h"
#include "tunnel/counters.h"
#include "tunnel/endpoint.h"
#include "tunnel/feature.h"
#include "tunnel/gro.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"

enum {
	SEND_BYTES_MAX = 65507, // of one message with UDP_SEGMENT: the largest IPv4 UDP payload
	// Of one such message: what every kernel with UDP_SEGMENT takes. Newer ones take 128, but
	// where a message reaches its receiver whole (veth), wireguard-go 0.0.20231211 has room for
	// two of 64 only.
	SEND_SEGMENTS_MAX = 64,
	SEND_MESSAGES_MAX = 64, // of one sendmmsg
	// Of one recvmmsg, and of one turn: several calls before the TUN had its turn cost 5 % of
	// the goodput of TCP both ways (paired, 95 % interval 2 to 8 %); fewer messages cost CPU.
	RECEIVE_MESSAGES = 8,
};

// Room for TOS, packet info and segment size.
union control_buffer {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int))];
};

// ---- sending

static void put_control(struct msghdr *m, int level, int type, const void *data, size_t bytes)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(c), data, bytes);
	m->msg_controllen += CMSG_SPACE(bytes);
}

// TOS where it isn't 0, and the sticky source where one is known. The source alone, without the
// interface that it was seen on: with that the kernel would send there even when the route has
// moved or gone.
static void put_route(struct msghdr *m, const struct endpoint *e, int tos)
{
	if (e->remote.any.sa_family == AF_INET) {
		if (tos)
			put_control(m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
		if (e->local.v4.s_addr) {
			struct in_pktinfo info = {.ipi_spec_dst = e->local.v4};
			put_control(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		}
	} else {
		if (tos)
			put_control(m, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
		if (!IN6_IS_ADDR_UNSPECIFIED(&e->local.v6)) {
			struct in6_pktinfo info = {.ipi6_addr = e->local.v6};
			put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
		}
	}
}

static int find_socket(const struct queue *q, const struct endpoint *e)
{
	switch (e->remote.any.sa_family) {
	case AF_INET:
		return q->udp[0];
	case AF_INET6:
		return q->udp[1];
	default:
		return -1;
	}
}

// Whether the failure is the sticky source's: its address or route went away.
static bool is_source_fault(int error)
{
	return error == EINVAL || error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == EADDRNOTAVAIL || error == ENODEV;
}

int udp_send_one(struct queue *q, const struct endpoint *to, const void *message, size_t bytes,
                 uint8_t tos)
{
	struct endpoint e = *to;
	int fd = find_socket(q, &e);

	if (fd < 0)
		return e.remote.any.sa_family == AF_UNSPEC ? -EDESTADDRREQ : -ENETUNREACH;
	for (;;) {
		union control_buffer control;
		struct iovec iov = {(void *)message, bytes};
		struct msghdr m = {.msg_name = &e.remote,
		                   .msg_namelen = endpoint_address_bytes(&e.remote),
		                   .msg_iov = &iov,
		                   .msg_iovlen = 1,
		                   .msg_control = &control};
		put_route(&m, &e, tos);
		counters_add(q->counters, udp_sends, 1);
		if (sendmsg(fd, &m, 0) >= 0)
			return 0;
		int error = errno;
		if (!is_source_fault(error) || !endpoint_source_known(&e.local))
			return -error;
		e.local = (struct endpoint_source){0};
	}
}

// A run: messages of one size side by side in `out`, the last one perhaps shorter.
struct run {
	uint32_t first, count;
};

static struct run next_run(const struct batch *b, uint32_t first, bool segment)
{
	uint32_t size = b->span[first].length, bytes = size, i = first + 1;

	while (segment && i < b->packets && i - first < SEND_SEGMENTS_MAX &&
	       b->span[i].length <= size && bytes + b->span[i].length <= SEND_BYTES_MAX) {
		bytes += b->span[i].length;
		if (b->span[i++].length < size)
			break;
	}
	return (struct run){first, i - first};
}

// Sends the batch from span `first` on, at most SEND_MESSAGES_MAX messages. The next span that is
// to be sent; -errno where nothing was.
static int send_some(int fd, const struct batch *b, uint32_t first, const struct endpoint *e,
                     bool segment)
{
	struct mmsghdr messages[SEND_MESSAGES_MAX];
	struct iovec iov[SEND_MESSAGES_MAX];
	union control_buffer control[SEND_MESSAGES_MAX];
	struct run runs[SEND_MESSAGES_MAX];
	int n = 0;

	for (uint32_t at = first; at < b->packets && n < SEND_MESSAGES_MAX; n++) {
		struct run r = next_run(b, at, segment);
		const struct batch_span *last = &b->span[r.first + r.count - 1];
		uint16_t size = b->span[at].length;
		struct msghdr *m = &messages[n].msg_hdr;

		iov[n] = (struct iovec){b->out + b->span[at].offset,
		                        last->offset + last->length - b->span[at].offset};
		*m = (struct msghdr){.msg_name = (void *)&e->remote,
		                     .msg_namelen = endpoint_address_bytes(&e->remote),
		                     .msg_iov = &iov[n],
		                     .msg_iovlen = 1,
		                     .msg_control = &control[n]};
		put_route(m, e, b->tos);
		if (r.count > 1)
			put_control(m, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
		runs[n] = r;
		at += r.count;
	}
	counters_add(b->queue->counters, udp_sends, 1);
	int sent = sendmmsg(fd, messages, n, 0);
	return sent < 0 ? -errno : (int)(runs[sent - 1].first + runs[sent - 1].count);
}

// What a send that succeeded says of UDP_SEGMENT: it was part of it, or was refused before.
static void judge_segment(struct peer *p, bool several, int refused)
{
	bool changed = false;

	if (refused)
		changed =
		    feature_refused(&p->segment, feature_meaning(FEATURE_UDP_SEGMENT, refused));
	else if (several)
		changed = feature_took(&p->segment);
	if (changed)
		counters_add(p->counters, offload_changes, 1);
}

uint32_t udp_send(struct batch *b)
{
	struct peer *p = b->peer;

	pthread_mutex_lock(&p->endpoint_lock);
	struct endpoint e = p->endpoint;
	pthread_mutex_unlock(&p->endpoint_lock);

	int fd = find_socket(b->queue, &e);
	if (fd < 0)
		return 0;

	const struct endpoint_source local = e.local;
	bool forgot = false, segment = b->queue->sockets->segment && feature_wanted(&p->segment);
	int refused =
	    0; // the errno of a send with UDP_SEGMENT, until it shows what that was due to
	uint32_t at = 0;
	while (at < b->packets) {
		bool several = segment && next_run(b, at, true).count > 1;
		int next = send_some(fd, b, at, &e, segment);

		if (next > 0) {
			at = next;
			judge_segment(p, several, refused);
			refused = 0;
		} else if (several &&
		           feature_meaning(FEATURE_UDP_SEGMENT, -next) != FEATURE_NOT_NOW) {
			segment = false;
			refused = -next;
		} else if (is_source_fault(-next) && endpoint_source_known(&e.local)) {
			e.local = (struct endpoint_source){0};
			forgot = true;
			segment |= refused != 0;
			refused = 0;
		} else {
			break;
		}
	}
	if (forgot) {
		pthread_mutex_lock(&p->endpoint_lock);
		if (endpoint_address_equal(&p->endpoint.remote, &e.remote) &&
		    endpoint_source_equal(&p->endpoint.local, &local))
			p->endpoint.local = e.local;
		pthread_mutex_unlock(&p->endpoint_lock);
	}
	return at;
}

// ---- receiving

// What the control messages say of a received buffer; what they don't say stays.
struct told {
	struct endpoint *source; // its local address
	uint8_t tos;
	uint32_t datagram_bytes;
};

static void take_control(struct told *t, struct msghdr *m)
{
	struct endpoint *e = t->source;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e->local.v4 = info.ipi_spec_dst;
			e->local.ifindex = info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e->local.v6 = info.ipi6_addr;
			e->local.ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			t->tos = *CMSG_DATA(c);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tos;
			memcpy(&tos, CMSG_DATA(c), sizeof(tos));
			t->tos = tos;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			t->datagram_bytes = size;
		}
	}
}

// A buffer for each message, from the pool. How many there are.
static int prepare_messages(struct queue *q, struct batch *batch[], struct mmsghdr messages[],
                            struct iovec iov[], union control_buffer control[])
{
	int ready = 0;

	for (; ready < RECEIVE_MESSAGES; ready++) {
		struct batch *b = batch[ready] = pool_get_batch(&q->pool);
		if (!b)
			break;
		b->in = pool_get_buffer(&q->pool);
		if (!b->in) {
			pool_put_batch(b);
			break;
		}
		iov[ready] = (struct iovec){b->in->item.bytes, BATCH_FRAME_BYTES};
		b->source = (struct endpoint){0};
		messages[ready].msg_hdr = (struct msghdr){
		    .msg_name = &b->source.remote,
		    .msg_namelen = sizeof(b->source.remote),
		    .msg_iov = &iov[ready],
		    .msg_iovlen = 1,
		    .msg_control = &control[ready],
		    .msg_controllen = sizeof(control[ready]),
		};
	}
	return ready;
}

static void pass_on_batch(struct batch *b, struct mmsghdr *message, uint64_t now_ns)
{
	struct told told = {.source = &b->source, .datagram_bytes = message->msg_len};

	take_control(&told, &message->msg_hdr);
	b->in_bytes = message->msg_len;
	b->datagram_bytes = told.datagram_bytes;
	b->tos = told.tos;
	if (message->msg_hdr.msg_flags & MSG_TRUNC) {
		counters_add(b->queue->counters, drop_rx_malformed, 1);
		pool_put_batch(b);
	} else {
		input_batch(b, now_ns);
	}
}

int udp_receive(struct queue *q, int fd, uint64_t now_ns, bool *backlog)
{
	struct batch *batch[RECEIVE_MESSAGES];
	struct mmsghdr messages[RECEIVE_MESSAGES];
	struct iovec iov[RECEIVE_MESSAGES];
	union control_buffer control[RECEIVE_MESSAGES];
	int ready = prepare_messages(q, batch, messages, iov, control);
	if (!ready) {
		counters_add(q->counters, drop_memory, 1);
		q->starved = true;
		return -ENOMEM;
	}
	int n = recvmmsg(fd, messages, ready, 0, NULL), error = errno;
	counters_add(q->counters, udp_receives, 1);
	for (int i = ready; i-- > (n < 0 ? 0 : n);)
		pool_put_batch(batch[i]);
	for (int i = 0; i < n; i++)
		pass_on_batch(batch[i], &messages[i], now_ns);
	*backlog |= n == ready;
	return n < 0 ? -error : n;
}

// ---- handshakes

int udp_receive_handshakes(struct queue *q, int fd, struct udp_slots *slots)
{
	struct mmsghdr messages[UDP_HANDSHAKES];
	struct iovec iov[UDP_HANDSHAKES];
	union control_buffer control[UDP_HANDSHAKES];
	struct endpoint source[UDP_HANDSHAKES];

	memset(source, 0, sizeof(source));
	for (unsigned i = 0; i < UDP_HANDSHAKES; i++) {
		iov[i] = (struct iovec){slots->bytes[i], UDP_SLOT_BYTES};
		messages[i].msg_hdr = (struct msghdr){
		    .msg_name = &source[i].remote,
		    .msg_namelen = sizeof(source[i].remote),
		    .msg_iov = &iov[i],
		    .msg_iovlen = 1,
		    .msg_control = &control[i],
		    .msg_controllen = sizeof(control[i]),
		};
	}
	int n = recvmmsg(fd, messages, UDP_HANDSHAKES, 0, NULL);
	counters_add(q->counters, udp_receives, 1);
	for (int i = 0; i < n; i++) {
		struct told told = {.source = &source[i]};

		take_control(&told, &messages[i].msg_hdr);
		for (struct gro g = {.bytes = messages[i].msg_len,
		                    .datagram_bytes = told.datagram_bytes};
		     gro_next(&g);)
			mailbox_put(q->mailbox, slots->bytes[i] + g.at, g.size, &source[i]);
	}
	return n < 0 ? -errno : n;
}
