// The whole data path between two devices in one process, without privileges: datagram socket
// pairs in place of the TUNs' queues, real UDP sockets on loopback, sessions installed by hand.
// What one TUN is given comes out of the other: every byte, in order.
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/checksum.h"
#include "tunnel/device.h"
#include "tunnel/index.h"
#include "tunnel/inner.h"
#include "tunnel/interface.h"
#include "tunnel/lanes.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/session.h"

enum {
	FRAME_MAX = sizeof(struct virtio_net_hdr) + 65536,
	TIMEOUT_MS = 5000,
	LARGE = 4 << 20,
	MOST_QUEUES = 4,
};

struct end {
	struct device *device;
	struct peer *peer;
	int tun[MOST_QUEUES]; // our ends of the pairs
	unsigned queues;
};

static struct end ends[2];

struct tcp_frame {
	struct virtio_net_hdr vnet;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t payload[];
} __attribute__((packed));

static void queues_follow_the_switch_or_the_machine(void **state)
{
	static const struct {
		unsigned wanted;
		long cpus;
		unsigned queues;
	} cases[] = {{1, 64, 1}, {3, 2, 3}, {64, 1, 64}, {65, 1, 64}, {0, -1, 1}, {0, 1, 1},
	             {0, 3, 1},  {0, 4, 2}, {0, 5, 2},   {0, 15, 7},  {0, 16, 8}, {0, 256, 8}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(queue_count(cases[i].wanted, cases[i].cpus), cases[i].queues);
}

// The device's end blocks on a full queue, so that nothing is lost there, and it refuses frames
// above `tun_bytes` with EMSGSIZE, as a kernel that doesn't take super-packets would.
static void open_queue(struct end *e, unsigned queue, int tun_bytes)
{
	const struct timeval soon = {.tv_usec = 1000};
	int pair[2], large = 4 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &tun_bytes, sizeof(tun_bytes));
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	e->tun[queue] = pair[0];
	e->device->queue[queue].tun = pair[1];
}

static void open_end(struct end *e, const char *switches_text, int tun_bytes)
{
	struct switches switches;

	assert_int_equal(switches_parse(&switches, switches_text), 0);
	assert_int_equal(device_create(&e->device, "wgbtest", &switches), 0);
	e->queues = e->device->queues;
	assert_true(e->queues <= MOST_QUEUES);
	for (unsigned i = 0; i < e->queues; i++)
		open_queue(e, i, tun_bytes);
	e->device->tun = (struct tun){.tso = true,
	                              .uso = true,
	                              .merge_tcp = FEATURE(switches.merge_tcp),
	                              .merge_udp = FEATURE(switches.merge_udp),
	                              .mtu = TUN_MTU_DEFAULT};
	assert_int_equal(interface_up(e->device), 0);
}

// Everything between 10.0.<i>.0/24 of end i and the other.
static void join(void)
{
	struct noise_session session[2] = {0};

	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];
		uint8_t key[NOISE_KEY_BYTES] = {i + 1}, address[4] = {10, 0, !i, 0};

		e->peer = peers_new(e->device, key);
		assert_non_null(e->peer);
		assert_int_equal(allowedips_insert(e->device->tables.allowed_ips, AF_INET, address,
		                                   24, &e->peer->allowed_ips),
		                 0);
		e->peer->endpoint.remote.v4 =
		    (struct sockaddr_in){.sin_family = AF_INET,
		                         .sin_port = htons(ends[!i].device->udp.port),
		                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		session[i].initiator = true; // both may send at once
		session[i].local_index = index_new(e->device->tables.by_index, e->peer)->index;
		memset(session[i].send_key, 0x40 + i, NOISE_KEY_BYTES);
		memset(session[i].receive_key, 0x40 + !i, NOISE_KEY_BYTES);
	}
	for (int i = 0; i < 2; i++) {
		session[i].remote_index = session[!i].local_index;
		assert_int_equal(session_install(ends[i].peer, &session[i], clock_now_ns()), 0);
		assert_int_equal(device_start(ends[i].device), 0);
	}
}

static void close_ends(void)
{
	for (int i = 0; i < 2; i++) {
		device_free(ends[i].device);
		for (unsigned q = 0; q < ends[i].queues; q++)
			close(ends[i].tun[q]);
	}
}

