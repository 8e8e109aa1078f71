// What the parts of the fuzz target `messages` share: a device with its other ends, and what an
// input may do with it, under the name of each file. A check that fails ends the program.
#ifndef WGBENCH_TESTS_FUZZ_BED_H
#define WGBENCH_TESTS_FUZZ_BED_H

#include "tests/fuzz/messages/remote.h"

#include "tunnel/device.h"

struct bed {
	struct device *device;
	struct remote remotes[REMOTES]; // opened once
	int tun;                        // the kernel's end
	uint64_t now_ns;                // the device's, whose clock stands still in a step
};

// ---- bed.c

// Makes the device, up, with every other end as a peer.
void bed_open(struct bed *);
void bed_close(struct bed *);

void bed_configure(struct bed *, const char *uapi);
void bed_add_peer(struct bed *, struct remote *);

// NULL: removed.
struct peer *bed_peer(const struct bed *, const struct remote *);

// Does what the control thread would: handshakes and events that the path has posted.
void bed_handle_posted(struct bed *);

// Lets the other ends take and check what the device has sent.
void bed_drain(struct bed *);

// That the device's tables agree with one another and with the other ends.
void bed_check(const struct bed *);

// ---- datagrams.c

struct damage {
	uint16_t at;
	uint8_t bits; // 0: none
};

// None, and nothing read, unless there is any.
struct damage damage_read(struct fuzz_input *, bool any);
void damage_inflict(const struct damage *, uint8_t *bytes, size_t n);

// Where a message comes from: its end's own socket (0), the other one's (1), or where nobody
// listens.
struct endpoint datagrams_source(const struct bed *, const struct remote *, unsigned which);

// A buffer of datagrams, all but the last of one size, each of which is accounted for once.
void datagrams_receive(struct bed *, const uint8_t *bytes, size_t n, size_t datagram_bytes,
                       const struct endpoint *from, uint8_t tos);

// ---- handshakes.c

// A new one; or (8) the last one once more, perhaps much later.
void step_initiate(struct bed *, struct fuzz_input *, struct remote *, unsigned options);
void step_respond(struct bed *, struct fuzz_input *, struct remote *, unsigned options);
void step_cookie(struct bed *, struct fuzz_input *, struct remote *, unsigned options);

// ---- data.c

void step_data(struct bed *, struct fuzz_input *, unsigned options);
void step_raw(struct bed *, struct fuzz_input *, unsigned options);

// ---- frames.c

void step_frames(struct bed *, struct fuzz_input *, unsigned options);

#endif
