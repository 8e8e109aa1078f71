// A block that was cut in its middle is done again whole, as a further attempt: half a block has no
// balanced order.
#include "harness/blocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/order.h"
#include "harness/progress.h"
#include "harness/trial.h"

enum { ATTEMPTS_MAX = 3 };

struct work {
	const struct plan *plan;
	struct session *session;
	struct store *store;
	struct blocks_result *result;
	struct progress progress;
	unsigned trials_per_block;
	unsigned repeats_left; // of all blocks together
	unsigned starts;       // of the tunnels, so far
	unsigned group;        // of blocks that share the present start
	bool started;
	bool noted; // run.json has the offloads
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

// Keeps in run.json which offloads each tunnel found when it was first started. A full disk is told
// where a trial has no room; each trial has them too.
static int note_offloads(struct work *w)
{
	json_t *rows = json_object_get(w->store->run, "tunnels"), *row;
	bool changed = false;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *status[2], *found, *known = json_object_get(row, "offloads");
		int ret = tunnel_ask(&w->session->tunnel[i].process, status);

		if (ret)
			return ret;
		found = json_pack("{sO? sO?}", "left", json_object_get(status[0], "offloads"),
		                  "right", json_object_get(status[1], "offloads"));
		json_decref(status[0]);
		json_decref(status[1]);
		if (known && !json_equal(known, found))
			fprintf(stderr,
			        "wgbench: %s has other offloads now than when the run began\n",
			        w->plan->tunnel[i].spec);
		changed |= !known;
		if (known)
			json_decref(found);
		else
			json_object_set_new(row, "offloads", found);
	}
	int ret = changed ? store_write_run(w->store) : 0;
	if (ret)
		fprintf(stderr, "wgbench: %s/run.json: offloads not noted: %s\n", w->store->dir,
		        strerror(-ret));
	w->noted = true;
	return 0;
}

// The tunnels that change places: start s has tunnel t in pair (t + s) mod n.
static int start(struct work *w, unsigned group)
{
	progress_clear(&w->progress);
	int ret = session_start(w->session, w->starts);
	w->started = !ret;
	w->group = group;
	w->starts += !ret;
	return ret || w->noted ? ret : note_offloads(w);
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
	ret = store_append(w->store, t);
	w->result->trials += !ret;
	if (ret && ret != -ENOSPC && ret != -EDQUOT && ret != -EFBIG)
		fprintf(stderr, "wgbench: %s: a trial cannot be appended: %s\n", w->store->dir,
		        strerror(-ret));
	return ret;
}

// What an attempt came to: `status` and `reason` are the worst of its trials'.
struct outcome {
	enum trial_status status;
	bool spoilt;
	char reason[512];
};

static int attempt(struct work *w, unsigned block, const struct workload_use *use, unsigned n,
                   struct outcome *o)
{
	unsigned order[2 * ORDER_TUNNELS_MAX];
	struct trial *t = calloc(1, sizeof(*t));
	int ret = t ? 0 : -ENOMEM;

	*o = (struct outcome){0};
	order_block(order, w->plan->tunnels, block, w->plan->seed);
	for (unsigned i = 0; !ret && i < w->trials_per_block; i++) {
		progress_show(&w->progress, block, use->name, i, w->trials_per_block, n);
		ret = run_trial(w, t, order[i], use, block, i, n);
		o->spoilt |= !ret && trial_spoils(t);
		if (!ret && t->status > o->status) {
			o->status = t->status;
			snprintf(o->reason, sizeof(o->reason), "%s: %s",
			         w->plan->tunnel[order[i]].spec, t->reason);
		}
		if (!ret && t->status == TRIAL_FAILED && !session_alive(w->session))
			ret = start(w, w->group);
		if (t)
			trial_free(t);
	}
	free(t);
	return ret;
}

static int run_block(struct work *w, unsigned block, const struct workload_use *use)
{
	struct outcome o = {0};
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
	if (o.status == TRIAL_FAILED && !w->result->failed++)
		snprintf(w->result->reason, sizeof(w->result->reason), "%s", o.reason);
	else if (o.spoilt && o.status != TRIAL_FAILED)
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

		recall(w, block, w->plan->workload[i].name, &h);
		if (!h.settled && h.whole < ATTEMPTS_MAX)
			return true;
	}
	return false;
}

int blocks_run(const struct plan *p, struct session *s, struct store *st, struct blocks_result *r)
{
	unsigned total = p->blocks * p->workloads, per_start = order_blocks_per_start(p->blocks);
	struct work w = {
	    .plan = p,
	    .session = s,
	    .store = st,
	    .result = r,
	    .trials_per_block = p->tunnels * ORDER_TRIALS_PER_TUNNEL,
	    .repeats_left = (total + 1) / 2,
	};
	int ret = 0;

	*r = (struct blocks_result){.trials = st->trials};
	for (size_t i = 0; i < st->trials; i++)
		if (st->trial[i].start >= w.starts)
			w.starts = st->trial[i].start + 1;
	progress_begin(&w.progress, total, p->blocks);
	for (unsigned b = 0; !ret && b < p->blocks; b++) {
		if (!needed(&w, b)) {
			progress_skip(&w.progress, p->workloads);
			continue;
		}
		if (!w.started || w.group != b / per_start)
			ret = start(&w, b / per_start);
		for (size_t i = 0; !ret && i < p->workloads; i++)
			ret = run_block(&w, b, &p->workload[i]);
	}
	progress_clear(&w.progress);
	return ret;
}
