// An interface of a test network as the kernel reports it: two runs on one kernel may still have
// been made with different offloads.
#ifndef WGBENCH_MACHINE_LINK_FEATURES_H
#define WGBENCH_MACHINE_LINK_FEATURES_H

#include "netns/netns.h"

#include <jansson.h>

// Of the veth that joins a pair, and of the tunnel in it: a new object {"left", "right"} of
// {"tx-udp-segmentation": true, "mtu": 1500, "qdisc": "noqueue", ...}; empty where there is no such
// interface. What this kernel or this `ip` doesn't know is left out.
json_t *interface_veths(const struct netns_pair *);
json_t *interface_tunnels(const struct netns_pair *);

#endif
