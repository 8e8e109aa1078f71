// wgbench-traffic as the generator of a workload: a receiver and a sender for each piece of
// traffic.
#ifndef WGBENCH_WORKLOADS_GENERATOR_H
#define WGBENCH_WORKLOADS_GENERATOR_H

#include <stdbool.h>
#include <stddef.h>

struct trial;
struct workload_context;

struct generator_options {
	double rate_pps;
	long size_bytes; // of UDP payload
	long segments;   // per send (UDP_SEGMENT), and the receiver joins them (UDP_GRO); 1: none
	bool ipv6;
	unsigned duration_ms;
};

struct generator_result {
	double planned, sent, received, socket_drops; // packets
	double seconds, cpu_s;                        // of both programs
	double delay_p50_us, delay_p99_us;            // from the intended send time
};

// From side 0 to side 1. 0; -EIO with the trial's status and reason set; -EINTR. No process stays.
int generator_run(const struct workload_context *, const struct generator_options *, struct trial *,
                  struct generator_result *);

// Reads the two reports. 0; -EIO with the reason in `reason`.
int generator_parse(const char *sent, const char *received, struct generator_result *, char *reason,
                    size_t bytes);

// The share of what was sent that the tunnel lost, 0..1; what the receiver's socket dropped isn't.
double generator_loss(const struct generator_result *);

// Whether the generator fell short: it sent too little, or its receiver dropped too much.
bool generator_limited(const struct generator_result *);

#endif
