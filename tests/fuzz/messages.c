// Datagrams into a device with two peers, and frames into its TUN. The other ends are real (see
// remote.h) and time is the input's, so genuine messages reach every state, and the input says how
// they are damaged, repeated, put together and when they come. Nothing but genuine, new messages
// has an effect, these always have theirs, what the device sends is right, and after each step its
// tables agree with one another.
//
// The input: steps, each a byte that picks it and the bytes that it takes.
#include "tests/fuzz/remote.h"

#include "tests/tunnel/packets.h"
#include "tunnel/batch.h"
#include "tunnel/buffer.h"
#include "tunnel/device.h"
#include "tunnel/pipeline.h"
#include "tunnel/queue.h"
#include "tunnel/timers.h"
#include "tunnel/uapi.h"

enum { STEPS_MAX = 64, DATAGRAMS_MAX = 8, PLAIN_MAX = 512, FRAME_MAX = 65536 };
enum { BUFFERS_SEEN_MAX = 1024 };

static struct remote remotes[REMOTES];
static struct device *device;
static int tun; // the kernel's end
static uint64_t now_ns, random_state;

// ---- time and chance are the same for the same input

static uint64_t now(void)
{
	return now_ns;
}

static uint64_t wall(void)
{
	return 1700000000 * NS_PER_S + now_ns;
}

static uint32_t random_word(void)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return random_state >> 32;
}

static void random_bytes(void *to, size_t bytes)
{
	for (uint8_t *p = to; bytes--;)
		*p++ = random_word() >> 24;
}

static const char *random_name(void)
{
	return "fuzz";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static randombytes_implementation chance = {
	    .implementation_name = random_name, .random = random_word, .buf = random_bytes};

	(void)argc;
	(void)argv;
	FUZZ_CHECK(!randombytes_set_implementation(&chance) && sodium_init() >= 0);
	clock_now_ns = now;
	clock_wall_ns = wall;
	for (int i = 0; i < REMOTES; i++)
		remote_open(&remotes[i], i + 1);
	return 0;
}

// ---- the device

static struct peer *peer_of(const struct remote *r)
{
	return peer_find(device, r->identity.public_key);
}

static void configure(const char *text)
{
	struct uapi_request request;

	FUZZ_CHECK(!uapi_parse(&request, text, strlen(text)) && !uapi_set(device, &request));
	uapi_request_free(&request);
}

static void add_peer(struct remote *r)
{
	char text[1024], public[65], preshared[65];

	remote_reset(r, device->identity.public_key);
	sodium_bin2hex(public, sizeof(public), r->identity.public_key, NOISE_KEY_BYTES);
	sodium_bin2hex(preshared, sizeof(preshared), r->preshared_key, NOISE_KEY_BYTES);
	snprintf(text, sizeof(text),
	         "set=1\npublic_key=%s\npreshared_key=%s\nendpoint=127.0.0.1:%u\n"
	         "allowed_ip=10.0.%u.0/24\nallowed_ip=fd00:%u::/32\n\n",
	         public, preshared, ntohs(r->address.v4.sin_port), r->network, r->network);
	configure(text);
}

static void open_device(void)
{
	uint8_t key[NOISE_KEY_BYTES];
	struct switches s;
	int pair[2];

	now_ns = 1000 * NS_PER_S;
	random_state = 1;
	FUZZ_CHECK(!switches_parse(&s, "queues=1,udp-gro=off"));
	FUZZ_CHECK(!device_create(&device, "fuzz", &s));
	// Merging is what the target `frames` looks at.
	device->tun.mtu = MTU;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
	tun = pair[0];
	device->paths[0].tun = pair[1];
	memset(key, 0x33, sizeof(key));
	device_set_private_key(device, key);
	FUZZ_CHECK(!device_up(device));
	for (int i = 0; i < REMOTES; i++)
		add_peer(&remotes[i]);
}

static void handle_posted(void)
{
	struct control *c = &device->control;

	for (int rounds = 0; c->messages_count || c->events_first; rounds++) {
		FUZZ_CHECK(rounds < 1000);
		c->posted.ready(device, &c->posted, 0);
	}
}

// ---- after each step

