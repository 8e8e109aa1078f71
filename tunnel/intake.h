// What isn't data: handshake messages, which the control thread reads from sockets of their own.
#ifndef WGBENCH_INTAKE_H
#define WGBENCH_INTAKE_H

#include "tunnel/loop.h"
#include "tunnel/udp.h"

struct intake {
	struct loop_source socket[2]; // IPv4, IPv6
	struct loop_source pause;     // timerfd: they are read on
	struct udp_slots slots; // what they are read into; only what is touched becomes memory
};

// 0 or -errno after which there is nothing to close.
int intake_open(struct device *);
void intake_close(struct device *);

// Reads from these sockets (-1: none) from now on. Those that are watched already can't fail. 0 or
// -errno.
int intake_watch(struct device *, const int fd[2]);

#endif
