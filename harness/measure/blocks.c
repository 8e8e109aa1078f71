// A block that was cut in its middle is done again whole, as a further attempt: half a block has no
// balanced order. With a budget, all workloads share the time block by block until each is decided
// at one of its looks, or the time is over.
#include "harness/measure/blocks.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "harness/machine/link_features.h"
#include "harness/plan/block_order.h"
#include "harness/measure/progress.h"
#include "harness/measure/run_trial.h"

enum { ATTEMPTS_MAX = 3 };

struct work {
	const struct plan *plan;
	blocks_decide *decide;
	struct session *session;
	struct store *store;
	struct blocks_result *result;
	struct progress progress;
	unsigned trials_per_block;
	unsigned repeats_left;                // of all blocks together
	unsigned starts;                      // of the tunnels, so far
	bool noted;                           // run.json has what is known of the tunnels
	double spent_s, began_s;              // of the budget, before this process; monotonic
	double longest_s;                     // of this process's blocks
	const char *ended[RUN_WORKLOADS_MAX]; // why a workload needs no more blocks, or NULL
};

// What the folder holds of one block of one workload.
struct history {
	unsigned next_attempt, whole; // attempts; those that have all their trials
	bool settled;                 // one of the whole ones is clean
};

static void recall(const struct work *w, unsigned block, const char *workload, struct history *h)
{
	*h = (struct history){0};
	for (bool more = true; more; h->next_attempt += more) {
		unsigned trials = 0, spoilt = 0;

		for (size_t i = 0; i < w->store->trials; i++) {
			const struct trial *t = &w->store->trial[i];

			if (t->block != block || t->attempt != h->next_attempt ||
			    strcmp(t->workload, workload))
				continue;
			trials++;
			spoilt += trial_spoils(t);
		}
		more = trials;
		h->whole += trials == w->trials_per_block;
		h->settled |= trials == w->trials_per_block && !spoilt;
	}
}

// Takes `found` into a tunnel's row of run.json, or says that it isn't what the row has. Whether
// the row is changed.
static bool note(json_t *row, const char *what, json_t *found)
{
	const json_t *known = json_object_get(row, what);

	if (!known) {
		json_object_set_new(row, what, found);
		return true;
	}
	if (!json_equal(known, found))
		fprintf(stderr, "wgbench: %s has other %s now than when the run began\n",
		        json_string_value(json_object_get(row, "spec")), what);
	json_decref(found);
	return false;
}

// Keeps in run.json which offloads each tunnel found when it was first started, and what the kernel
// says of its interfaces. That this can't be written is told, and no reason to stop.
static int note_tunnels(struct work *w)
{
	json_t *rows = json_object_get(w->store->run, "tunnels"), *row;
	bool changed = false;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const struct tunnel_process *t = &w->session->tunnel[i].process;
		json_t *status[2], *interfaces;
		int ret = tunnel_ask(t, status);

		if (ret)
			return ret;
		changed |=
		    note(row, "offloads",
		         json_pack("{sO? sO?}", "left", json_object_get(status[0], "offloads"),
		                   "right", json_object_get(status[1], "offloads")));
		json_decref(status[0]);
		json_decref(status[1]);
		interfaces = interface_tunnels(t->pair);
		if (process_signal()) { // which cut short what was asked
			json_decref(interfaces);
			return -EINTR;
		}
		changed |= note(row, "interfaces", interfaces);
	}
	if (changed)
		store_write_run(w->store);
	w->noted = true;
	return 0;
}

// The tunnels that change places: start s has tunnel t in pair (t + s) mod n. A start that fails
// may be the machine's doing, one that fails again is the tunnel's.
static int start(struct work *w)
{
	progress_clear(&w->progress);
	int ret = session_start(w->session, w->starts);
	if (ret == -EIO)
		ret = session_start(w->session, w->starts);
	w->starts += !ret;
	if (ret == -EIO) {
		w->result->faulty = w->session->started;
		snprintf(w->result->reason, sizeof(w->result->reason), "%s: it doesn't start",
		         w->plan->tunnel[w->session->started].spec);
	}
	return ret || w->noted ? ret : note_tunnels(w);
}

