#include "tests/fuzz/messages/remote.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <sys/socket.h>

uint64_t remote_hash(const uint8_t *bytes, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (n--)
		hash = (hash ^ *bytes++) * 0x100000001b3;
	return hash;
}

void remote_open(struct remote *r, uint8_t network)
{
	socklen_t bytes = sizeof(r->address);

	r->network = network;
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r->address.v4 =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	FUZZ_CHECK(r->fd >= 0 && !bind(r->fd, &r->address.any, sizeof(r->address.v4)) &&
	           !getsockname(r->fd, &r->address.any, &bytes));
}

void remote_reset(struct remote *r, const uint8_t device_public[NOISE_KEY_BYTES])
{
	struct remote old = *r;
	uint8_t key[NOISE_KEY_BYTES];

	*r = (struct remote){.network = old.network, .fd = old.fd, .address = old.address};
	memset(key, 0x50 + r->network, sizeof(key));
	noise_identity_set(&r->identity, key);
	if (r->network == 1)
		memset(r->preshared_key, 0x77, sizeof(r->preshared_key));
	for (int i = 0; i < 2; i++) {
		struct noise_handshake *h = i ? &r->asked : &r->begun;

		memcpy(h->remote_static, device_public, NOISE_KEY_BYTES);
		memcpy(h->preshared_key, r->preshared_key, NOISE_KEY_BYTES);
		noise_precompute(h, &r->identity);
	}
	cookie_peer_init(&r->cookie, device_public);
	cookie_checker_init(&r->checker, r->identity.public_key);
	r->endpoint.remote = r->address;
	r->next_index = r->network << 24;
}

struct session *remote_derive(struct remote *r, struct noise_handshake *h)
{
	struct session *s = &r->session[r->sessions++ % SESSIONS_MAX];
	struct noise_session keys;

	FUZZ_CHECK(!noise_session_derive(&keys, h));
	*s = (struct session){.here = keys.local_index, .there = keys.remote_index};
	memcpy(s->send_key, keys.send_key, sizeof(s->send_key));
	memcpy(s->receive_key, keys.receive_key, sizeof(s->receive_key));
	return s;
}

static void make_nonce(uint8_t nonce[12], uint64_t counter)
{
	counter = htole64(counter);
	memset(nonce, 0, 4);
	memcpy(nonce + 4, &counter, sizeof(counter));
}

size_t remote_seal(const struct session *s, uint64_t counter, const uint8_t *plain, size_t bytes,
                   uint8_t *out)
{
	struct message_data head = {
	    .type = htole32(MESSAGE_DATA), .receiver_index = s->there, .counter = htole64(counter)};
	uint8_t nonce[12];

	make_nonce(nonce, counter);
	memcpy(out, &head, sizeof(head));
	crypto_aead_chacha20poly1305_ietf_encrypt(out + sizeof(head), NULL, plain, bytes, NULL, 0,
	                                          NULL, nonce, s->send_key);
	return bytes + MESSAGE_DATA_OVERHEAD;
}

bool remote_accepts(struct session *s, uint64_t counter)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < s->accepted; i++) {
		if (s->counter[i] == counter)
			return false;
		if (s->counter[i] > highest)
			highest = s->counter[i];
	}
	if (s->accepted && counter < highest && highest - counter > 8128)
		return false;
	FUZZ_CHECK(s->accepted < COUNTERS_MAX);
	s->counter[s->accepted++] = counter;
	return true;
}

static struct awaited *awaited(struct remote *r, size_t i)
{
	return &r->queue[i % AWAITED_MAX];
}

void remote_await(struct remote *r, uint64_t flow, const uint8_t *packet, size_t bytes)
{
	*awaited(r, r->awaited++) =
	    (struct awaited){remote_hash(packet, bytes), flow, (uint32_t)bytes, false};
	if (r->awaited - r->awaited_first > AWAITED_MAX)
		r->awaited_first++;
}

// ---- what the device sends

uint32_t remote_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static void take_initiation(struct remote *r, const uint8_t *bytes,
                            const uint8_t device_public[NOISE_KEY_BYTES])
{
	const struct message_initiation *m = (const struct message_initiation *)bytes;
	struct noise_initiation said;

	FUZZ_CHECK(!noise_initiation_identify(&said, m, &r->identity));
	FUZZ_CHECK(!memcmp(said.remote_static, device_public, NOISE_KEY_BYTES));
	FUZZ_CHECK(!noise_initiation_consume(&r->asked, &said, m));
	r->pending = true;
}

static void take_response(struct remote *r, const uint8_t *bytes)
{
	const struct message_response *m = (const struct message_response *)bytes;

	// Perhaps to an initiation that a newer one has replaced.
	if (r->begun.state != NOISE_INITIATION_CREATED ||
	    le32toh(m->receiver_index) != r->begun.local_index)
		return;
	FUZZ_CHECK(!noise_response_consume(&r->begun, &r->identity, m));
	remote_derive(r, &r->begun);
}

