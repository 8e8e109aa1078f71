// Google Benchmark (1.7) for C. Nothing of C++ shows here and nothing throws through: what the
// library would abort on is checked before, and errors are return values.
//
// A benchmark is described by a struct, and runs once for each combination of its arguments and
// thread counts, several times over while the library looks for the number of iterations:
//
//   static void run(struct cbenchmark_state *state, void *context)
//   {
//           while (cbenchmark_keep_running_batch(state, 1024))
//                   for (int i = 0; i < 1024; i++)
//                           ...
//   }
#ifndef WGBENCH_CBENCHMARK_H
#define WGBENCH_CBENCHMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CBENCHMARK_DIMENSIONS = 4, CBENCHMARK_THREADS = 8 };

struct cbenchmark_state; // of one thread in one run

// One argument: the `n` values, or where `values` is NULL the range low, then every power of
// `multiplier` in between, then high.
struct cbenchmark_dimension {
	const char *name; // shown before each value, or NULL
	const int64_t *values;
	size_t n;
	int64_t low, high;
	int multiplier; // at least 2; 0: 8
};

// The dimension of an array's values.
#define CBENCHMARK_VALUES(what, array)                                                             \
	{                                                                                          \
		.name = (what), .values = (array), .n = sizeof(array) / sizeof((array)[0])         \
	}

enum cbenchmark_time {
	CBENCHMARK_CPU_TIME,  // of the measuring thread
	CBENCHMARK_REAL_TIME, // what passes; for several threads
	CBENCHMARK_PROCESS_CPU_TIME,
	CBENCHMARK_MANUAL_TIME, // what cbenchmark_set_iteration_time() says
};

enum cbenchmark_order {
	CBENCHMARK_NO_ORDER,
	CBENCHMARK_O_1,
	CBENCHMARK_O_N,
	CBENCHMARK_O_N_SQUARED,
	CBENCHMARK_O_N_CUBED,
	CBENCHMARK_O_LOG_N,
	CBENCHMARK_O_N_LOG_N,
	CBENCHMARK_O_AUTO, // the best of these for the CPU time, by least squares
	CBENCHMARK_O_FUNCTION,
};

// All texts and arrays are copied.
struct cbenchmark {
	const char *name;
	void (*run)(struct cbenchmark_state *, void *context); // by each thread
	void *context;
	// By the first thread, before all others run and after all have ended; either may be NULL.
	// A set-up that calls cbenchmark_skip() keeps them from running. Not timed.
	void (*setup)(struct cbenchmark_state *, void *context);
	void (*teardown)(struct cbenchmark_state *, void *context);
	struct cbenchmark_dimension dimension[CBENCHMARK_DIMENSIONS]; // those with values
	int threads[CBENCHMARK_THREADS];                              // 0 ends them; none: 1
	enum cbenchmark_time time;
	double min_time_s;  // 0: as --benchmark_min_time says
	int64_t iterations; // 0: as many as the time takes; excludes min_time_s
	enum cbenchmark_order order;
	double (*order_function)(int64_t n); // for CBENCHMARK_O_FUNCTION
};

// 0; -EINVAL or -ENOMEM with a line in `error`.
int cbenchmark_register(const struct cbenchmark *, char *error, size_t bytes);

// Takes the library's own options (--benchmark_...) out of argv. --help and a malformed value end
// the program.
void cbenchmark_initialize(int *argc, char **argv);

// A line in the context of the library's JSON. 0 or -ENOMEM.
int cbenchmark_add_context(const char *key, const char *value);

// Runs (or lists) what --benchmark_filter picks. How many benchmarks; -ENOMEM, or -EAGAIN where
// threads can't be made.
long cbenchmark_run(void);

// How many runs ended by cbenchmark_skip() so far.
unsigned long cbenchmark_skipped(void);

// Is told, in the thread concerned, when timing begins and ends, outside what is timed. begin()
// returns what the others get; NULL: nothing is observed.
struct cbenchmark_observer {
	void *(*begin)(void *context);
	void (*pause)(void *observed);
	void (*resume)(void *observed);
	void (*end)(void *observed, struct cbenchmark_state *, void *context);
	void *context;
};
void cbenchmark_observe(const struct cbenchmark_observer *);

// ---- within a run

// Whether another iteration, or a batch of n, is to be done. Each call costs some nanoseconds, so
// operations of that size go in batches. The first call of all threads begins the time, the one
// that returns false ends it. n > 0.
bool cbenchmark_keep_running(struct cbenchmark_state *);
bool cbenchmark_keep_running_batch(struct cbenchmark_state *, int64_t n);

// How many iterations this thread is to do: a batch of so many is the only one. For work that
// several threads share.
int64_t cbenchmark_planned(const struct cbenchmark_state *);

// How many it has done.
int64_t cbenchmark_iterations(const struct cbenchmark_state *);

// The value of dimension `i`; 0 where there is none.
int64_t cbenchmark_argument(const struct cbenchmark_state *, size_t i);

int cbenchmark_threads(const struct cbenchmark_state *);
int cbenchmark_thread(const struct cbenchmark_state *); // from 0

// Within the loop only: else -EINVAL. A pause costs system calls.
int cbenchmark_pause_timing(struct cbenchmark_state *);
int cbenchmark_resume_timing(struct cbenchmark_state *);

// For CBENCHMARK_MANUAL_TIME: adds what this iteration (or batch) took.
void cbenchmark_set_iteration_time(struct cbenchmark_state *, double seconds);

// Ends this run as failed: it has no time, the message instead. The loop ends by itself.
void cbenchmark_skip(struct cbenchmark_state *, const char *message);

// All that follows: after the loop.

enum cbenchmark_counter {
	CBENCHMARK_TOTAL = 0, // summed over threads
	CBENCHMARK_RATE = 1,  // per second
	CBENCHMARK_AVERAGE_THREADS = 2,
	CBENCHMARK_AVERAGE_ITERATIONS = 4,
	CBENCHMARK_PER_ITERATION = 8, // times the iterations
	CBENCHMARK_INVERSE = 16,      // one divided by the above
};

// A counter of the user's own, by what it's divided (several, or-ed). 0 or -ENOMEM.
int cbenchmark_set_counter(struct cbenchmark_state *, const char *name, double value, int how);

int cbenchmark_set_items(struct cbenchmark_state *, int64_t items);
int cbenchmark_set_bytes(struct cbenchmark_state *, int64_t bytes);
void cbenchmark_set_complexity_n(struct cbenchmark_state *, int64_t n);
int cbenchmark_set_label(struct cbenchmark_state *, const char *);

#ifdef __cplusplus
}
#endif

#endif
