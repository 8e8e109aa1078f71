// What a trial cost and what disturbed it, as the difference of two snapshots. CPU time of
// processes comes from their clocks (ns), never from tick counts; a process that ended is found in
// its parent's waited-for time.
#ifndef WGBENCH_MEASURE_ACCOUNTING_H
#define WGBENCH_MEASURE_ACCOUNTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/machine/processes.h"
#include "netns/netns.h"

enum { ACCOUNTING_PIDS_MAX = 64 };

// Whose CPU time is whose: those of the tunnel under test, at each end or, beside a fixed peer, at
// the left one; that peer's; and those of tunnels that idle meanwhile. wgbench and all its
// descendants are 'ours' without being listed.
struct accounting_processes {
	size_t tunnel, peer, idle;
	pid_t tunnel_pid[ACCOUNTING_PIDS_MAX], peer_pid[ACCOUNTING_PIDS_MAX],
	    idle_pid[ACCOUNTING_PIDS_MAX];
};

struct accounting_snapshot {
	uint64_t wall_ns;
	uint64_t tunnel_cpu_ns, idle_tunnels_cpu_ns;
	size_t tunnel_clocks;          // processes of the tunnel whose clocks could be read
	uint64_t foreign_cpu_ns;       // processes that aren't ours, those that ended included
	size_t foreigns;               // of them, those that were there
	struct processes_row *foreign; // by pid
	uint64_t kernel_cpu_ns;        // kernel threads
	uint64_t tunnel_switches;
	uint64_t machine_idle_ns, machine_steal_ns; // over all CPUs, from /proc/stat
	bool steal_reported;                        // not 0 since boot
	uint64_t pressure_ns;    // some task waited for a CPU; 0 where not reported
	uint64_t harness_cpu_ns; // wgbench itself
	unsigned long long
	    other_packets;  // of this namespace's interfaces, where no traffic of ours goes
	uint64_t throttles; // of all cores and packages, for heat
	bool throttles_reported;
	double cpu_mhz; // mean over the CPUs; 0 where not reported
	struct netns_counters counters[2];
};

// 0 or -errno. The caller releases the snapshot in either case.
int accounting_take(struct accounting_snapshot *, const struct accounting_processes *,
                    const struct netns_pair *);

void accounting_release(struct accounting_snapshot *);

struct accounting_result {
	// The tunnel's are NAN where it has no process, or one ended in between: its share is lost.
	double wall_s, tunnel_cpu_s, machine_cpu_s, idle_tunnels_cpu_s, foreign_cpu_s, kernel_cpu_s;
	double steal_s, pressure_s, switches_per_s, harness_cpu_s;
	double foreign_share, steal_share; // of the machine: wall time times CPUs
	double traffic_share;              // likewise, by ACCOUNTING_PACKET_S
	// The heaviest of the foreign processes, quoted, or those that ended meanwhile where
	// together they are heavier, since nobody knows their names; "": there is none.
	char culprit[PROCESSES_NAME_BYTES];
	double culprit_share; // of the machine
	bool steal_reported;
	uint64_t throttles;
	// NAN where the kernel doesn't tell. Retransmits are of both ends.
	double other_packets, tcp_retransmits;
};

void accounting_difference(struct accounting_result *, const struct accounting_snapshot *before,
                           const struct accounting_snapshot *after, unsigned cpus);

// The above, the drops of every queue, and how many packets the tunnels' own hold, for a trial's
// environment{}; a new object.
json_t *accounting_json(const struct accounting_result *, const struct accounting_snapshot *before,
                        const struct accounting_snapshot *after);

// Why the trial counts as contaminated, or NULL. The criterion never looks at a metric.
#define ACCOUNTING_LIMIT 0.02
#define ACCOUNTING_PACKET_S 1e-6 // about what the kernel takes to pass one packet
const char *accounting_contamination(const struct accounting_result *, char *reason, size_t bytes);

#endif
