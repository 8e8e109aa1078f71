#include "harness/machine/busy.h"

#include <stdio.h>
#include <time.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "harness/machine/processes.h"

enum { HEAVIEST = 3, WATCH_NS = 500000000 };

struct use {
	const struct processes_row *row;
	uint64_t ns;
};

struct watch {
	struct processes before, after;
	double machine_ns; // time watched, of all CPUs
	uint64_t others_ns;
	struct use heaviest[HEAVIEST]; // in falling order; rows of `after`
};

// Keeps the heaviest.
static void rank(struct use *heaviest, struct use u)
{
	for (int i = 0; i < HEAVIEST; i++)
		if (u.ns > heaviest[i].ns) {
			struct use lighter = heaviest[i];

			heaviest[i] = u;
			u = lighter;
		}
}

static void sum_up(struct watch *w)
{
	const pid_t self = getpid();

	for (size_t i = 0; i < w->after.n; i++) {
		const struct processes_row *row = &w->after.row[i];

		if (processes_below(&w->after, row, &self, 1))
			continue;
		uint64_t ns = processes_spent_ns(row, w->before.row, w->before.n);
		w->others_ns += ns;
		rank(w->heaviest, (struct use){row, ns});
	}
}

// A signal may cut the time short, and is for the caller to see.
static int watch(struct watch *w)
{
	const struct timespec time = {.tv_nsec = WATCH_NS};
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	int ret = processes_read(&w->before);

	if (ret)
		return ret;
	nanosleep(&time, NULL);
	ret = processes_read(&w->after);
	w->machine_ns =
	    (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) * sysconf(_SC_NPROCESSORS_ONLN);
	if (!ret)
		sum_up(w);
	return ret;
}

static json_t *describe(const struct watch *w, struct text *line)
{
	json_t *object = json_pack("{sf s[]}", "share", w->others_ns / w->machine_ns, "heaviest");

	for (int i = 0; i < HEAVIEST && w->heaviest[i].ns; i++) {
		double share = w->heaviest[i].ns / w->machine_ns;
		char name[PROCESSES_NAME_BYTES];

		processes_quote_name(name, w->heaviest[i].row);
		text_add(line, "%s%s %.1f %%", i ? ", " : "", name, share * 100);
		json_array_append_new(json_object_get(object, "heaviest"),
		                      json_pack("{ss sf}", "name", name, "share", share));
	}
	return object;
}

json_t *busy_watch(double limit)
{
	struct watch *w = memory_new(1, sizeof(*w));
	json_t *object = json_null();
	struct text line = {0};

	if (!watch(w)) {
		object = describe(w, &line);
		if (w->others_ns > limit * w->machine_ns)
			fprintf(stderr,
			        "wgbench: others use %.1f %% of this machine, the heaviest: %s; a "
			        "quieter one gives clean blocks sooner\n",
			        100 * w->others_ns / w->machine_ns, text_string(&line));
	}
	text_free(&line);
	free(w);
	return object;
}
