// What this kernel and machine can do: each is tried, not inferred from a version number. What
// needs a network is tried in a namespace without a name, which ends with its descriptor.
#ifndef WGBENCH_MACHINE_PROBE_H
#define WGBENCH_MACHINE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_state { PROBE_NO, PROBE_YES, PROBE_UNKNOWN }; // unknown: trying it isn't allowed

struct probe_result {
	enum probe_state state;
	char detail[256];
};

// A network namespace of its own, or -errno. close() removes it.
int probe_namespace(void);

// Whether perf_event_open() takes a counter (PERF_TYPE_*, PERF_COUNT_*) of this process.
void probe_counter(struct probe_result *, uint32_t type, uint64_t config);

enum probe_tun {
	PROBE_TUN_DEVICE, // IFF_TUN
	PROBE_TUN_VNET,   // with IFF_VNET_HDR
	PROBE_TUN_TSO,    // TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
	PROBE_TUN_USO,    // and TUN_F_USO4, TUN_F_USO6
	PROBE_TUN_NAPI,   // IFF_NAPI
	PROBE_TUN_QUEUES, // IFF_MULTI_QUEUE
};
void probe_tun(struct probe_result *, int ns, enum probe_tun);

// SOL_UDP: UDP_SEGMENT (send) or UDP_GRO (receive); SOL_SOCKET: SO_REUSEPORT.
void probe_udp_option(struct probe_result *, int level, int option);

// `tc qdisc add dev lo root QDISC ...`.
void probe_qdisc(struct probe_result *, int ns, const char *const parameters[]);

// A device of type `ifb`.
void probe_ifb(struct probe_result *, int ns);

// A qdisc `ingress` whose packets the classifier u32 gives to the action mirred, as redirecting
// them to another device takes.
void probe_redirect(struct probe_result *, int ns);

#endif
