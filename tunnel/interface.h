// The interface as its user sees it: up or down, with a port and a key. Control thread.
#ifndef WGBENCH_INTERFACE_H
#define WGBENCH_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>
#include "tunnel/messages.h"

struct device;

// The link went up (opens the sockets, sends persistent keepalives; what keeps it from that is
// printed, and the timers call it again) or down (closes them, drops sessions). 0 or -errno.
int interface_up(struct device *);
int interface_down(struct device *);
// Whether the link is up, with sockets or without.
bool interface_is_up(const struct device *);
// Opens the sockets, or others, on `port` and goes on from there. On failure all stays as it was. 0
// or -errno. Path excluded.
int interface_listen(struct device *, uint16_t port, uint32_t fwmark);

// Sets the private key (all zero: none), recomputes every peer's static-static, drops all
// sessions, and removes a peer that has our own public key. With a key, what waited for one
// follows.
void interface_set_private_key(struct device *, const uint8_t private_key[NOISE_KEY_BYTES]);

#endif