static int run_trial(struct work *w, struct trial *t, unsigned tunnel,
                     const struct workload_use *use, unsigned block, unsigned position,
                     unsigned attempt)
{
	int ret = trial_run(t, w->session, tunnel, use, w->plan->duration_s);

	if (ret) {
		if (ret != -EINTR)
			fprintf(stderr, "wgbench: a trial cannot be accounted: %s\n",
			        strerror(-ret));
		return ret;
	}
	t->block = block;
	t->position = position;
	t->attempt = attempt;
	t->start = w->starts - 1;
	t->build = t->start % w->session->tunnel[tunnel].builds;
	ret = store_append(w->store, t);
	w->result->trials += !ret;
	if (ret && ret != -ENOSPC && ret != -EDQUOT && ret != -EFBIG)
		fprintf(stderr, "wgbench: %s: a trial cannot be appended: %s\n", w->store->dir,
		        strerror(-ret));
	return ret;
}

// What an attempt came to: all but `spoilt` is of the worst of its trials.
struct attempted {
	enum trial_status status;
	bool spoilt;
	unsigned tunnel;
	char reason[520];
};

static void add_trial(struct attempted *o, const struct work *w, const struct trial *t)
{
	o->spoilt |= trial_spoils(t);
	if (t->status <= o->status)
		return;
	o->status = t->status;
	o->tunnel = t->tunnel;
	snprintf(o->reason, sizeof(o->reason), "%s: %s", w->plan->tunnel[t->tunnel].spec,
	         t->reason);
}

// Of a block's last attempt. Whether it failed.
static bool note_failure(struct work *w, const struct attempted *o)
{
	if (o->status != TRIAL_FAILED)
		return false;
	if (!w->result->failed++) {
		w->result->faulty = o->tunnel;
		snprintf(w->result->reason, sizeof(w->result->reason), "%s", o->reason);
	}
	return true;
}

static int attempt(struct work *w, unsigned block, const struct workload_use *use, unsigned n,
                   struct attempted *o)
{
	unsigned order[2 * RUN_TUNNELS_MAX];
	struct trial *t = calloc(1, sizeof(*t));
	int ret = t ? 0 : -ENOMEM;

	*o = (struct attempted){0};
	order_block(order, w->plan->tunnels, block, w->plan->seed);
	for (unsigned i = 0; !ret && i < w->trials_per_block; i++) {
		progress_show(&w->progress, block, use->name, i, w->trials_per_block, n);
		ret = run_trial(w, t, order[i], use, block, i, n);
		if (!ret)
			add_trial(o, w, t);
		if (!ret && t->status == TRIAL_FAILED && !session_alive(w->session))
			ret = start(w);
		if (t)
			trial_free(t);
	}
	free(t);
	return ret;
}

static int run_block(struct work *w, unsigned block, const struct workload_use *use)
{
	struct attempted o = {0};
	struct history h;
	char note[600] = "";
	int ret = 0;

	recall(w, block, use->name, &h);
	while (!ret && !h.settled && h.whole < ATTEMPTS_MAX && (!h.whole || w->repeats_left)) {
		w->repeats_left -= h.whole > 0;
		ret = attempt(w, block, use, h.next_attempt++, &o);
		h.whole++;
		h.settled = !o.spoilt;
	}
	if (ret)
		return ret;
	if (!note_failure(w, &o) && o.spoilt)
		w->result->contaminated++;
	if (o.status)
		snprintf(note, sizeof(note), "%s: %s", trial_status_names[o.status], o.reason);
	progress_finish(&w->progress, block, use->name, note);
	return 0;
}

static bool needed(const struct work *w, unsigned block)
{
	for (size_t i = 0; i < w->plan->workloads; i++) {
		struct history h;

		if (w->ended[i])
			continue;
		recall(w, block, w->plan->workload[i].name, &h);
		if (!h.settled && h.whole < ATTEMPTS_MAX)
			return true;
	}
	return false;
}

// ---- when to stop

static const char decided[] = "decided", out_of_time[] = "budget", all_done[] = "blocks",
                  one_failed[] = "failed";

static double left_s(const struct work *w)
{
	return w->plan->budget_s - w->spent_s - (clock_s() - w->began_s);
}

static bool all_ended(const struct work *w)
{
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (!w->ended[i])
			return false;
	return true;
}

static void end_all(struct work *w, const char *why)
{
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (!w->ended[i])
			w->ended[i] = why;
}

static int note_end(struct work *w)
{
	json_t *ended = json_object();

	for (size_t i = 0; i < w->plan->workloads; i++)
		if (w->ended[i])
			json_object_set_new(ended, w->plan->workload[i].name,
			                    json_string(w->ended[i]));
	json_object_set_new(w->store->run, "ended", ended);
	json_object_set_new(w->store->run, "trials", json_integer(w->result->trials));
	return store_write_run(w->store);
}

