// The control thread: one loop over the UAPI socket, the link's netlink events, signals, the
// timers, the sockets for handshakes, and the mailbox. It's the only thread that changes
// configuration.
#ifndef WGBENCH_CONTROL_H
#define WGBENCH_CONTROL_H

#include "tunnel/loop.h"

struct device;
struct peer;

struct control {
	struct loop_source clock; // timerfd that wakes the loop when the machine resumes
	struct loop_source signals;
	int64_t suspended_ns; // how long the machine has slept since it booted
};

// Makes the loop and what it always watches. 0 or -errno.
int control_open(struct device *);
void control_close(struct device *);
// Runs until loop_stop() or a fatal error: 0 or -errno.
int control_run(struct device *);
// Handles PEER_EVENT_*.
void control_handle(struct peer *, unsigned events);

#endif
