// A frame of the TUN on its way to a batch: this stands in a buffer, in front of its packet.
#ifndef WGBENCH_FRAME_H
#define WGBENCH_FRAME_H

#include <linux/virtio_net.h>
#include <stdint.h>
#include "tunnel/inner.h"
#include "variants/aqm/aqm.h"

struct buffer;

struct frame {
	struct aqm_packet queued; // first: its `bytes` are the packet's
	struct buffer *buffer;    // a reference
	struct virtio_net_hdr header;
	struct inner ip;               // of the packet
	_Alignas(64) uint8_t packet[]; // its own cache lines
};

#endif