static void open_ends(const char *switches_text, int tun_bytes)
{
	for (int i = 0; i < 2; i++)
		open_end(&ends[i], switches_text, tun_bytes);
	join();
}

// A super-packet (or packet, where the payload fits into `mss`) of one TCP flow from end `from`.
static size_t make_tcp(uint8_t *frame, int from, uint16_t port, uint32_t sequence,
                       const uint8_t *payload, uint32_t bytes, uint16_t mss)
{
	struct tcp_frame *f = (struct tcp_frame *)frame;
	uint32_t length = sizeof(f->ip) + sizeof(f->tcp) + bytes;
	struct inner parsed;

	memset(f, 0, sizeof(*f));
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = htons(length);
	f->ip.frag_off = htons(0x4000);
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.saddr = htonl(10u << 24 | (uint32_t)from << 8 | 1);
	f->ip.daddr = htonl(10u << 24 | (uint32_t)!from << 8 | 1);
	f->ip.check = ~checksum_fold(checksum_add(0, &f->ip, sizeof(f->ip)));
	f->tcp.source = htons(port);
	f->tcp.dest = htons(5201);
	f->tcp.seq = htonl(sequence);
	f->tcp.ack_seq = htonl(1);
	f->tcp.doff = 5;
	f->tcp.ack = 1;
	f->tcp.window = htons(1000);
	memcpy(f->payload, payload, bytes);
	assert_int_equal(inner_parse(&parsed, (uint8_t *)&f->ip, length), 0);
	f->tcp.check = checksum_fold(
	    inner_pseudo_sum(&parsed, (uint8_t *)&f->ip, IPPROTO_TCP, sizeof(f->tcp) + bytes));
	f->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->vnet.csum_start = sizeof(f->ip);
	f->vnet.csum_offset = offsetof(struct tcphdr, check);
	if (bytes > mss) {
		f->vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		f->vnet.gso_size = mss;
		f->vnet.hdr_len = sizeof(f->ip) + sizeof(f->tcp);
	}
	return sizeof(f->vnet) + length;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
}

static void put(const struct end *e, unsigned queue, const uint8_t *frame, size_t bytes)
{
	while (send(e->tun[queue], frame, bytes, 0) < 0) {
		assert_true(errno == EAGAIN || errno == ENOBUFS);
		wait_for(e->tun[queue], POLLOUT);
	}
}

// The next frame out of any of the end's queues.
static ssize_t take(const struct end *e, uint8_t *frame)
{
	struct pollfd p[MOST_QUEUES];
	unsigned q = 0;

	for (unsigned i = 0; i < e->queues; i++)
		p[i] = (struct pollfd){.fd = e->tun[i], .events = POLLIN};
	assert_true(poll(p, e->queues, TIMEOUT_MS) >= 1);
	while (!p[q].revents)
		q++;
	return recv(e->tun[q], frame, FRAME_MAX, 0);
}

struct flow {
	uint16_t port;
	uint32_t first; // sequence number
	const uint8_t *stream;
	uint32_t put, taken;
};

// Takes frames out of the end's TUN until each flow has come as far as it was put.
static void take_flows(const struct end *e, struct flow *flows, unsigned n)
{
	static uint8_t frame[FRAME_MAX];
	uint32_t missing = 0;

	for (unsigned i = 0; i < n; i++)
		missing += flows[i].put - flows[i].taken;
	while (missing) {
		ssize_t got = take(e, frame);
		const struct tcp_frame *f = (struct tcp_frame *)frame;
		unsigned i = 0;

		assert_true(got >= (ssize_t)sizeof(*f));
		uint32_t length = ntohs(f->ip.tot_len),
		         bytes = sizeof(f->vnet) + length - sizeof(*f);
		assert_int_equal(got, sizeof(f->vnet) + length);
		assert_int_equal(checksum_fold(checksum_add(0, &f->ip, sizeof(f->ip))), 0xffff);
		while (i < n && ntohs(f->tcp.source) != flows[i].port)
			i++;
		assert_true(i < n);
		assert_int_equal(ntohl(f->tcp.seq), flows[i].first + flows[i].taken);
		assert_true(flows[i].taken + bytes <= flows[i].put);
		assert_memory_equal(f->payload, flows[i].stream + flows[i].taken, bytes);
		flows[i].taken += bytes;
		missing -= bytes;
	}
}