static size_t check_keypair(const struct peer *p, const struct keypair *k)
{
	if (!k)
		return 0;
	struct index_entry *entry = index_lookup(device, k->local_index);
	FUZZ_CHECK(entry && entry->keypair == k && entry->peer == p && k->peer == p);
	FUZZ_CHECK(k->references == 1);
	return 1;
}

static size_t check_peer(struct peer *p)
{
	size_t indices = check_keypair(p, p->current) + check_keypair(p, p->previous_keypair) +
	                 check_keypair(p, p->next_keypair);
	unsigned packets = 0, batches = 0;

	if (p->handshake.state == NOISE_INITIATION_CREATED) {
		struct index_entry *entry = index_lookup(device, p->handshake.local_index);

		FUZZ_CHECK(entry && !entry->keypair && entry->peer == p);
		indices++;
	}
	for (struct batch *b = p->staged_first; b; b = b->next, batches++) {
		FUZZ_CHECK(b->peer == p && !b->keypair);
		packets += b->packets;
	}
	FUZZ_CHECK(packets == p->staged_packets && (packets <= PEER_STAGED_MAX || batches == 1));
	FUZZ_CHECK(p->references == 1 + batches && !p->removed && !p->events);
	return indices;
}

// Whoever holds a buffer is known: the pool, the TUN's next read, or frames that wait for a key.
static void check_buffers(struct path *path)
{
	struct buffer *held[BUFFERS_SEEN_MAX];
	unsigned n = 0, pooled = 0;

	for (struct buffer *b = path->buffers; b; b = b->next, pooled++)
		FUZZ_CHECK(!b->references);
	if (path->reading)
		held[n++] = path->reading;
	for (struct peer *p = device->peers; p; p = p->next)
		for (struct batch *b = p->staged_first; b; b = b->next)
			for (uint32_t f = 0; f < b->frames; f++) {
				unsigned i = 0;

				while (i < n && held[i] != b->frame[f].buffer)
					i++;
				FUZZ_CHECK(i < BUFFERS_SEEN_MAX);
				if (i == n)
					held[n++] = b->frame[f].buffer;
			}
	FUZZ_CHECK(pooled + n == device->buffers);
}

static void check_device(void)
{
	struct path *path = &device->paths[0];
	unsigned pooled = 0, staged = 0;
	size_t indices = 0;

	FUZZ_CHECK(!path->touched);
	for (struct peer *p = device->peers; p; p = p->next) {
		indices += check_peer(p);
		for (struct batch *b = p->staged_first; b; b = b->next)
			staged++;
	}
	FUZZ_CHECK(hashtable_count(device->by_index) == indices);
	for (struct batch *b = path->pool; b; b = b->next)
		pooled++;
	FUZZ_CHECK(staged == device->batches_staged && pooled + staged == device->batches);
	check_buffers(path);
	for (struct remote *r = remotes; r < remotes + REMOTES; r++) {
		struct peer *p = peer_of(r);

		FUZZ_CHECK(!p || udp_address_equal(&p->endpoint.remote, &r->endpoint.remote));
	}
}

// ---- into the device

// Where a message comes from: its end's own socket, the other one's, or where nobody listens.
static struct udp_endpoint source(const struct remote *r, unsigned which)
{
	struct udp_endpoint e = {.remote = r->address};

	if (which == 1)
		e.remote = remotes[r == remotes].address;
	else if (which >= 2)
		e.remote.v4.sin_port = htons(9);
	return e;
}

static uint64_t accounted(void)
{
	return device_counted(device, rx_packets) + device_counted(device, drop_rx_malformed) +
	       device_counted(device, drop_rx_index) + device_counted(device, drop_rx_expired) +
	       device_counted(device, drop_rx_queue) +
	       device_counted(device, drop_rx_authentication) +
	       device_counted(device, drop_rx_replay) + device_counted(device, drop_memory) +
	       device_counted(device, drop_handshake_queue) + device->control.messages_count;
}