// Ends the workloads that are decided.
static int look(struct work *w)
{
	bool decided_now[RUN_WORKLOADS_MAX] = {0};
	int ret = w->decide(w->plan, w->store->dir, decided_now);

	if (ret)
		return ret;
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (!w->ended[i] && decided_now[i])
			w->ended[i] = decided;
	return note_end(w);
}

// One block of every workload that goes on, by tunnels started for it: starts differ from one
// another (0.5 % of CPU cost seen), and so their differences are part of the blocks' own.
static int run_round(struct work *w, unsigned block)
{
	const struct plan *p = w->plan;
	int ret = start(w);

	for (size_t i = 0; !ret && i < p->workloads; i++) {
		double began_s = clock_s();

		if (w->ended[i])
			continue;
		if (p->budget_s > 0 && left_s(w) < w->longest_s) {
			end_all(w, out_of_time);
			break;
		}
		ret = run_block(w, block, &p->workload[i]);
		w->longest_s = fmax(w->longest_s, clock_s() - began_s);
	}
	return ret;
}

// The failure that such a run was, or would have been, ended by: of a block whose recorded attempts
// are all that there may be.
static void recall_failure(struct work *w, bool ended)
{
	const struct plan *p = w->plan;

	for (unsigned i = 0; i < p->blocks * p->workloads && !w->result->failed; i++) {
		unsigned block = i / p->workloads;
		const char *workload = p->workload[i % p->workloads].name;
		struct attempted o = {0};
		struct history h;

		recall(w, block, workload, &h);
		if (h.settled || !h.whole || (!ended && h.whole < ATTEMPTS_MAX))
			continue;
		for (size_t j = 0; j < w->store->trials; j++) {
			const struct trial *t = &w->store->trial[j];

			if (t->block == block && t->attempt + 1 == h.next_attempt &&
			    !strcmp(t->workload, workload))
				add_trial(&o, w, t);
		}
		note_failure(w, &o);
	}
	if (w->result->failed)
		end_all(w, one_failed);
}

// What run.json says of a run that was interrupted, and what its trials took.
static void resume(struct work *w)
{
	json_t *ended = json_object_get(w->store->run, "ended");
	static const char *const reasons[] = {decided, out_of_time, all_done};
	bool failed = false;

	for (size_t i = 0; i < w->store->trials; i++) {
		const struct trial *t = &w->store->trial[i];

		w->spent_s += t->duration_ns * 1e-9;
		if (t->start >= w->starts)
			w->starts = t->start + 1;
	}
	if (store_lost(w->store))
		return; // an end that was reached is no more
	for (size_t i = 0; i < w->plan->workloads; i++)
		for (size_t r = 0; r < sizeof(reasons) / sizeof(*reasons); r++) {
			const char *why =
			    json_string_value(json_object_get(ended, w->plan->workload[i].name));

			failed |= why && !strcmp(why, one_failed);
			if (why && !strcmp(why, reasons[r]))
				w->ended[i] = reasons[r];
		}
	if (w->plan->between)
		recall_failure(w, failed);
}

int blocks_run(const struct plan *p, struct session *s, struct store *st, blocks_decide *decide,
               struct blocks_result *r)
{
	unsigned total = p->blocks * p->workloads;
	struct work w = {
	    .plan = p,
	    .decide = decide,
	    .session = s,
	    .store = st,
	    .result = r,
	    .trials_per_block = p->tunnels * ORDER_TRIALS_PER_TUNNEL,
	    .repeats_left = (total + 1) / 2,
	    .began_s = clock_s(),
	};
	int ret = 0;

	*r = (struct blocks_result){.trials = st->trials, .faulty = -1};
	resume(&w);
	progress_begin(&w.progress, total, p->blocks, p->budget_s > 0 ? left_s(&w) : 0);
	for (unsigned b = 0; !ret && b < p->blocks && !all_ended(&w); b++) {
		if (needed(&w, b))
			ret = run_round(&w, b);
		else
			progress_skip(&w.progress, p->workloads);
		if (p->between && r->failed)
			end_all(&w, one_failed);
		if (!ret && looks_due(&p->looks, b + 1))
			ret = look(&w);
	}
	progress_clear(&w.progress);
	if (!ret) {
		end_all(&w, all_done);
		ret = note_end(&w);
	}
	return ret;
}
