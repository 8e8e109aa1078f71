// Tells the sender of an inner packet that it goes nowhere.
#ifndef WGBENCH_ICMP_H
#define WGBENCH_ICMP_H

#include <stdint.h>
#include "tunnel/inner.h"

struct queue;

enum {
	ICMP_BYTES_MAX = 1280, // of a whole ICMPv6 error (RFC 4443, section 2.4c)
};

// Writes to `to` the packet that tells the source of `packet` that its destination is unreachable:
// ICMP host unreachable or ICMPv6 address unreachable. ip: of the packet, parsed. Its length, or 0
// where none may be sent (RFC 1122, section 3.2.2; RFC 4443, section 2.4e).
uint32_t icmp_unreachable(uint8_t to[ICMP_BYTES_MAX], const struct inner *ip,
                          const uint8_t *packet);

// Writes such a packet to the TUN, unless too many were. The path's thread.
void icmp_reject(struct queue *, const struct inner *, const uint8_t *packet, uint64_t now_ns);

#endif
