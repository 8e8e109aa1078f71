// Test networks: a pair is two namespaces joined by a veth, the two ends of one tunnel; tunnels
// that are compared are alive at once, each in a pair of its own. Names carry the owner's pid, and
// the owner keeps a file locked while it lives, so that a later wgbench can tell what a killed one
// left from what another one is using.
#ifndef WGBENCH_NETNS_H
#define WGBENCH_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct text;

#define NETNS_VETH "outer0" // both ends of what joins a pair

struct netns_side {
	char name[32];      // the namespace, as `ip netns` knows it
	char interface[16]; // the tunnel's; unique on the host, since UAPI sockets are
	char outer[2][40];  // IPv4, IPv6: the veth's addresses
	char inner[2][40];  // the tunnel's
	int fd;             // of the namespace
	int counters[3];    // /proc/net/{dev,snmp,snmp6} as seen inside
	int socket;         // of the namespace, to ask for what these files don't have
};

struct netns_pair {
	unsigned n;
	struct netns_side side[2]; // left, right
};

// One interface's line of /proc/net/dev. FOREIGN_UNKNOWN, here and below: not reported.
struct netns_link_counters {
	unsigned long long rx_packets, rx_dropped, tx_packets, tx_dropped, tx_bytes;
};

// What was dropped or sent again inside a namespace, since it was made.
struct netns_counters {
	struct netns_link_counters tunnel, veth;
	int tunnel_tx_queue_len; // packets that its queue holds, as it is now; -1: not known
	unsigned long long udp_receive_buffer_errors, udp_send_buffer_errors, tcp_retransmits;
};

// Takes this process's lock and removes what dead owners left. 0; -errno after a printed line.
int netns_open(void);

// Removes everything that dead owners left: the processes in their namespaces, the namespaces, the
// UAPI sockets. The number of namespaces removed, or -errno.
int netns_reap(void);

// Builds pair `n` (< 100), up and passing packets. 0; -errno after a printed line, with
// nothing left.
int netns_pair_create(struct netns_pair *, unsigned n);

// Ends every process in the pair's namespaces and removes them.
void netns_pair_destroy(struct netns_pair *);

// Releases the lock; pairs must be gone.
void netns_close(void);

// Runs lines of `ip` or `tc` in a namespace. 0; -errno with the reason, in one line, in the fault,
// which may be NULL.
int netns_batch(int ns_fd, const char *program, struct text *fault, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Sets a sysctl of the namespace, named by its path as in "net/ipv4/tcp_ecn", and gives its
// value before. 0 or -errno.
int netns_sysctl(int ns_fd, const char *name, long value, long *before);

// How many processes other than the caller's are in this network namespace; writes at most `max` of
// them.
size_t netns_processes(int ns_fd, pid_t *pids, size_t max);

// Ends them: SIGTERM, after 2 s SIGKILL.
void netns_end_processes(int ns_fd);

// 0 or -errno. Links that aren't there count 0.
int netns_count(const struct netns_side *, struct netns_counters *);

#endif
