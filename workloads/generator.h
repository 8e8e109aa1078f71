// wgbench-traffic as the generator of a workload: a receiver and a sender for each piece of
// traffic.
#ifndef WGBENCH_WORKLOADS_GENERATOR_H
#define WGBENCH_WORKLOADS_GENERATOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct argv;
struct process;
struct rate_search;
struct trial;
struct workload_context;

struct generator_options {
	double rate_pps;
	long size_bytes; // of UDP payload
	long segments;   // per send (UDP_SEGMENT), and the receiver joins them (UDP_GRO); 1: none
	bool ipv6;
	unsigned duration_ms;
	bool keep_delays;    // all of them as the trial's samples: [[ns, packets], ...]
	const char *aside;   // address that gets a share of the packets instead; NULL: none does
	long aside_ppm;      // that share
	int nice;            // of both programs
	unsigned silence_ms; // of the network, after which no more is awaited; 0: 1000
};

struct generator_result {
	double planned, sent, aside, received, socket_drops; // packets; sent has those aside in it
	double in_window;      // packets that arrived while the sender was to send
	double seconds, cpu_s; // of both programs
	// From the intended send time; NAN where nothing arrived.
	double delay_p50_us, delay_p99_us, delay_p999_us, delay_max_us;
};

// From side 0 to side 1. 0; -EIO with the trial's status and reason set; -EINTR. No process stays.
int generator_run(const struct workload_context *, const struct generator_options *, struct trial *,
                  struct generator_result *);

// For what else wgbench-traffic does: begins its arguments, 0 or -errno; waits until it has said
// "ready", and until its end, 0 or -EIO with the trial's status and reason set, -EINTR.
int generator_name(struct argv *, const char *role);
int generator_wait_ready(struct process *, struct trial *);
int generator_wait_end(struct process *, struct trial *, unsigned timeout_ms);

// Searches the highest rate that loses no more than `loss_bound`, trial by trial as the options
// say; what each gave becomes the trial's samples. As above; the options are left with the last
// rate.
int generator_search(const struct workload_context *, struct generator_options *, double loss_bound,
                     struct trial *, struct rate_search *);

// Reads the two reports; `delays`, NULL for not wanted, becomes the list of them, or NULL. 0; -EIO
// with the reason in `reason`.
int generator_parse(const char *sent, const char *received, struct generator_result *,
                    json_t **delays, char *reason, size_t bytes);

// The share of what was sent that the tunnel lost, 0..1; what the receiver's socket dropped isn't.
double generator_loss(const struct generator_result *);

// Whether the generator fell short: it sent too little, or its receiver dropped too much.
bool generator_limited(const struct generator_result *);

#endif
