// What the kernel may refuse and the tunnel can do without: super-packets at the TUN, UDP_SEGMENT,
// UDP_GRO and the like. An errno says whether the kernel lacks it or had a reason that passes; what
// is turned off in doubt is tried again.
#ifndef WGBENCH_FEATURE_H
#define WGBENCH_FEATURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum feature_call {
	FEATURE_TUN_OFFLOAD,   // TUNSETOFFLOAD, and the GSO size of the interface
	FEATURE_TUN_MERGED,    // a super-packet written to the TUN
	FEATURE_UDP_SEGMENT,   // a send with UDP_SEGMENT, to one destination
	FEATURE_SOCKET_OPTION, // UDP_SEGMENT and UDP_GRO at a socket, a socket of a group, its
	                       // filter
	FEATURE_SOCKET_BUFFER, // beyond the sysctl's limit
	FEATURE_CALLS,
};

enum feature_meaning {
	FEATURE_NOT_NOW,  // the call failed for another reason: of the feature it says nothing
	FEATURE_DOUBTFUL, // do without, and try again later
	FEATURE_NEVER,    // the kernel doesn't have it
};

enum feature_meaning feature_meaning(enum feature_call, int error);

// Whether one of them is in use. Any thread.
struct feature {
	atomic_uint_fast64_t off_until_ns; // 0: on; FEATURE_OFF; else when it is tried again
	// That left a doubt, since feature_retry(): what comes and goes is tried ever later.
	atomic_uint refusals;
	atomic_bool worked; // once at least
};

#define FEATURE_OFF UINT64_MAX
#define FEATURE(on)                                                                                \
	(struct feature)                                                                           \
	{                                                                                          \
		.off_until_ns = (on) ? 0 : FEATURE_OFF                                             \
	}

bool feature_on(const struct feature *);
// Whether to use it: it is on, or its time to be tried again has come.
bool feature_wanted(const struct feature *);
// The kernel took it. Whether that turned it on.
bool feature_took(struct feature *);
// The kernel refused it, and the same could be done without it. Whether that turned it off. What
// has worked before isn't missing from the kernel: then FEATURE_NEVER is the fault of what was
// sent.
bool feature_refused(struct feature *, enum feature_meaning);
// What raised the doubt may be over. Whether that turned it on.
bool feature_retry(struct feature *);

// When to try again what has been refused so many times before.
uint64_t feature_again_ns(unsigned refusals, uint64_t now_ns);

#endif
