// A block that was cut in its middle is done again whole, as a further attempt: half a block has no
// balanced order. With a budget, all workloads share the time block by block until each is decided
// at one of its analyses, or the time is over.
#include "harness/measure/blocks.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
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
	unsigned repeats_left;   // of all blocks together
	unsigned starts;         // of the tunnels, so far
	bool noted;              // run.json has what is known of the tunnels
	double spent_s, began_s; // of the budget, before this process; monotonic
	double longest_s;        // of this process's blocks
	enum end_reason ended[RUN_WORKLOADS_MAX];
	unsigned
	    judged[RUN_WORKLOADS_MAX]; // blocks of an end that was judged: they stay as they are
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

// Keeps what was found of a tunnel, which is given up, or says that it isn't what is known. Whether
// it is kept.
static bool note(const char *spec, const char *what, json_t **known, json_t *found)
{
	if (!*known) {
		*known = found;
		return found;
	}
	if (!json_equal(*known, found))
		fprintf(stderr, "wgbench: %s has other %s now than when the run began\n", spec,
		        what);
	json_decref(found);
	return false;
}

// Keeps in run.json which offloads each tunnel found when it was first started, and what the kernel
// says of its interfaces. That this can't be written is told, and no reason to stop.
static int note_tunnels(struct work *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->session->tunnels; i++) {
		const struct tunnel_process *t = &w->session->tunnel[i].process;
		struct run_tunnel *row = &w->store->run.tunnel[i];
		struct tunnel_status status[2];
		json_t *interfaces;
		int ret = tunnel_ask(t, status);

		if (ret)
			return ret;
		for (int end = 0; end < 2; end++) {
			changed |= note(row->spec, "offloads", &row->offloads[end],
			                json_incref(status[end].offloads));
			tunnel_status_free(&status[end]);
		}
		interfaces = interface_tunnels(t->pair);
		if (process_signal()) { // which cut short what was asked
			json_decref(interfaces);
			return -EINTR;
		}
		changed |= note(row->spec, "interfaces", &row->interfaces, interfaces);
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
	struct trial t;
	int ret = 0;

	*o = (struct attempted){0};
	order_block(order, w->plan->tunnels, block, w->plan->seed);
	for (unsigned i = 0; !ret && i < w->trials_per_block; i++) {
		progress_show(&w->progress, block, use->name, i, w->trials_per_block, n);
		ret = run_trial(w, &t, order[i], use, block, i, n);
		if (!ret)
			add_trial(o, w, &t);
		if (!ret && t.status == TRIAL_FAILED && !session_alive(w->session))
			ret = start(w);
		trial_free(&t);
	}
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

		if (w->ended[i] != END_NONE || block < w->judged[i])
			continue;
		recall(w, block, w->plan->workload[i].name, &h);
		if (!h.settled && h.whole < ATTEMPTS_MAX)
			return true;
	}
	return false;
}

// ---- when to stop

static double left_s(const struct work *w)
{
	return w->plan->budget_s - w->spent_s - (clock_s() - w->began_s);
}

static bool all_ended(const struct work *w)
{
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (w->ended[i] == END_NONE)
			return false;
	return true;
}

static void end_all(struct work *w, enum end_reason why)
{
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (w->ended[i] == END_NONE)
			w->ended[i] = why;
}

static int note_end(struct work *w)
{
	struct run *run = &w->store->run;

	for (size_t i = 0; i < w->plan->workloads; i++)
		run_set_end(run, w->plan->workload[i].name, w->ended[i]);
	run->trials = w->store->trials;
	return store_write_run(w->store);
}

// Ends the workloads that are decided.
static int analyse(struct work *w)
{
	bool decided_now[RUN_WORKLOADS_MAX] = {0};
	int ret = w->decide(w->plan, w->store, decided_now);

	if (ret)
		return ret;
	for (size_t i = 0; i < w->plan->workloads; i++)
		if (w->ended[i] == END_NONE && decided_now[i])
			w->ended[i] = END_DECIDED;
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

		if (w->ended[i] != END_NONE || block < w->judged[i])
			continue;
		if (p->budget_s > 0 && left_s(w) < w->longest_s) {
			end_all(w, END_BUDGET);
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
		end_all(w, END_FAILED);
}

// What run.json says of a run that was interrupted, and what its trials took.
static void resume(struct work *w)
{
	bool failed = false;

	for (size_t i = 0; i < w->store->trials; i++) {
		const struct trial *t = &w->store->trial[i];

		w->spent_s += t->duration_ns * 1e-9;
		if (t->start >= w->starts)
			w->starts = t->start + 1;
	}
	for (size_t i = 0; i < w->plan->workloads; i++) {
		const struct run *run = &w->store->run;
		enum end_reason end = run_end_of(run, w->plan->workload[i].name);

		if (run->times_extended)
			w->judged[i] = run_extended_at(&run->extension[run->times_extended - 1],
			                               w->plan->workload[i].name);
		failed |= end == END_FAILED;
		// An end that was reached is no more where trials were lost; a failure is found
		// anew.
		w->ended[i] = store_lost(w->store) || end == END_FAILED ? END_NONE : end;
	}
	if (w->plan->between && !store_lost(w->store))
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

	*r = (struct blocks_result){.faulty = -1};
	resume(&w);
	progress_begin(&w.progress, total, p->blocks, p->budget_s > 0 ? left_s(&w) : 0);
	for (unsigned b = 0; !ret && b < p->blocks && !all_ended(&w); b++) {
		if (needed(&w, b))
			ret = run_round(&w, b);
		else
			progress_skip(&w.progress, p->workloads);
		if (p->between && r->failed)
			end_all(&w, END_FAILED);
		if (!ret && interim_due(&p->analyses, b + 1))
			ret = analyse(&w);
	}
	progress_clear(&w.progress);
	if (!ret) {
		end_all(&w, END_BLOCKS);
		ret = note_end(&w);
	}
	return ret;
}
