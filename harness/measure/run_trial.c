#include "harness/measure/run_trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/measure/accounting.h"
#include "base/clock.h"
#include "base/foreign.h"
#include "base/text.h"
#include "harness/measure/tunnel_counters.h"

static void add_pid(pid_t pids[ACCOUNTING_PIDS_MAX], size_t *n, pid_t pid)
{
	if (*n < ACCOUNTING_PIDS_MAX)
		pids[(*n)++] = pid;
}

// What the tunnel spends is what both its ends spend; beside a fixed peer, its own end.
static void sort_processes(struct accounting_processes *who, const struct session *s,
                           unsigned tunnel)
{
	*who = (struct accounting_processes){0};
	for (size_t i = 0; i < s->tunnels; i++) {
		const struct tunnel_process *p = &s->tunnel[i].process;

		for (size_t j = 0; j < p->pids; j++)
			if (i != tunnel)
				add_pid(who->idle_pid, &who->idle, p->pid[j]);
			else if (s->peered && j >= p->left_pids)
				add_pid(who->peer_pid, &who->peer, p->pid[j]);
			else
				add_pid(who->tunnel_pid, &who->tunnel, p->pid[j]);
	}
}

static void set_cost(struct trial *t, const struct workload *w, const struct accounting_result *r,
                     double gigabits)
{
	workload_set(t, w, "context_switches_per_s", r->switches_per_s);
	if (gigabits > 0) {
		workload_set(t, w, "cpu_s_per_gbit", r->tunnel_cpu_s / gigabits);
		workload_set(t, w, "cpu_machine_s_per_gbit", r->machine_cpu_s / gigabits);
	}
}

// Whether an end's offloads weren't all the time what they were when this tunnel was first
// measured.
static bool offloads_changed(struct session_tunnel *t, const struct tunnel_status before[2],
                             const struct tunnel_status after[2], char *reason, size_t bytes)
{
	static const char *const ends[] = {"left", "right"};

	for (int i = 0; i < 2; i++) {
		char change[200];

		if (!t->offloads[i])
			t->offloads[i] = json_incref(before[i].offloads);
		if (tunnel_status_changed(t->offloads[i], &before[i], &after[i], change,
		                          sizeof(change))) {
			snprintf(reason, bytes, "at the %s end %s", ends[i], change);
			return true;
		}
	}
	return false;
}

static void free_status(struct tunnel_status status[2][2])
{
	for (int i = 0; i < 4; i++)
		tunnel_status_free(&status[i / 2][i % 2]);
}

// Whether its block is to be repeated, and why.
static void note_contamination(struct trial *t, const char *reason)
{
	t->contamination = text_format("%s", reason);
	if (t->status != TRIAL_OK)
		return;
	t->status = TRIAL_CONTAMINATED;
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
}

// The accounted part of a trial. Both ends are asked outside of it, so that what the answers cost
// is nobody's.
static int run_accounted(struct trial *t, const struct workload_context *context,
                         const struct accounting_processes *who, const struct tunnel_process *p,
                         struct accounting_snapshot *before, struct accounting_snapshot *after,
                         struct tunnel_status status[2][2], double *gigabits)
{
	int ret = tunnel_ask(p, status[0]);

	if (!ret)
		ret = accounting_take(before, who, context->pair);
	if (!ret)
		ret = context->use->workload->run(context, t, gigabits);
	if (!ret)
		ret = accounting_take(after, who, context->pair);
	return ret ? ret : tunnel_ask(p, status[1]);
}

// The tunnel's processes at the ends that are judged.
static void list_tunnel(struct accounting_processes *who, const struct workload_context *c)
{
	*who = (struct accounting_processes){0};
	for (int i = 0; i < (c->peered ? 1 : 2); i++) {
		size_t room = ACCOUNTING_PIDS_MAX - who->tunnel;
		size_t n =
		    netns_processes(c->pair->side[i].fd, who->tunnel_pid + who->tunnel, room);
		who->tunnel += n < room ? n : room;
	}
	for (size_t i = 0; i < who->tunnel; i++)
		if (who->tunnel_pid[i] == c->server->pid)
			who->tunnel_pid[i--] = who->tunnel_pid[--who->tunnel];
}

