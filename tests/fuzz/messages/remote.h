// The other end of a tunnel, for the fuzz target `messages`: a peer made of the real noise.c and
// cookie.c, with a socket of its own on loopback, which looks at everything that the device sends.
#ifndef WGBENCH_TESTS_FUZZ_REMOTE_H
#define WGBENCH_TESTS_FUZZ_REMOTE_H

#include "tests/fuzz/fuzz.h"

#include "tunnel/cookie.h"
#include "tunnel/noise.h"
#include "tunnel/endpoint.h"

enum { REMOTES = 2, SESSIONS_MAX = 64, COUNTERS_MAX = 512, AWAITED_MAX = 16384, MTU = 1420 };

struct session {
	uint8_t send_key[NOISE_KEY_BYTES], receive_key[NOISE_KEY_BYTES];
	uint32_t here, there; // indices
	uint64_t next;        // counter of what is sent to the device
	uint64_t received;    // the highest one that the device has used, plus one
	size_t accepted;      // counters that the device has taken
	uint64_t counter[COUNTERS_MAX];
};

// A packet that the device was given to send.
struct awaited {
	uint64_t hash, flow; // of the packet, and of what makes its flow
	uint32_t length;
	bool over; // it has come, or one of its flow behind it has
};

struct remote {
	uint8_t network; // 10.0.NETWORK.0/24 and fd00:NETWORK::/32
	struct noise_identity identity;
	uint8_t preshared_key[NOISE_KEY_BYTES];
	int fd;
	union endpoint_address address;
	struct endpoint endpoint; // where the device must think that it is

	struct noise_handshake begun, asked; // by this end, by the device
	bool pending;                        // `asked` awaits a response
	uint32_t next_index, begun_index;
	bool recorded; // an initiation, as it was sent
	struct message_initiation record;
	uint8_t record_timestamp[NOISE_TIMESTAMP_BYTES];
	struct cookie_peer cookie;
	struct cookie_checker checker;
	uint8_t last[MESSAGE_HANDSHAKE_MAX]; // handshake message of the device's
	size_t last_bytes;

	size_t sessions; // made so far; the newest SESSIONS_MAX are kept
	struct session session[SESSIONS_MAX];
	size_t awaited, awaited_first;
	struct awaited queue[AWAITED_MAX];
};

void remote_open(struct remote *, uint8_t network);

// As new, but for the socket.
void remote_reset(struct remote *, const uint8_t device_public[NOISE_KEY_BYTES]);

// The session that a handshake has come to.
struct session *remote_derive(struct remote *, struct noise_handshake *);

// A data message to the device; its bytes.
size_t remote_seal(const struct session *, uint64_t counter, const uint8_t *plain, size_t bytes,
                   uint8_t *out);

// Whether the device must take the counter now, by the paper: new, and not 8128 behind the highest.
// It is then taken. At most COUNTERS_MAX are.
bool remote_accepts(struct session *, uint64_t counter);

// From now on the device may send the packet, once, and in the order of its flow.
void remote_await(struct remote *, uint64_t flow, const uint8_t *packet, size_t bytes);

// Takes and checks all that the device has sent.
void remote_drain(struct remote remotes[REMOTES], const uint8_t device_public[NOISE_KEY_BYTES],
                  uint64_t now_ns);

// FNV-1a.
uint64_t remote_hash(const uint8_t *bytes, size_t n);

// Of a message, as it lies there.
uint32_t remote_word(const uint8_t *at);

#endif