static void take_cookie(struct remote *r, const uint8_t *bytes, uint64_t now_ns)
{
	const struct message_cookie *m = (const struct message_cookie *)bytes;

	if (le32toh(m->receiver_index) == r->begun_index) {
		int ret = cookie_reply_consume(&r->cookie, m, now_ns);

		FUZZ_CHECK(!ret || ret == -ENOENT);
	}
}

static uint32_t pad(uint32_t length)
{
	uint32_t padded = (length + 15) & ~15u;

	if (length >= MTU)
		return length;
	return padded > MTU ? MTU : padded;
}

// Each packet comes once, whole, and in the order of its flow; some may be lost.
static void take_packet(struct remote *r, const uint8_t *packet, size_t bytes)
{
	size_t at, length = SIZE_MAX;
	uint64_t hash = 0; // of so many bytes

	for (at = r->awaited_first; at < r->awaited; at++) {
		const struct awaited *a = awaited(r, at);

		if (a->over || bytes != pad(a->length))
			continue;
		if (length != a->length)
			hash = remote_hash(packet, length = a->length);
		if (hash == a->hash && sodium_is_zero(packet + length, bytes - length))
			break;
	}
	FUZZ_CHECK(at < r->awaited || !"a packet that was not to be sent");
	for (size_t i = r->awaited_first; i <= at; i++)
		if (awaited(r, i)->flow == awaited(r, at)->flow)
			awaited(r, i)->over = true;
	while (r->awaited_first < r->awaited && awaited(r, r->awaited_first)->over)
		r->awaited_first++;
}

static void take_data(struct remote *r, struct session *s, const uint8_t *bytes, size_t n)
{
	static uint8_t plain[65536];
	const struct message_data *m = (const struct message_data *)bytes;
	uint8_t nonce[12];

	FUZZ_CHECK(n >= MESSAGE_DATA_OVERHEAD);
	uint64_t counter = le64toh(m->counter);
	// On loopback nothing overtakes, and no nonce is used twice.
	FUZZ_CHECK(counter >= s->received);
	s->received = counter + 1;
	make_nonce(nonce, counter);
	FUZZ_CHECK(!crypto_aead_chacha20poly1305_ietf_decrypt(
	    plain, NULL, NULL, m->payload, n - sizeof(*m), NULL, 0, nonce, s->receive_key));
	if (n > MESSAGE_DATA_OVERHEAD)
		take_packet(r, plain, n - MESSAGE_DATA_OVERHEAD);
}

static struct session *find(struct remote *r, uint32_t here)
{
	size_t n = r->sessions < SESSIONS_MAX ? r->sessions : SESSIONS_MAX;

	for (size_t i = 0; i < n; i++)
		if (r->session[i].here == here)
			return &r->session[i];
	return NULL;
}

// Whose the message is says the message: a peer may have been seen at another one's address.
static void take(struct remote remotes[REMOTES], const uint8_t *bytes, size_t n,
                 const uint8_t device_public[NOISE_KEY_BYTES], uint64_t now_ns)
{
	static const struct sockaddr_in nowhere = {.sin_family = AF_INET};
	uint32_t index;

	FUZZ_CHECK(n >= 8);
	uint32_t type = le32toh(remote_word(bytes));
	index = le32toh(remote_word(bytes + (type == MESSAGE_RESPONSE ? 8 : 4)));
	for (struct remote *r = remotes; r < remotes + REMOTES; r++) {
		struct session *s;

		switch (type) {
		case MESSAGE_INITIATION:
		case MESSAGE_RESPONSE:
			FUZZ_CHECK(n == (type == MESSAGE_INITIATION
			                     ? sizeof(struct message_initiation)
			                     : sizeof(struct message_response)));
			if (cookie_check(&r->checker, bytes, n, (struct sockaddr *)&nowhere, now_ns,
			                 false) == COOKIE_MAC_INVALID)
				continue;
			memcpy(r->last, bytes, r->last_bytes = n);
			if (type == MESSAGE_INITIATION)
				take_initiation(r, bytes, device_public);
			else
				take_response(r, bytes);
			return;
		case MESSAGE_COOKIE:
			FUZZ_CHECK(n == sizeof(struct message_cookie));
			if (index >> 24 == r->network)
				take_cookie(r, bytes, now_ns);
			continue;
		case MESSAGE_DATA:
			s = find(r, remote_word(bytes + 4));
			if (s) {
				take_data(r, s, bytes, n);
				return;
			}
			FUZZ_CHECK(r->sessions < SESSIONS_MAX || index >> 24 != r->network);
			continue;
		default:
			FUZZ_CHECK(!"a message of no type");
		}
	}
	FUZZ_CHECK(type == MESSAGE_COOKIE || !"a message for nobody");
}

void remote_drain(struct remote remotes[REMOTES], const uint8_t device_public[NOISE_KEY_BYTES],
                  uint64_t now_ns)
{
	static uint8_t bytes[65536];
	ssize_t n;

	for (int i = 0; i < REMOTES; i++)
		while ((n = recv(remotes[i].fd, bytes, sizeof(bytes), 0)) >= 0)
			take(remotes, bytes, n, device_public, now_ns);
}
