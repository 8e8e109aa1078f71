// Gathering the frames of one burst of TUN reads into batches by peer and outer TOS. The frames of
// one peer and TOS keep their order. A frame is copied only where it was read behind the frames of
// another peer.
#ifndef WGBENCH_GATHER_H
#define WGBENCH_GATHER_H

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct path;

enum { GATHER_OPEN_MAX = 8 };

struct gather {
	struct path *path;
	uint64_t now_ns;
	struct batch *reading; // the one that the next frame is read into
	size_t open;
	struct batch *batch[GATHER_OPEN_MAX]; // others with frames, the oldest first
};

void gather_init(struct gather *, struct path *, uint64_t now_ns);
// Where to read the next frame: BATCH_FRAME_BYTES bytes; NULL when out of memory.
uint8_t *gather_room(struct gather *);
// Adds the frame that was read there, or counts its drop.
void gather_add(struct gather *, const struct virtio_net_hdr *, uint8_t *frame, uint32_t length);
// Stages what was gathered.
void gather_close(struct gather *);

#endif
