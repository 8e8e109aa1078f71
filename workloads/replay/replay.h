// wgbench-replay: a tunnel's data path, the very objects that wgbench-tunnel of the same SPEC is
// linked from, in one process without a TUN, a socket or a clock. Packets of a fixed mix go through
// it, always in the same order at the same times with the same keys, so that a count of its
// instructions repeats exactly. It is run by `wgbench count` under callgrind, and counts nothing
// without.
//
// One device, whose sixteen peers all are itself: what it encrypts is what it decrypts.
#ifndef WGBENCH_WORKLOADS_REPLAY_H
#define WGBENCH_WORKLOADS_REPLAY_H

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

struct device;

enum {
	REPLAY_PEERS = 16,
	REPLAY_PREFIXES = 16, // of each: 10.PEER.n*16.0/20
	REPLAY_FRAMES_MAX = 36,

	// A round is a burst of one peer; the first rounds fill pools and tables, uncounted.
	REPLAY_WARM_UP = REPLAY_PEERS,
	REPLAY_ROUNDS = 3 * REPLAY_PEERS,
};

// As the TUN hands it over.
struct replay_frame {
	struct virtio_net_hdr header;
	uint32_t length;
	uint8_t *packet;
};

// What waits in the TUN when the path wakes up; packets and bytes after super-packets are cut.
struct replay_burst {
	size_t frames;
	uint32_t packets, bytes;
	struct replay_frame frame[REPLAY_FRAMES_MAX];
};

// packets.c

// One burst for each peer. 0; -EINVAL after a printed line that lists the mixes.
int replay_bursts(struct replay_burst bursts[REPLAY_PEERS], const char *mix);
// A fixed sequence (splitmix64), for whatever the tunnel would choose at random.
uint32_t replay_random(void);

// calls.c

enum replay_side { REPLAY_ENCRYPT, REPLAY_DECRYPT, REPLAY_BOTH, REPLAY_SIDES };
extern const char *const replay_sides[];

// What went through in the counted rounds of a side.
struct replay_count {
	uint64_t packets, bytes; // inner; of both sides: what was encrypted and decrypted again
	uint64_t calls;          // system calls of the path
};

uint64_t replay_clock(void);
// From here on the TUN and the sockets of the device's only queue, and its waits, are ours.
void replay_attach(struct device *, const struct replay_burst bursts[REPLAY_PEERS]);
// Runs all rounds of each side in the path's own thread, and dumps callgrind's counts after each. 0
// or -errno after a printed line.
int replay_run(struct replay_count counts[REPLAY_SIDES]);
// Lets threads go their own way, to their end.
void replay_detach(void);

#endif
