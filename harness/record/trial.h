// A trial: one line of trials.jsonl. trial.c has its rows, which say what each field must be.
#ifndef WGBENCH_RECORD_TRIAL_H
#define WGBENCH_RECORD_TRIAL_H

#include "harness/record/run.h"

enum trial_status { TRIAL_OK, TRIAL_CONTAMINATED, TRIAL_GENERATOR_LIMITED, TRIAL_FAILED };
extern const char *const trial_status_names[];

enum { TRIAL_RATE_STEP_MS = 100 };

// What was measured of a metric, which is the run's or the workload's.
struct value {
	const struct metric *metric;
	double value;
};

struct field;

struct trial_counter {
	char *name;
	uint64_t n;
};
extern const struct field trial_counter_row; // the row of each in a map of them

// What a tunnel of ours counted at one end meanwhile. NAN and NULL: it didn't tell.
struct trial_end {
	json_t *rest;
	double tun_reads, udp_sends, tun_writes, udp_receives, epoll_waits; // per packet
	double tx_batch, rx_batch;                                          // packets in a batch
	size_t counters;
	struct trial_counter *counter; // all that it has
	json_t *offloads;              // at the end
};

struct trial {
	unsigned block;    // from 0
	unsigned position; // within the block, from 0
	unsigned start;    // which start of the tunnels this block belongs to, from 0
	unsigned build;    // which of the layouts that each tunnel was linked in, from 0
	unsigned attempt;  // of the block, from 0; a contaminated block is repeated whole
	unsigned tunnel;   // of the run
	char workload[RUN_WORKLOAD_BYTES + 1]; // canonical, with parameters: "tcp:flows=1"
	json_t *parameters;
	uint64_t start_ns; // CLOCK_REALTIME
	uint64_t duration_ns;
	enum trial_status status;
	char reason[256];
	size_t values;
	struct value value[RUN_MEASURES_MAX];
	json_t *samples; // raw: delays in µs, rates in Gbit/s of each TRIAL_RATE_STEP_MS, or what
	                 // the workload says; or NULL
	json_t *environment; // steal, foreign CPU, PSI, ...: for the reader

	// Of the environment, what is asked of it.
	double tunnel_cpu_s, machine_cpu_s; // NAN: not known
	char *congestion;                   // TCP's congestion control, or NULL
	char *offload_change, *contamination;
	struct trial_end end[2]; // left, right
};

// One of which nothing is known yet.
void trial_init(struct trial *);
void trial_free(struct trial *);

// A line with its newline, owned by the caller; NULL: trial_decode() wouldn't take it.
char *trial_encode(const struct trial *, const struct run *);

// Fills a trial, which the caller frees, also on failure. Its metrics are the run's; an old line,
// which has unit and direction of each value in it, makes them known to the run. 0; -EINVAL with
// what is wrong in `fault`.
int trial_decode(struct trial *, struct run *, const char *line, size_t length, struct text *fault);

const struct value *trial_value(const struct trial *, const char *metric); // NULL: not measured

// Fails a trial with a metric of 0 that is judged: a verdict is a ratio, so such a one says that
// the tunnel has stalled, or that nothing was measured. It is never a best value.
void trial_fail_stalled(struct trial *);

// Whether its block is to be repeated: the trial failed, or was contaminated, also where its status
// says that the generator was too slow, which may well be the reason.
bool trial_spoils(const struct trial *);

// For qsort() of pointers to trials: by workload, block, attempt, position.
int trial_order_by_place(const void *, const void *);

// NAN: the end didn't tell. Packets: sent and received.
double trial_end_count(const struct trial_end *, const char *counter);
double trial_end_packets(const struct trial_end *);

#endif