// A buffer of datagrams, all but the last of one size, each of which is accounted for once.
static void receive(const uint8_t *bytes, size_t n, size_t datagram_bytes,
                    const struct udp_endpoint *from, uint8_t tos)
{
	struct batch *b = batch_get(&device->paths[0]);
	uint64_t before = accounted();

	FUZZ_CHECK(b && n <= BATCH_FRAME_BYTES);
	b->in = buffer_get(b->path);
	FUZZ_CHECK(b->in);
	memcpy(b->in->bytes, bytes, n);
	b->in_bytes = n;
	b->datagram_bytes = datagram_bytes;
	b->source = *from;
	b->tos = tos;
	path_enter(device);
	receive_batch(b, now_ns);
	path_flush(&device->paths[0]);
	path_leave(device);
	FUZZ_CHECK(accounted() - before == (n + datagram_bytes - 1) / datagram_bytes);
}

struct damage {
	uint16_t at;
	uint8_t bits; // 0: none
};

static struct damage read_damage(struct fuzz_input *in, bool any)
{
	struct damage d = {0};

	if (any) {
		d.at = fuzz_u16(in);
		d.bits = fuzz_byte(in);
	}
	return d;
}

static void inflict(const struct damage *d, uint8_t *bytes, size_t n)
{
	bytes[d->at % n] ^= d->bits;
}

// Outside of mac2, which nobody looks at without load.
static bool whole(const struct damage *d, size_t n)
{
	return !d->bits || (n > COOKIE_BYTES && d->at % n >= n - COOKIE_BYTES);
}

static void record_initiation(struct remote *r)
{
	struct message_initiation *m = &r->record;

	r->begun_index = ++r->next_index;
	FUZZ_CHECK(!noise_initiation_create(m, &r->begun, &r->identity, r->begun_index, wall()));
	cookie_add_macs(&r->cookie, m, sizeof(*m), now_ns);
	noise_tai64n(r->record_timestamp, wall());
	r->recorded = true;
}

