// Data messages of a genuine session, several in one buffer, and what of them must come out of the
// TUN; and bytes that are no message of anybody.
#include "tests/fuzz/messages/bed.h"

#include <sodium.h>
#include <sys/socket.h>

#include "tests/support/packets.h"
#include "tunnel/index.h"
#include "tunnel/keypair.h"

enum { DATAGRAMS_MAX = 8, PLAIN_MAX = 512, FRAME_MAX = 65536 };

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

// RFC 6040: what stands in the packet once the outer ECN has been taken over; but what isn't
// ECN-capable is delivered as it is.
static void take_over_ecn(uint8_t *packet, unsigned outer)
{
	bool four = packet[0] >> 4 == 4;
	unsigned inner = four ? packet[1] & 3 : packet[1] >> 4 & 3, ecn = inner;

	if (outer == 3 && inner)
		ecn = 3;
	else if (outer == 1 && inner == 2)
		ecn = 1;
	packet[1] ^= four ? inner ^ ecn : (inner ^ ecn) << 4;
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
	take_over_ecn(e->packet, tos & 3);
	if (from_network(plain, r))
		expected_count++;
}

static void check_tun(struct bed *bed)
{
	static uint8_t frame[FRAME_MAX];
	size_t next[REMOTES] = {0}, came = 0;
	const size_t head = sizeof(struct virtio_net_hdr);
	ssize_t n;

	for (; (n = recv(bed->tun, frame, sizeof(frame), 0)) > 0; came++) {
		uint8_t *packet = frame + head;
		size_t *at = &next[from_network(packet, &bed->remotes[1])];

		while (*at < expected_count && expected[*at].of != &bed->remotes[at - next])
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
static bool held(const struct bed *bed, const struct remote *r, const struct session *s)
{
	struct index_entry *entry = index_lookup(bed->device->tables.by_index, s->there);

	return entry && entry->keypair && entry->peer == bed_peer(bed, r) &&
	       entry->keypair->remote_index == s->here &&
	       bed->now_ns - entry->keypair->born_ns < REJECT_AFTER_TIME_NS;
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

void step_data(struct bed *bed, struct fuzz_input *in, unsigned options)
{
	static uint8_t bytes[DATAGRAMS_MAX * (PLAIN_MAX + MESSAGE_DATA_OVERHEAD)];
	uint8_t plain[PLAIN_MAX], tos = fuzz_byte(in);
	size_t n = 1 + options % DATAGRAMS_MAX, size = fuzz_byte(in) * 2, at = 0;
	struct endpoint from = datagrams_source(bed, &bed->remotes[0], options >> 3 & 3);

	for (size_t i = 0; i < n; i++) {
		unsigned how = fuzz_byte(in);
		struct remote *r = &bed->remotes[how & 1];
		size_t kept = r->sessions < SESSIONS_MAX ? r->sessions : SESSIONS_MAX;

		if (!kept)
			continue;
		// The newest, or one of the three before.
		size_t back = (how >> 1 & 3) % kept;
		struct session *s = &r->session[(r->sessions - 1 - back) % SESSIONS_MAX];
		if (s->accepted == COUNTERS_MAX)
			continue;
		uint64_t counter = choose_counter(in, s, how >> 3 & 3);
		struct damage damage = damage_read(in, how >> 5 & 1);
		size_t length = make_plain(in, r, how >> 6, plain, size);
		size_t whole_bytes = remote_seal(s, counter, plain, length, bytes + at);
		damage_inflict(&damage, bytes + at, whole_bytes);
		at += whole_bytes;
		if (damage.bits || !held(bed, r, s) || counter >= REJECT_AFTER_MESSAGES ||
		    !remote_accepts(s, counter))
			continue;
		r->endpoint = from;
		if (length)
			expect(r, plain, length, tos);
	}
	if (!at)
		return;
	datagrams_receive(bed, bytes, at, size + MESSAGE_DATA_OVERHEAD, &from, tos);
	check_tun(bed);
	bed_handle_posted(bed);
}

void step_raw(struct bed *bed, struct fuzz_input *in, unsigned options)
{
	uint8_t bytes[2048];
	size_t n = fuzz_take(in, bytes, fuzz_u16(in) % sizeof(bytes));
	size_t size = options & 1 ? 1 + fuzz_byte(in) : n;
	struct endpoint from = datagrams_source(bed, &bed->remotes[0], 2);

	if (!n)
		return;
	datagrams_receive(bed, bytes, n, size, &from, 0);
	check_tun(bed);
	bed_handle_posted(bed);
}
