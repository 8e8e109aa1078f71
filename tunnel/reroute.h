// Has the routes to all peers looked up, a few at a time, when a route, rule, address or link of
// this network namespace has changed. Control thread.
#ifndef WGBENCH_REROUTE_H
#define WGBENCH_REROUTE_H

struct device;

// With what look-ups need (route.h). 0 or -errno after a printed line.
int reroute_open(struct device *);
void reroute_close(struct device *);

#endif