// A new one; or (8) the last one once more, perhaps much later.
static void initiate(struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = read_damage(in, options & 1);
	struct udp_endpoint from = source(r, options >> 1 & 3);
	struct peer *p = peer_of(r);
	uint8_t latest[NOISE_TIMESTAMP_BYTES] = {0};
	bool loaded = now_ns < device->load.until_ns;

	if (!(options & 8) || !r->recorded)
		record_initiation(r);
	struct message_initiation m = r->record;
	inflict(&damage, (uint8_t *)&m, sizeof(m));
	bool good =
	    p && whole(&damage, sizeof(m)) &&
	    memcmp(r->record_timestamp, p->handshake.latest_timestamp, sizeof(latest)) > 0 &&
	    (!p->last_initiation_accepted_ns ||
	     now_ns - p->last_initiation_accepted_ns >= NS_PER_S / INITIATIONS_PER_S);
	uint64_t before_ns = p ? p->last_initiation_accepted_ns : 0;
	if (p)
		memcpy(latest, p->handshake.latest_timestamp, sizeof(latest));
	receive((uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	handle_posted();
	if (!p)
		return;
	bool taken = memcmp(latest, p->handshake.latest_timestamp, sizeof(latest)) ||
	             p->last_initiation_accepted_ns != before_ns;
	FUZZ_CHECK(!taken || (good && (!loaded || !damage.bits)));
	FUZZ_CHECK(taken || !good || loaded);
	if (taken) {
		FUZZ_CHECK(p->next_keypair &&
		           p->next_keypair->remote_index == le32toh(m.sender_index));
		r->endpoint = from;
	}
}

static void respond(struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = read_damage(in, options & 1);
	struct udp_endpoint from = source(r, options >> 1 & 3);
	struct peer *p = peer_of(r);
	struct message_response m;
	bool loaded = now_ns < device->load.until_ns;

	if (!r->pending)
		return;
	r->pending = false;
	uint32_t there = r->asked.remote_index, here = ++r->next_index;
	FUZZ_CHECK(!noise_response_create(&m, &r->asked, here));
	r->begun_index = here;
	cookie_add_macs(&r->cookie, &m, sizeof(m), now_ns);
	remote_derive(r, &r->asked);
	inflict(&damage, (uint8_t *)&m, sizeof(m));
	bool good = p && whole(&damage, sizeof(m)) &&
	            p->handshake.state == NOISE_INITIATION_CREATED &&
	            p->handshake.local_index == there;
	// What it accepts makes it send, so where to must be known before.
	receive((uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	handle_posted();
	if (!p)
		return;
	bool taken = p->current && p->current->remote_index == here;
	FUZZ_CHECK(!taken || (good && (!loaded || !damage.bits)));
	FUZZ_CHECK(taken || !good || loaded);
	if (taken)
		r->endpoint = from;
}

static void answer_by_cookie(struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = read_damage(in, options & 1);
	struct udp_endpoint from = source(r, options >> 1 & 3);
	struct peer *p = peer_of(r);
	struct message_cookie m;
	uint8_t before[COOKIE_BYTES] = {0};

	if (!r->last_bytes)
		return;
	cookie_reply_create(&r->checker, &m, r->last, r->last_bytes,
	                    le32toh(remote_word(r->last + 4)), &r->address.any, now_ns);
	inflict(&damage, (uint8_t *)&m, sizeof(m));
	if (p)
		memcpy(before, p->cookie.cookie, sizeof(before));
	receive((uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	handle_posted();
	FUZZ_CHECK(!p || !damage.bits || !memcmp(before, p->cookie.cookie, sizeof(before)));
}

// ---- data

struct expected {
	const struct remote *of;
	size_t length;
	bool sum_right; // of its IPv4 header, before
	uint8_t packet[PLAIN_MAX];
};

static struct expected expected[DATAGRAMS_MAX];
static size_t expected_count;

static bool from_network(const uint8_t *packet, const struct remote *r)
{
	const uint8_t four[] = {10, 0, r->network}, six[] = {0xfd, 0, 0, r->network};

	if (packet[0] >> 4 == 4)
		return !memcmp(packet + 12, four, sizeof(four));
	return !memcmp(packet + 8, six, sizeof(six));
}

// RFC 6040: what stands in the packet once the outer ECN has been taken over. false: dropped.
static bool take_over_ecn(uint8_t *packet, unsigned outer)
{
	bool four = packet[0] >> 4 == 4;
	unsigned inner = four ? packet[1] & 3 : packet[1] >> 4 & 3, ecn = inner;

	if (outer == 3 && inner == 0)
		return false;
	if (outer == 3)
		ecn = 3;
	else if (outer == 1 && inner == 2)
		ecn = 1;
	packet[1] ^= four ? inner ^ ecn : (inner ^ ecn) << 4;
	return true;
}

// What of a decrypted packet must come out of the TUN.
static void expect(const struct remote *r, const uint8_t *plain, size_t bytes, uint8_t tos)
{
	struct expected *e = &expected[expected_count];
	bool four = bytes >= 20 && plain[0] >> 4 == 4, six = bytes >= 40 && plain[0] >> 4 == 6;
	size_t length = four ? get16(plain + 2) : six ? 40 + get16(plain + 4) : 0;

	if ((!four && !six) || length > bytes ||
	    (four && ((plain[0] & 15) < 5 || length < (plain[0] & 15u) * 4)))
		return;
	*e = (struct expected){.of = r, .length = length};
	e->sum_right = four && naive_sum(plain, 20, 0) == 0xffff;
	memcpy(e->packet, plain, length);
	if (take_over_ecn(e->packet, tos & 3) && from_network(plain, r))
		expected_count++;
}

static void check_tun(void)
{
	static uint8_t frame[FRAME_MAX];
	size_t next[REMOTES] = {0}, came = 0;
	const size_t head = sizeof(struct virtio_net_hdr);
	ssize_t n;

	for (; (n = recv(tun, frame, sizeof(frame), 0)) > 0; came++) {
		uint8_t *packet = frame + head;
		size_t *at = &next[from_network(packet, &remotes[1])];

		while (*at < expected_count && expected[*at].of != &remotes[at - next])
			++*at;
		FUZZ_CHECK(*at < expected_count);
		struct expected *e = &expected[(*at)++];
		FUZZ_CHECK((size_t)n == head + e->length && sodium_is_zero(frame, head));
		if (packet[0] >> 4 == 4) {
			FUZZ_CHECK(!e->sum_right || naive_sum(packet, 20, 0) == 0xffff);
			memcpy(e->packet + 10, packet + 10, 2);
		}
		FUZZ_CHECK(!memcmp(packet, e->packet, e->length));
	}
	FUZZ_CHECK(came == expected_count);
	expected_count = 0;
}

// A plaintext: raw, or a packet from the peer's network or (foreign) the other one's.
static size_t make_plain(struct fuzz_input *in, const struct remote *r, unsigned kind,
                         uint8_t plain[PLAIN_MAX], size_t bytes)
{
	uint8_t network = kind == 3 ? 3 - r->network : r->network;

	memset(plain, 0, PLAIN_MAX);
	fuzz_take(in, plain, kind == 0 ? bytes : 4);
	if (kind == 0)
		return bytes;
	if (kind == 2 && bytes >= 40) {
		plain[0] = 0x60 | (plain[0] & 15);
		put16(plain + 4, bytes - 40 - plain[2] % 16 % (bytes - 39));
		memcpy(plain + 8, (uint8_t[]){0xfd, 0, 0, network}, 4);
	} else if (bytes >= 20) {
		plain[0] = 0x45;
		put16(plain + 2, bytes - plain[2] % 16 % (bytes - 19));
		memcpy(plain + 12, (uint8_t[]){10, 0, network, 1}, 4);
		put16(plain + 10, 0);
		put16(plain + 10, ~naive_sum(plain, 20, 0));
	}
	return bytes;
}

// Whether the device can take what is sent under the session.
static bool held(const struct remote *r, const struct session *s)
{
	struct index_entry *entry = index_lookup(device, s->there);

	return entry && entry->keypair && entry->peer == peer_of(r) &&
	       entry->keypair->remote_index == s->here &&
	       now_ns - entry->keypair->born_ns < REJECT_AFTER_TIME_NS;
}

static uint64_t choose_counter(struct fuzz_input *in, struct session *s, unsigned how)
{
	uint64_t distance;

	switch (how) {
	case 0:
		return s->next++;
	case 1: // behind
		distance = fuzz_u16(in);
		return distance < s->next ? s->next - 1 - distance : 0;
	case 2: // ahead
		s->next += fuzz_u16(in);
		return s->next++;
	default: // at the end of what there is
		return UINT64_MAX - (uint64_t)fuzz_u16(in);
	}
}

static void send_data(struct fuzz_input *in, unsigned options)
{
	static uint8_t bytes[DATAGRAMS_MAX * (PLAIN_MAX + MESSAGE_DATA_OVERHEAD)];
	uint8_t plain[PLAIN_MAX], tos = fuzz_byte(in);
	size_t n = 1 + options % DATAGRAMS_MAX, size = fuzz_byte(in) * 2, at = 0;
	struct udp_endpoint from = source(&remotes[0], options >> 3 & 3);

	for (size_t i = 0; i < n; i++) {
		unsigned how = fuzz_byte(in);
		struct remote *r = &remotes[how & 1];
		size_t kept = r->sessions < SESSIONS_MAX ? r->sessions : SESSIONS_MAX;

		if (!kept)
			continue;
		// The newest, or one of the three before.
		size_t back = (how >> 1 & 3) % kept;
		struct session *s = &r->session[(r->sessions - 1 - back) % SESSIONS_MAX];
		if (s->accepted == COUNTERS_MAX)
			continue;
		uint64_t counter = choose_counter(in, s, how >> 3 & 3);
		struct damage damage = read_damage(in, how >> 5 & 1);
		size_t length = make_plain(in, r, how >> 6, plain, size);
		size_t whole_bytes = remote_seal(s, counter, plain, length, bytes + at);
		inflict(&damage, bytes + at, whole_bytes);
		at += whole_bytes;
		if (damage.bits || !held(r, s) || counter >= REJECT_AFTER_MESSAGES ||
		    !remote_accepts(s, counter))
			continue;
		r->endpoint = from;
		if (length)
			expect(r, plain, length, tos);
	}
	if (!at)
		return;
	receive(bytes, at, size + MESSAGE_DATA_OVERHEAD, &from, tos);
	check_tun();
	handle_posted();
}

static void receive_raw(struct fuzz_input *in, unsigned options)
{
	uint8_t bytes[2048];
	size_t n = fuzz_take(in, bytes, fuzz_u16(in) % sizeof(bytes));
	size_t size = options & 1 ? 1 + fuzz_byte(in) : n;
	struct udp_endpoint from = source(&remotes[0], 2);

	if (!n)
		return;
	receive(bytes, n, size, &from, 0);
	check_tun();
	handle_posted();
}

// ---- out of the TUN

// Whether the packet is a message to the peer, as the device itself sends them now: it would come
// back without end.
static bool comes_back(const struct peer *p, const struct offload_ip *ip, const uint8_t *packet)
{
	const struct keypair *k = p ? peer_sending(p) : NULL;
	bool four = ip->family == AF_INET, fragment = !four && packet[6] == IPPROTO_FRAGMENT;
	size_t udp = four ? 20 : fragment ? 48 : 40;

	if (!k || (four && packet[0] != 0x45) || ip->length < udp + 8 + MESSAGE_DATA_OVERHEAD)
		return false;
	return packet[four       ? 9
	              : fragment ? 40
	                         : 6] == IPPROTO_UDP &&
	       le32toh(remote_word(packet + udp + 8)) == MESSAGE_DATA &&
	       remote_word(packet + udp + 12) == k->remote_index;
}

// What must leave, by the cutter on a copy: the target `frames` judges that one. How many packets
// must not, since they would come back.
static uint32_t await_frame(const struct virtio_net_hdr *header, const uint8_t *frame, size_t n)
{
	uint8_t *copy = fuzz_exactly(frame, n), *packet, flow[OFFLOAD_FLOW_BYTES];
	struct offload_cutter c;
	struct offload_ip ip;
	uint32_t bytes, back = 0;

	// A batch holds no more.
	if (!offload_ip_parse(&ip, copy, n) && !offload_cut_init(&c, header, copy, n) &&
	    c.segments <= BATCH_PACKETS_MAX) {
		size_t flow_bytes = offload_flow(flow, &ip, copy);
		uint64_t flow_hash = remote_hash(flow, flow_bytes);

		for (struct remote *r = remotes; r < remotes + REMOTES; r++) {
			const uint8_t four[] = {10, 0, r->network},
			              six[] = {0xfd, 0, 0, r->network};

			if (memcmp(ip.destination, ip.family == AF_INET ? four : six,
			           ip.family == AF_INET ? 3 : 4))
				continue;
			if (comes_back(peer_of(r), &ip, copy))
				back = c.segments;
			else
				while ((packet = offload_cut_next(&c, &bytes)))
					remote_await(r, flow_hash, packet, bytes);
			break;
		}
	}
	free(copy);
	return back;
}

// A message of the device's own to the one end, or of none, inside a packet to one of them.
static size_t make_message(uint8_t *p, unsigned how)
{
	const struct peer *of = peer_of(&remotes[how >> 4 & 1]);
	const struct keypair *k = of ? peer_sending(of) : NULL;
	const struct message_data m = {.type = htole32(MESSAGE_DATA),
	                               .receiver_index = k ? k->remote_index : 0};
	const uint8_t network = how & 2 ? 1 : 2;
	enum { BYTES = 128 };
	size_t at = 20;

	if (how & 4) {
		p[0] = 0x60;
		put16(p + 4, BYTES - 40);
		p[6] = how & 0x20 ? IPPROTO_FRAGMENT : IPPROTO_UDP;
		p[40] = IPPROTO_UDP;
		memcpy(p + 24, (uint8_t[]){0xfd, 0, 0, network}, 4);
		at = how & 0x20 ? 48 : 40;
	} else {
		p[0] = 0x45;
		put16(p + 2, BYTES);
		p[6] = how & 0x20;
		p[9] = IPPROTO_UDP;
		memcpy(p + 16, (uint8_t[]){10, 0, network, 9}, 4);
	}
	memcpy(p + at + 8, &m, sizeof(m));
	return BYTES;
}

static void transmit(struct fuzz_input *in, unsigned options)
{
	static uint8_t frame[sizeof(struct virtio_net_hdr) + 4096];
	struct virtio_net_hdr header = {0};
	struct path *path = &device->paths[0];
	const size_t head = sizeof(header);
	uint64_t back = device_counted(device, drop_tx_loop);

	for (unsigned frames = 1 + options % 4; frames--;) {
		uint8_t how = fuzz_byte(in), *p = frame + head;
		size_t n = fuzz_u16(in) % 4096;

		memset(frame, 0, sizeof(frame));
		if (how & 1) { // a TCP packet, perhaps a super-packet
			n = n < 40 ? 40 : n;
			p[0] = 0x45;
			p[1] = how >> 6;
			put16(p + 2, n);
			p[9] = IPPROTO_TCP;
			memcpy(p + 16, (uint8_t[]){10, 0, how & 2 ? 1 : 2, 9}, 4);
			p[32] = 0x50;
			fuzz_take(in, p + 36, 4);
			header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			                                 .csum_start = 20,
			                                 .csum_offset = 16};
			if (how & 4) {
				header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
				header.gso_size = 1 + fuzz_byte(in) * 8;
			}
		} else if (how & 8) {
			header = (struct virtio_net_hdr){0};
			n = make_message(p, how);
		} else {
			fuzz_take(in, &header, sizeof(header));
			n = fuzz_take(in, p, n);
		}
		memcpy(frame, &header, head);
		if (send(tun, frame, head + n, 0) == (ssize_t)(head + n) && n)
			back += await_frame(&header, p, n);
	}
	path_enter(device);
	do
		FUZZ_CHECK(tun_read(path, now_ns) >= 0);
	while (queue_send(path, now_ns));
	path_flush(path);
	path_leave(device);
	FUZZ_CHECK(device_counted(device, drop_tx_loop) == back);
	FUZZ_CHECK(!queue_waits(path));
	handle_posted();
}

// ---- what else happens

static void reconfigure(struct remote *r, unsigned options)
{
	char text[256], public[65];

	sodium_bin2hex(public, sizeof(public), r->identity.public_key, NOISE_KEY_BYTES);
	switch (options & 3) {
	case 0:
		snprintf(text, sizeof(text), "set=1\npublic_key=%s\nremove=true\n\n", public);
		configure(text);
		remote_reset(r, device->identity.public_key);
		break;
	case 1:
		if (!peer_of(r))
			add_peer(r);
		break;
	case 2:
		snprintf(text, sizeof(text),
		         "set=1\npublic_key=%s\nupdate_only=true\n"
		         "persistent_keepalive_interval=%u\n\n",
		         public, options >> 2);
		configure(text);
		break;
	default:
		FUZZ_CHECK(!device_down(device) && !device_up(device));
	}
	handle_posted();
}

static void pass(struct fuzz_input *in, unsigned options)
{
	uint64_t units[] = {NS_PER_MS, 20 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S};

	now_ns += fuzz_byte(in) * units[options & 3];
	timers_expire(device, now_ns);
	handle_posted();
}

static void step(struct fuzz_input *in)
{
	unsigned what = fuzz_byte(in), options = fuzz_byte(in);
	struct remote *r = &remotes[what >> 4 & 1];

	switch (what & 15) {
	case 0:
	case 1:
		initiate(in, r, options);
		break;
	case 2:
	case 3:
		respond(in, r, options);
		break;
	case 4:
		answer_by_cookie(in, r, options);
		break;
	case 5:
	case 6:
	case 7:
		send_data(in, options);
		break;
	case 8:
		receive_raw(in, options);
		break;
	case 9:
	case 10:
	case 11:
		transmit(in, options);
		break;
	case 12:
		reconfigure(r, options);
		break;
	case 13:
		device->load.until_ns = now_ns + NS_PER_S;
		break;
	default:
		pass(in, options);
	}
	remote_drain(remotes, device->identity.public_key, now_ns);
	check_device();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input in = {data, bytes};

	open_device();
	remote_drain(remotes, device->identity.public_key, now_ns);
	for (int i = 0; i < STEPS_MAX && in.left; i++)
		step(&in);
	device_free(device);
	close(tun);
	// Of a peer whose keys went with the device.
	for (int i = 0; i < REMOTES; i++)
		while (recv(remotes[i].fd, &in, sizeof(in), MSG_TRUNC) >= 0)
			;
	return 0;
}