static void take_stream(const struct end *e, uint16_t port, uint32_t first, const uint8_t *stream,
                        uint32_t bytes)
{
	take_flows(e, &(struct flow){port, first, stream, bytes, 0}, 1);
}

static uint64_t errors(const struct device *d)
{
	return counters_sum(&d->counters, drop_rx_authentication) +
	       counters_sum(&d->counters, drop_rx_replay) +
	       counters_sum(&d->counters, drop_rx_invalid) +
	       counters_sum(&d->counters, drop_rx_allowed_ips) +
	       counters_sum(&d->counters, drop_rx_tun) + counters_sum(&d->counters, drop_tx_send) +
	       counters_sum(&d->counters, drop_tx_invalid) +
	       counters_sum(&d->counters, drop_memory);
}

// A stream of BYTES by each of two flows a queue, both ways one after the other.
static void carry(const char *switches_text, int tun_bytes)
{
	enum { BYTES = 1 << 20, WINDOW = 400000, DATAGRAM = 1280 };
	static uint8_t stream[BYTES], frame[FRAME_MAX];
	struct support_random r;

	support_random_init(&r, support_seed());
	support_random_fill(&r, stream, sizeof(stream));
	open_ends(switches_text, tun_bytes);
	for (int from = 0; from < 2; from++) {
		unsigned n = 2 * ends[from].queues;
		struct flow flows[2 * MOST_QUEUES];

		for (unsigned i = 0; i < n; i++)
			flows[i] =
			    (struct flow){.port = 1024 + 16 * from + i,
			                  .first = 0xfff00000 + support_random_below(&r, 1 << 20),
			                  .stream = stream};
		for (uint32_t done = 0; done < n * BYTES;) {
			// A window's worth in flight, as TCP would keep it, by what a socket's
			// buffer counts for it: loopback buffers are finite.
			for (uint32_t window = 0; window < WINDOW && done < n * BYTES;) {
				unsigned i = support_random_below(&r, n);
				struct flow *f = &flows[i];
				uint32_t bytes = support_random_below(&r, 4) ? 62100 : 1380;
				uint16_t mss = support_random_below(&r, 4) ? 1380 : 100;

				if (!support_random_below(&r, 4))
					bytes = 1 + support_random_below(&r, 60000);
				if (bytes > BYTES - f->put)
					bytes = BYTES - f->put;
				if (!bytes)
					continue;
				put(&ends[from], i % ends[from].queues, frame,
				    make_tcp(frame, from, f->port, f->first + f->put,
				             stream + f->put, bytes, mss));
				f->put += bytes;
				window += bytes + bytes / mss * DATAGRAM;
				done += bytes;
			}
			take_flows(&ends[!from], flows, n);
		}
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(errors(ends[i].device), 0);
		// What a small TUN refuses is tried again, with what it may take.
		assert_int_equal(!counters_sum(&ends[i].device->counters, offload_changes),
		                 !ends[i].device->switches.merge_tcp || tun_bytes == LARGE);
		assert_true(ends[i].peer->rx_bytes > BYTES && ends[i].peer->tx_bytes > BYTES);
	}
	close_ends();
}

static void streams_cross_unchanged(void **state)
{
	(void)state;
	carry("queues=1", LARGE);
}

static void streams_cross_without_udp_gso(void **state)
{
	(void)state;
	carry("queues=1,udp-gso=off", LARGE);
}

static void streams_cross_without_udp_gro(void **state)
{
	(void)state;
	carry("queues=1,udp-gro=off", LARGE);
}

static void streams_cross_without_merging(void **state)
{
	(void)state;
	carry("queues=1,merge-tcp=off,merge-udp=off", LARGE);
}

static void streams_cross_without_strict_checksums(void **state)
{
	(void)state;
	carry("queues=1,strict-checksum=off", LARGE);
}

static void a_refused_super_packet_crosses_in_pieces(void **state)
{
	(void)state;
	carry("queues=1", 8192);
}

static void streams_cross_in_two_queues(void **state)
{
	(void)state;
	carry("queues=2", LARGE);
}

static void streams_cross_in_four_queues(void **state)
{
	(void)state;
	carry("queues=4,udp-gro=off", LARGE);
}

