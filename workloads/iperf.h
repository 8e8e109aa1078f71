// iperf3 as the traffic generator of several workloads.
#ifndef WGBENCH_WORKLOADS_IPERF_H
#define WGBENCH_WORKLOADS_IPERF_H

#include <jansson.h>

#include "base/process.h"
#include "harness/plan/workload.h"

struct trial;

// One direction of traffic. All zeros where there was none; else bytes arrived, and NAN is what the
// protocol doesn't have: retransmits of UDP, jitter of TCP.
struct iperf_sums {
	double sent_bytes, received_bytes, seconds, retransmits, jitter_ms;
};

// What a client ended with.
struct iperf_said {
	const char *out, *err;
	int exit;
	json_t *facts; // gets what it says of itself and its flows, or NULL
	json_t *rates; // an array that gets the Gbit/s of each interval, both directions together,
	               // or NULL; as the client saw them
};

struct iperf_options {
	long flows;
	bool reverse, both, ipv6;
	long udp_mbit_per_s, udp_length; // rate 0: TCP
	unsigned duration_ms;
	unsigned omit_ms; // before it, running but not in the report
	bool keep_rates;  // as the trial's samples: Gbit/s of each TRIAL_RATE_STEP_MS
};

// Makes sure that the server of the context runs and listens, and starts a client on side 0. Notes
// in the trial what it sets of the system. 0 or -errno with the trial's reason set.
int iperf_start(struct process *, const struct workload_context *, const struct iperf_options *,
                struct trial *);

// Until side 0 has sent so many bytes more into the tunnel. 0; -ETIMEDOUT after 5 s, -errno.
int iperf_wait_loaded(const struct workload_context *, unsigned long long bytes);

// Waits for a client's end and reads its report: what was sent by the client is sums[0], by the
// server sums[1]. 0; -EIO with the trial's reason set; -EINTR. The client is gone afterwards, and
// after a failure so is the server, which may be stuck in the test.
int iperf_finish(struct process *, const struct workload_context *, const struct iperf_options *,
                 struct trial *, struct iperf_sums sums[2]);

// Reads such a report. 0; -EIO with the reason, which quotes what iperf3 said, in `reason`: it
// ended with an error, a number is missing or isn't one, or nothing arrived.
int iperf_parse(const struct iperf_said *, const struct iperf_options *, struct iperf_sums sums[2],
                char *reason, size_t bytes);

#endif
