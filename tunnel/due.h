// What is done when a deadline has come (timers.h). Control thread.
#ifndef WGBENCH_DUE_H
#define WGBENCH_DUE_H

#include <stdint.h>

struct device;
struct peer;

// Does what is due of this peer, and arms its next deadline.
void due_look(struct peer *, uint64_t now_ns);
// Does all that is due of the device, and sets the timerfd for what is next.
void due_expire(struct device *, uint64_t now_ns);

#endif
