#include "workloads/micro/cbenchmark.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>

namespace
{

struct cbenchmark_observer observer;
std::atomic<unsigned long> skipped;

// What the library's own Setup and Teardown can't do, as they are told neither a context nor of
// errors: the other threads wait for the first one before they run, and it for them afterwards.
struct registered {
	struct cbenchmark entry;
	size_t arguments;
	std::mutex lock;
	std::condition_variable changed;
	bool ready = false, usable = false;
	int ended = 0;
};

} // namespace

struct cbenchmark_state {
	benchmark::State &state;
	size_t arguments;
	void *observed;
	bool started, paused, finished;
};

namespace
{

void begin_observing(struct cbenchmark_state *s)
{
	s->observed = observer.begin ? observer.begin(observer.context) : nullptr;
	s->started = true;
}

void finish(struct cbenchmark_state *s)
{
	if (s->finished)
		return;
	s->finished = true;
	if (s->observed)
		observer.end(s->observed, s, observer.context);
}

// The library takes an end before the loop's as its user's mistake, and aborts.
void run_thread(struct registered *r, struct cbenchmark_state *s)
{
	r->entry.run(s, r->entry.context);
	if (!s->finished && !s->state.error_occurred())
		cbenchmark_skip(s, "it returned before its loop had ended");
	finish(s);
}

void begin(struct registered *r, struct cbenchmark_state *s)
{
	std::unique_lock<std::mutex> guard(r->lock);

	if (s->state.thread_index()) {
		r->changed.wait(guard, [r] { return r->ready; });
		return;
	}
	if (r->entry.setup)
		r->entry.setup(s, r->entry.context);
	r->usable = !s->state.error_occurred();
	r->ready = true;
	r->changed.notify_all();
}

void end(struct registered *r, struct cbenchmark_state *s)
{
	std::unique_lock<std::mutex> guard(r->lock);

	r->ended++;
	r->changed.notify_all();
	if (s->state.thread_index())
		return;
	r->changed.wait(guard, [r, s] { return r->ended == s->state.threads(); });
	r->ready = false;
	r->ended = 0;
	if (r->entry.teardown)
		r->entry.teardown(s, r->entry.context);
}

void run(struct registered *r, benchmark::State &state)
{
	struct cbenchmark_state s = {state, r->arguments, nullptr, false, false, false};

	begin(r, &s);
	if (r->usable)
		run_thread(r, &s);
	else if (!state.error_occurred())
		state.SkipWithError("its set-up failed");
	end(r, &s);
	if (!state.thread_index() && state.error_occurred())
		skipped++;
}

// ---- registration

int refuse(const struct cbenchmark *entry, const char *what, char *error, size_t bytes)
{
	snprintf(error, bytes, "benchmark '%s': %s", entry->name ? entry->name : "", what);
	return -EINVAL;
}

bool used(const struct cbenchmark_dimension *d)
{
	return d->values || d->n || d->low || d->high;
}

const char *check_dimension(const struct cbenchmark_dimension *d)
{
	if (d->values || d->n)
		return d->values && d->n ? nullptr : "a list of arguments is empty";
	if (d->low > d->high || d->low < 0)
		return "a range's ends must be 0 <= low <= high";
	return d->multiplier && d->multiplier < 2 ? "a range's multiplier must be at least 2"
	                                          : nullptr;
}

const char *check(const struct cbenchmark *entry)
{
	bool last = false;

	if (!entry->name || !*entry->name || !entry->run)
		return "it needs a name and a function";
	for (const struct cbenchmark_dimension &d : entry->dimension) {
		if (!used(&d)) {
			last = true;
			continue;
		}
		if (last)
			return "a dimension is left out";
		if (const char *wrong = check_dimension(&d))
			return wrong;
	}
	for (int threads : entry->threads)
		if (threads < 0)
			return "a number of threads must be positive";
	if (entry->min_time_s < 0 || entry->iterations < 0)
		return "time and iterations must be positive";
	if (entry->min_time_s > 0 && entry->iterations)
		return "it takes a time or iterations, not both";
	if ((entry->order == CBENCHMARK_O_FUNCTION) != !!entry->order_function)
		return "CBENCHMARK_O_FUNCTION and the function go together";
	return nullptr;
}

// How many dimensions there are.
size_t set_arguments(benchmark::internal::Benchmark *b, const struct cbenchmark *entry)
{
	std::vector<std::vector<int64_t>> product;
	std::vector<std::string> names;

	for (const struct cbenchmark_dimension &d : entry->dimension) {
		if (!used(&d))
			break;
		product.push_back(d.values ? std::vector<int64_t>(d.values, d.values + d.n)
		                           : benchmark::CreateRange(
		                                 d.low, d.high, d.multiplier ? d.multiplier : 8));
		names.push_back(d.name ? d.name : "");
	}
	if (!product.empty())
		b->ArgsProduct(product)->ArgNames(names);
	return product.size();
}

void set_time(benchmark::internal::Benchmark *b, const struct cbenchmark *entry)
{
	switch (entry->time) {
	case CBENCHMARK_CPU_TIME:
		break;
	case CBENCHMARK_REAL_TIME:
		b->UseRealTime();
		break;
	case CBENCHMARK_PROCESS_CPU_TIME:
		b->MeasureProcessCPUTime();
		break;
	case CBENCHMARK_MANUAL_TIME:
		b->UseManualTime();
		break;
	}
	if (entry->min_time_s > 0)
		b->MinTime(entry->min_time_s);
	if (entry->iterations)
		b->Iterations(entry->iterations);
}

void set_order(benchmark::internal::Benchmark *b, const struct cbenchmark *entry)
{
	static const benchmark::BigO orders[] = {
	    benchmark::oNone,   benchmark::o1,    benchmark::oN,     benchmark::oNSquared,
	    benchmark::oNCubed, benchmark::oLogN, benchmark::oNLogN, benchmark::oAuto,
	};

	if (entry->order == CBENCHMARK_O_FUNCTION)
		b->Complexity(entry->order_function);
	else if (entry->order != CBENCHMARK_NO_ORDER)
		b->Complexity(orders[entry->order]);
}

// Runs `what`, and turns what the C++ library throws into an errno.
template <typename F> long caught(F what)
{
	try {
		return what();
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (const std::system_error &) {
		return -EAGAIN;
	} catch (...) {
		return -EINVAL;
	}
}

} // namespace

int cbenchmark_register(const struct cbenchmark *entry, char *error, size_t bytes)
{
	if (const char *wrong = check(entry))
		return refuse(entry, wrong, error, bytes);
	int ret = caught([entry] {
		auto r = std::make_shared<registered>(); // goes with the library's benchmark
		r->entry = *entry;
		auto *b = benchmark::RegisterBenchmark(
		    entry->name, [r](benchmark::State &state) { run(r.get(), state); });
		r->arguments = set_arguments(b, entry);
		set_time(b, entry);
		set_order(b, entry);
		for (int threads : entry->threads) {
			if (!threads)
				break;
			b->Threads(threads);
		}
		return 0;
	});
	if (ret)
		snprintf(error, bytes, "benchmark '%s': out of memory", entry->name);
	return ret;
}

void cbenchmark_initialize(int *argc, char **argv)
{
	benchmark::Initialize(argc, argv);
}

int cbenchmark_add_context(const char *key, const char *value)
{
	return caught([=] {
		benchmark::AddCustomContext(key, value);
		return 0;
	});
}

long cbenchmark_run(void)
{
	return caught([] { return (long)benchmark::RunSpecifiedBenchmarks(); });
}

unsigned long cbenchmark_skipped(void)
{
	return skipped;
}

void cbenchmark_observe(const struct cbenchmark_observer *o)
{
	observer = *o;
}

// ---- within a run

bool cbenchmark_keep_running_batch(struct cbenchmark_state *s, int64_t n)
{
	if (__builtin_expect(!s->started, false))
		begin_observing(s);
	if (__builtin_expect(s->paused, false))
		cbenchmark_resume_timing(s);
	if (__builtin_expect(!s->finished && s->state.KeepRunningBatch(n), true))
		return true;
	finish(s);
	return false;
}

bool cbenchmark_keep_running(struct cbenchmark_state *s)
{
	return cbenchmark_keep_running_batch(s, 1);
}

int64_t cbenchmark_planned(const struct cbenchmark_state *s)
{
	return s->state.max_iterations;
}

int64_t cbenchmark_iterations(const struct cbenchmark_state *s)
{
	return s->state.iterations();
}

int64_t cbenchmark_argument(const struct cbenchmark_state *s, size_t i)
{
	return i < s->arguments ? s->state.range(i) : 0;
}

int cbenchmark_threads(const struct cbenchmark_state *s)
{
	return s->state.threads();
}

int cbenchmark_thread(const struct cbenchmark_state *s)
{
	return s->state.thread_index();
}

int cbenchmark_pause_timing(struct cbenchmark_state *s)
{
	if (!s->started || s->paused || s->finished || s->state.error_occurred())
		return -EINVAL;
	s->state.PauseTiming();
	s->paused = true;
	if (s->observed)
		observer.pause(s->observed);
	return 0;
}

int cbenchmark_resume_timing(struct cbenchmark_state *s)
{
	if (!s->paused)
		return -EINVAL;
	s->paused = false;
	if (s->state.error_occurred())
		return -EINVAL;
	if (s->observed)
		observer.resume(s->observed);
	s->state.ResumeTiming();
	return 0;
}

void cbenchmark_set_iteration_time(struct cbenchmark_state *s, double seconds)
{
	s->state.SetIterationTime(seconds);
}

void cbenchmark_skip(struct cbenchmark_state *s, const char *message)
{
	s->state.SkipWithError(message);
}

int cbenchmark_set_counter(struct cbenchmark_state *s, const char *name, double value, int how)
{
	using benchmark::Counter;
	static const struct {
		int how;
		Counter::Flags flag;
	} flags[] = {
	    {CBENCHMARK_RATE, Counter::kIsRate},
	    {CBENCHMARK_AVERAGE_THREADS, Counter::kAvgThreads},
	    {CBENCHMARK_AVERAGE_ITERATIONS, Counter::kAvgIterations},
	    {CBENCHMARK_PER_ITERATION, Counter::kIsIterationInvariant},
	    {CBENCHMARK_INVERSE, Counter::kInvert},
	};

	return caught([=] {
		int all = Counter::kDefaults;
		for (const auto &f : flags)
			all |= how & f.how ? (int)f.flag : 0;
		s->state.counters[name] = Counter(value, (Counter::Flags)all);
		return 0;
	});
}

int cbenchmark_set_items(struct cbenchmark_state *s, int64_t items)
{
	return caught([=] {
		s->state.SetItemsProcessed(items);
		return 0;
	});
}

int cbenchmark_set_bytes(struct cbenchmark_state *s, int64_t bytes)
{
	return caught([=] {
		s->state.SetBytesProcessed(bytes);
		return 0;
	});
}

void cbenchmark_set_complexity_n(struct cbenchmark_state *s, int64_t n)
{
	s->state.SetComplexityN(n);
}

int cbenchmark_set_label(struct cbenchmark_state *s, const char *label)
{
	return caught([=] {
		s->state.SetLabel(label);
		return 0;
	});
}