// The contract's account().
static int account(const struct workload_context *c, int (*work)(void *), void *argument,
                   struct trial *t, struct workload_cost *cost)
{
	static struct accounting_snapshot before, after;
	struct accounting_processes who;
	struct accounting_result result;

	list_tunnel(&who, c);
	int ret = accounting_take(&before, &who, c->pair);
	bool failed = ret;
	if (!ret)
		ret = work(argument);
	if (!ret) {
		ret = accounting_take(&after, &who, c->pair);
		failed = ret;
	}
	if (failed) {
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "can't account: %s", strerror(-ret));
	}
	if (!ret)
		accounting_difference(&result, &before, &after, 1);
	accounting_release(&before);
	accounting_release(&after);
	if (ret)
		return ret;
	*cost = (struct workload_cost){.wall_s = result.wall_s,
	                               .cpu_s = result.tunnel_cpu_s,
	                               .switches_per_s = result.switches_per_s};
	return 0;
}

int trial_run(struct trial *t, struct session *s, unsigned tunnel, const struct workload_use *use,
              unsigned duration_s)
{
	struct session_tunnel *under_test = &s->tunnel[tunnel];
	const struct netns_pair *pair = under_test->process.pair;
	const struct workload_context context = {.use = use,
	                                         .pair = pair,
	                                         .peered = s->peered,
	                                         .server = &under_test->server,
	                                         .duration_ms = duration_s * 1000,
	                                         .account = account};
	static struct accounting_snapshot before, after;
	struct accounting_processes who;
	struct accounting_result cost;
	struct tunnel_status status[2][2] = {0};
	char contamination[sizeof(t->reason)];
	double gigabits = 0;
	int ret;

	trial_init(t);
	t->tunnel = tunnel;
	snprintf(t->workload, sizeof(t->workload), "%s", use->name);
	t->parameters = workload_parameters(use);
	sort_processes(&who, s, tunnel);
	ret = tunnel_set_outer(&under_test->process, workload_value(use, "outer") == 6);
	if (ret)
		return ret;
	t->start_ns = clock_ns(CLOCK_REALTIME);
	ret = run_accounted(t, &context, &who, &under_test->process, &before, &after, status,
	                    &gigabits);
	if (!ret)
		accounting_difference(&cost, &before, &after, sysconf(_SC_NPROCESSORS_ONLN));
	accounting_release(&before);
	accounting_release(&after);
	if (ret) {
		free_status(status);
		return ret;
	}
	t->duration_ns = after.wall_ns - before.wall_ns;
	if (t->status == TRIAL_OK || t->status == TRIAL_GENERATOR_LIMITED)
		set_cost(t, use->workload, &cost, gigabits);
	trial_fail_stalled(t);
	json_t *set_up = t->environment;
	t->environment = accounting_json(&cost, &before, &after);
	json_object_update_missing(t->environment, set_up);
	json_decref(set_up);
	t->tunnel_cpu_s = cost.tunnel_cpu_s;
	t->machine_cpu_s = cost.machine_cpu_s;
	for (int i = 0; i < 2; i++)
		tunnel_status_difference(&t->end[i], &status[0][i], &status[1][i]);
	if (offloads_changed(under_test, status[0], status[1], contamination,
	                     sizeof(contamination))) {
		t->offload_change = text_format("%s", contamination);
		note_contamination(t, contamination);
	} else if (accounting_contamination(&cost, contamination, sizeof(contamination))) {
		note_contamination(t, contamination);
	}
	free_status(status);
	unsigned long long handshake = tunnel_last_handshake(&under_test->process);
	json_object_set_new(t->environment, "handshakes",
	                    handshake == FOREIGN_UNKNOWN
	                        ? json_null()
	                        : json_integer(handshake != under_test->handshake));
	under_test->handshake = handshake;
	return t->environment ? 0 : -ENOMEM;
}