#define expect_counter(device, name, value)                                                        \
	do {                                                                                       \
		for (int ms = 0;                                                                   \
		     counters_sum(&device->counters, name) < (value) && ms < TIMEOUT_MS; ms++)     \
			poll(NULL, 0, 1);                                                          \
		assert_int_equal(counters_sum(&device->counters, name), value);                    \
	} while (0)

// One receive call brings them all, since the path is kept out until they are there. (The preset
// `default` merges.)
static void segments_of_several_buffers_go_up_as_one(void **state)
{
	enum { SEGMENTS = 8, MSS = 1000 };
	static uint8_t frame[FRAME_MAX], stream[SEGMENTS * MSS];

	(void)state;
	open_ends("queues=1,udp-gro=off", LARGE);
	struct end *a = &ends[0], *b = &ends[1];
	lock_exclude(&b->device->lock);
	put(a, 0, frame, make_tcp(frame, 0, 1024, 1, stream, sizeof(stream), MSS));
	expect_counter(a->device, tx_packets, SEGMENTS);
	lock_release(&b->device->lock);
	take_stream(b, 1024, 1, stream, sizeof(stream));
	assert_int_equal(counters_sum(&b->device->counters, tun_writes), 1);
	close_ends();
}

// After a move of the interface to another namespace its going up and down shows so.
static void a_wake_up_without_a_frame_is_passed_over(void **state)
{
	static uint8_t frame[FRAME_MAX], payload[100];

	(void)state;
	open_ends("queues=1", LARGE);
	for (uint32_t i = 0; i < 3; i++) {
		put(&ends[0], 0, NULL, 0);
		put(&ends[0], 0, frame,
		    make_tcp(frame, 0, 1024, i, payload, sizeof(payload), 1380));
		take_stream(&ends[1], 1024, i, payload, sizeof(payload));
	}
	assert_int_equal(errors(ends[0].device), 0);
	close_ends();
}

// ---- what must not come through

