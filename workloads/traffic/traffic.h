// wgbench-traffic: an open-loop UDP generator and its receiver, on one machine (both ends read the
// same clock, in its byte order). A packet's intended send time follows from the rate alone, never
// from when another packet left, so a stalled sender or a full queue shows as delay (no coordinated
// omission). What the generator itself couldn't do is reported as its own and never as loss. Beside
// these, a flood of handshake initiations for a WireGuard interface.
#ifndef WGBENCH_TRAFFIC_H
#define WGBENCH_TRAFFIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	TRAFFIC_FLOWS_MAX = 64,
	TRAFFIC_QUANTUM_PACKETS_MAX = 64,
	TRAFFIC_DATAGRAM_MAX = 65507, // bytes, IPv4
	TRAFFIC_KEY_BYTES = 32,
	TRAFFIC_SOURCES_MAX = 65536,
};

enum traffic_kind {
	TRAFFIC_DATA = 0x77674401,
	TRAFFIC_END,          // from the sender, repeated until it is acknowledged
	TRAFFIC_ACKNOWLEDGED, // from the receiver, the END sent back
};

// At the start of every payload.
struct traffic_header {
	uint32_t kind;
	uint32_t run;         // packets of another run are foreign
	uint32_t flow, flows; // flow < flows
	uint64_t sequence;    // per flow from 0; of an END: how many data packets there were
	uint64_t intended_ns; // CLOCK_MONOTONIC
};

struct traffic_address {
	struct sockaddr_storage socket;
	socklen_t length;
};

struct sender_options {
	struct traffic_address to;
	uint32_t run;
	uint64_t rate_pps;
	uint64_t duration_ns;
	uint64_t grace_ns;   // behind by more at the end, the rest stays unsent
	unsigned size_bytes; // of the payload, the header included
	unsigned flows;      // a source port each
	unsigned segments;   // datagrams that go to the kernel as one (UDP_SEGMENT); 1: each alone
	unsigned quantum_us; // traffic that is due together and sent together
	int nice;            // of the process, where that is allowed

	// Where every so many packets of a million go instead, as a flow of their own that nobody
	// is told the end of; no address: none.
	struct traffic_address aside;
	uint32_t aside_ppm;
};

struct receiver_options {
	struct traffic_address listen;
	uint32_t run;        // 0: that of the first packet
	unsigned timeout_ms; // without a packet, after which it gives up waiting for the end
	unsigned quantum_us; // between two looks at the socket; delays are the kernel's time stamps
	int nice;            // of the process, where that is allowed

	// What arrives within so long of the first packet's intended time is counted apart: later
	// comes what queues had stored. 0: nothing is.
	unsigned window_ms;
	bool gro;
	bool histogram; // the report has all of it
};

struct flood_options {
	struct traffic_address to;
	struct traffic_address from;    // the first source, the port aside; no address: the route's
	unsigned sources;               // addresses of this host that are taken in turn
	uint8_t key[TRAFFIC_KEY_BYTES]; // the interface's public one
	uint64_t rate_pps;
	uint64_t duration_ns;
	unsigned quantum_us; // messages that are due together and sent together
	int nice;            // of the process, where that is allowed
	bool mac2;           // each has one, and none is right
};

// Send, receive until the end, or flood until then or SIGTERM. The report is a new object. 0;
// -errno after a printed line.
int sender_run(const struct sender_options *, json_t **report);
int receiver_run(const struct receiver_options *, json_t **report); // prints "ready" when bound
int flood_run(const struct flood_options *, json_t **report);       // prints "ready" when it begins

// How many packets go together: a quantum's share of the rate, whole super-packets, at least one
// and at most TRAFFIC_QUANTUM_PACKETS_MAX.
unsigned sender_quantum(const struct sender_options *);

#endif