// A socket in place of the peer `from` sees: what that end sends comes here. Its descriptor; `to`:
// where the peer really is.
static int cut_wire(struct end *from, struct sockaddr_in *to)
{
	int wire = socket(AF_INET, SOCK_DGRAM, 0), large = 4 << 20;
	struct sockaddr_in here = {.sin_family = AF_INET,
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(here);

	setsockopt(wire, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	assert_int_equal(bind(wire, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(wire, (struct sockaddr *)&here, &bytes), 0);
	*to = from->peer->endpoint.remote.v4;
	pthread_mutex_lock(&from->peer->endpoint_lock);
	from->peer->endpoint.remote.v4 = here;
	pthread_mutex_unlock(&from->peer->endpoint_lock);
	return wire;
}

static uint16_t endpoint_port(struct peer *p)
{
	pthread_mutex_lock(&p->endpoint_lock);
	uint16_t port = ntohs(p->endpoint.remote.v4.sin_port);
	pthread_mutex_unlock(&p->endpoint_lock);
	return port;
}

static void forged_and_replayed_messages_are_dropped(void **state)
{
	static uint8_t frame[FRAME_MAX], message[2048];
	uint8_t payload[100] = {0};
	struct sockaddr_in to_b, here;
	socklen_t bytes = sizeof(here);

	(void)state;
	open_ends("queues=1", LARGE);
	struct end *a = &ends[0], *b = &ends[1];
	int wire = cut_wire(a, &to_b);
	assert_int_equal(getsockname(wire, (struct sockaddr *)&here, &bytes), 0);
	put(a, 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	wait_for(wire, POLLIN);
	ssize_t n = recv(wire, message, sizeof(message), 0);
	assert_true(n > MESSAGE_DATA_OVERHEAD);

	message[n - 1] ^= 1;
	sendto(wire, message, n, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	expect_counter(b->device, drop_rx_authentication, 1);
	// An unauthenticated packet moves no endpoint.
	assert_int_equal(endpoint_port(b->peer), a->device->udp.port);
	message[n - 1] ^= 1;
	sendto(wire, message, n, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	take_stream(b, 1024, 1, payload, sizeof(payload));
	assert_int_equal(endpoint_port(b->peer), ntohs(here.sin_port));
	sendto(wire, message, n, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	expect_counter(b->device, drop_rx_replay, 1);
	message[4] ^= 1;
	sendto(wire, message, n, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	expect_counter(b->device, drop_rx_index, 1);
	message[4] ^= 1;
	message[1] = 1; // a reserved byte
	sendto(wire, message, n > 148 ? 149 : n, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	message[1] = 0;
	sendto(wire, message, MESSAGE_DATA_OVERHEAD - 1, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	sendto(wire, message, 3, 0, (struct sockaddr *)&to_b, sizeof(to_b));
	expect_counter(b->device, drop_rx_malformed, n > 148 ? 3 : 2);
	close(wire);
	close_ends();
}

// The same messages from several ports at once, which the kernel spreads over the queues: each goes
// up once.
enum { SENDERS = 12, MESSAGES = 300, IN_FLIGHT_MAX = 100 };

struct sender {
	pthread_t thread;
	struct sockaddr_in to;
	uint8_t (*messages)[256];
	const ssize_t *bytes;
	const struct device *receiver;
	atomic_uint *sent; // by all
};

static void *send_all(void *context)
{
	struct sender *s = context;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < MESSAGES; i++) {
		// Loopback buffers are finite.
		while (atomic_load(s->sent) >
		       IN_FLIGHT_MAX + counters_sum(&s->receiver->counters, rx_packets) +
		           counters_sum(&s->receiver->counters, drop_rx_replay))
			sched_yield();
		atomic_fetch_add(s->sent, 1);
		while (sendto(fd, s->messages[i], s->bytes[i], 0, (struct sockaddr *)&s->to,
		              sizeof(s->to)) < 0)
			;
	}
	close(fd);
	return NULL;
}

static void several_queues_accept_a_message_once(void **state)
{
	static uint8_t frame[FRAME_MAX], messages[MESSAGES][256];
	static ssize_t bytes[MESSAGES];
	struct sender senders[SENDERS];
	atomic_uint sent = 0;
	struct sockaddr_in to_b;
	uint8_t payload[MESSAGES] = {0};
	bool seen[MESSAGES] = {0};

	(void)state;
	open_ends("queues=4,udp-gro=off,merge-tcp=off", LARGE);
	struct end *a = &ends[0], *b = &ends[1];
	int wire = cut_wire(a, &to_b);
	for (int i = 0; i < MESSAGES; i++) {
		put(a, i % 4, frame, make_tcp(frame, 0, 1024, i, payload, 1, 1380));
		wait_for(wire, POLLIN);
		bytes[i] = recv(wire, messages[i], sizeof(messages[i]), 0);
		assert_true(bytes[i] > MESSAGE_DATA_OVERHEAD);
	}
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.to = to_b,
		                             .messages = messages,
		                             .bytes = bytes,
		                             .receiver = b->device,
		                             .sent = &sent};
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]),
		                 0);
	}
	for (int i = 0; i < MESSAGES; i++) {
		const struct tcp_frame *f = (struct tcp_frame *)frame;

		assert_int_equal(take(b, frame), sizeof(*f) + 1);
		uint32_t number = ntohl(f->tcp.seq);
		assert_true(number < MESSAGES);
		assert_false(seen[number]);
		seen[number] = true;
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	expect_counter(b->device, drop_rx_replay, (SENDERS - 1) * MESSAGES);
	assert_int_equal(counters_sum(&b->device->counters, rx_packets), MESSAGES);
	close(wire);
	close_ends();
}

static void crypto_routing_filters_sources(void **state)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t payload[100] = {0}, address[4] = {10, 0, 0, 0};

	(void)state;
	open_ends("queues=1", LARGE);
	struct end *b = &ends[1];
	lock_exclude(&b->device->lock);
	assert_int_equal(allowedips_remove(b->device->tables.allowed_ips, AF_INET, address, 24,
	                                   &b->peer->allowed_ips),
	                 0);
	lock_release(&b->device->lock);
	put(&ends[0], 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	expect_counter(b->device, drop_rx_allowed_ips, 1);
	close_ends();
}

static void expire(struct end *e)
{
	lock_exclude(&e->device->lock);
	e->peer->current->born_ns = clock_now_ns() - REJECT_AFTER_TIME_NS;
	lock_release(&e->device->lock);
}

static void an_old_key_pair_neither_sends_nor_receives(void **state)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t payload[100] = {0};

	(void)state;
	open_ends("queues=1", LARGE);
	struct end *a = &ends[0], *b = &ends[1];
	expire(b);
	put(a, 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	expect_counter(b->device, drop_rx_expired, 1);
	expire(a);
	put(a, 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	for (int ms = 0; !atomic_load(&a->peer->staged_packets) && ms < TIMEOUT_MS; ms++)
		poll(NULL, 0, 1);
	assert_int_equal(a->peer->staged_packets, 1);
	assert_true(a->peer->events & PEER_EVENT_HANDSHAKE);
	close_ends();
}

static void counters_end_before_they_wrap(void **state)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t payload[100] = {0};

	(void)state;
	open_ends("queues=1", LARGE);
	struct end *a = &ends[0], *b = &ends[1];
	a->peer->current->send_counter = REJECT_AFTER_MESSAGES - 1;
	put(a, 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	take_stream(b, 1024, 1, payload, sizeof(payload));
	assert_true(a->peer->events & PEER_EVENT_HANDSHAKE);
	for (int i = 0; i < 3; i++)
		put(a, 0, frame, make_tcp(frame, 0, 1024, 1, payload, sizeof(payload), 1380));
	for (int ms = 0; atomic_load(&a->peer->staged_packets) < 3 && ms < TIMEOUT_MS; ms++)
		poll(NULL, 0, 1);
	assert_int_equal(a->peer->staged_packets, 3);
	assert_int_equal(a->peer->current->send_counter, REJECT_AFTER_MESSAGES);
	close_ends();
}

// A packet with its own checksum, right or not; the TUN's header asks for nothing.
static size_t make_summed(uint8_t *frame, uint32_t sequence, const uint8_t *payload, uint32_t bytes,
                          bool wrong)
{
	size_t length = make_tcp(frame, 0, 1024, sequence, payload, bytes, bytes);
	struct tcp_frame *f = (struct tcp_frame *)frame;

	memset(&f->vnet, 0, sizeof(f->vnet));
	f->tcp.check = ~checksum_fold(checksum_add(0, &f->tcp, sizeof(f->tcp) + bytes));
	f->tcp.check ^= wrong ? 0x5a5a : 0;
	return length;
}

static void a_wrong_inner_checksum_arrives_as_it_was(void **state)
{
	enum { ROUNDS = 200, PACKETS = 3, BYTES = 1000 };
	static uint8_t frame[FRAME_MAX], taken[FRAME_MAX], payload[PACKETS * BYTES];

	(void)state;
	open_ends("queues=1", LARGE);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		size_t length = 0, wrong = 0;

		for (uint32_t i = 0; i < PACKETS; i++)
			put(&ends[0], 0, frame,
			    make_summed(frame, 1 + i * BYTES, payload, BYTES,
			                i == round % PACKETS));
		while (length < PACKETS * BYTES) {
			const struct tcp_frame *f = (struct tcp_frame *)taken;
			size_t got = take(&ends[1], taken);

			length += got - sizeof(*f);
			if (ntohl(f->tcp.seq) != 1 + round % PACKETS * BYTES)
				continue;
			make_summed(frame, ntohl(f->tcp.seq), payload, BYTES, true);
			assert_int_equal(got, sizeof(*f) + BYTES);
			assert_memory_equal(taken, frame, got);
			wrong++;
		}
		assert_int_equal(wrong, 1);
	}
	close_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queues_follow_the_switch_or_the_machine),
	    cmocka_unit_test(streams_cross_unchanged),
	    cmocka_unit_test(streams_cross_without_udp_gso),
	    cmocka_unit_test(streams_cross_without_udp_gro),
	    cmocka_unit_test(streams_cross_without_merging),
	    cmocka_unit_test(streams_cross_without_strict_checksums),
	    cmocka_unit_test(a_refused_super_packet_crosses_in_pieces),
	    cmocka_unit_test(streams_cross_in_two_queues),
	    cmocka_unit_test(streams_cross_in_four_queues),
	    cmocka_unit_test(segments_of_several_buffers_go_up_as_one),
	    cmocka_unit_test(a_wake_up_without_a_frame_is_passed_over),
	    cmocka_unit_test(forged_and_replayed_messages_are_dropped),
	    cmocka_unit_test(several_queues_accept_a_message_once),
	    cmocka_unit_test(crypto_routing_filters_sources),
	    cmocka_unit_test(an_old_key_pair_neither_sends_nor_receives),
	    cmocka_unit_test(counters_end_before_they_wrap),
	    cmocka_unit_test(a_wrong_inner_checksum_arrives_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
