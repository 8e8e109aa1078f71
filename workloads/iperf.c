// The server is kept while a tunnel lives, so a trial pays for one start and not for two; whether
// it listens is read from the namespace's /proc/net/tcp*, since a trial connection would be a test.
#include "workloads/iperf.h"
#include "workloads/workloads.h"

#include "base/argv.h"
#include "base/text.h"
#include "base/foreign.h"
#include "netns/netns.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char workload_congestion[] = "cubic";

enum {
	PORT = 5201,
	READY_MS = 5000,
	POLL_MS = 2,
	SLACK_MS = 15000,
	LOAD_MS = 5000,
	LOAD_POLL_MS = 5
};

// A listening socket (state 0A) on the port, any address, as the process sees it.
static bool listens(pid_t pid)
{
	char path[48], line[256], want[16];
	bool found = false;

	snprintf(want, sizeof(want), ":%04X", PORT);
	for (int v6 = 0; v6 < 2 && !found; v6++) {
		snprintf(path, sizeof(path), "/proc/%d/net/tcp%s", pid, v6 ? "6" : "");
		FILE *f = fopen(path, "re");
		if (!f)
			continue;
		while (!found && fgets(line, sizeof(line), f)) {
			char local[64], state[8];
			found = sscanf(line, " %*[^:]: %63s %*s %7s", local, state) == 2 &&
			        !strcmp(state, "0A") && strstr(local, want);
		}
		fclose(f);
	}
	return found;
}

static int serve(const struct workload_context *c)
{
	const char *const argv[] = {"iperf3", "-s", NULL};
	int ret = 0;

	if (c->server->pid && process_wait(c->server, 0) == -ETIMEDOUT)
		return 0;
	process_end(c->server);
	ret = process_start(c->server, argv, c->pair->side[1].fd, NULL);
	for (unsigned waited = 0; !ret && !listens(c->server->pid); waited += POLL_MS) {
		ret = process_wait(c->server, POLL_MS);
		if (ret == -ETIMEDOUT && waited < READY_MS)
			ret = 0;
		else if (ret >= 0)
			ret = -EIO;
	}
	if (ret)
		process_end(c->server);
	return ret;
}

static void note_congestion(struct trial *t)
{
	if (!t->congestion)
		t->congestion = text_format("%s", workload_congestion);
}

// iperf3 takes whole seconds.
static unsigned round_up_to_s(unsigned ms)
{
	return (ms + 999) / 1000;
}

static void add_options(struct argv *argv, const struct iperf_options *o)
{
	argv_add_option(argv, "-t", "%u", round_up_to_s(o->duration_ms));
	argv_add_option(argv, "-P", "%ld", o->flows);
	if (o->omit_ms)
		argv_add_option(argv, "-O", "%u", round_up_to_s(o->omit_ms));
	if (o->reverse)
		argv_add(argv, "-R");
	if (o->both)
		argv_add(argv, "--bidir");
	if (o->udp_mbit_per_s) {
		argv_add(argv, "-u");
		argv_add_option(argv, "-b", "%ldM", o->udp_mbit_per_s);
		argv_add_option(argv, "-l", "%ld", o->udp_length);
	} else {
		argv_add_all(argv, "-C", workload_congestion, NULL);
	}
}

int iperf_start(struct process *p, const struct workload_context *c, const struct iperf_options *o,
                struct trial *t)
{
	int ret = workload_fail(t, serve(c), "can't start the iperf3 server");
	struct argv argv = {0};

	if (ret)
		return ret;
	if (!o->udp_mbit_per_s)
		note_congestion(t);
	argv_add_all(&argv, "iperf3", "-J", "-c", c->pair->side[1].inner[o->ipv6], NULL);
	argv_add_option(&argv, "-i", "%g", o->keep_rates ? TRIAL_RATE_STEP_MS / 1000.0 : 0);
	add_options(&argv, o);
	ret = process_start(p, argv_words(&argv), c->pair->side[0].fd, NULL);
	argv_free(&argv);
	return workload_fail(t, ret, "can't start iperf3");
}

int iperf_wait_loaded(const struct workload_context *c, unsigned long long bytes)
{
	struct netns_counters before, now;
	int ret = netns_count(&c->pair->side[0], &before);

	for (unsigned waited = 0; !ret && waited < LOAD_MS; waited += LOAD_POLL_MS) {
		ret = netns_count(&c->pair->side[0], &now);
		if (!ret && now.tunnel.tx_bytes > before.tunnel.tx_bytes + bytes)
			return 0;
		if (!ret)
			ret = process_pause(LOAD_POLL_MS);
	}
	return ret ? ret : -ETIMEDOUT;
}

// Reads one direction. NULL, or the name of a number that the report doesn't have.
static const char *read_direction(json_t *end, bool udp, bool second, struct iperf_sums *s,
                                  char *name, size_t bytes)
{
	const char *suffix = second ? "_bidir_reverse" : "";
	const struct foreign_row of_sender[] = {
	    {"bytes", &s->sent_bytes}, {udp ? NULL : "retransmits", &s->retransmits}, {0}};
	const struct foreign_row of_receiver[] = {{"bytes", &s->received_bytes},
	                                          {"seconds", &s->seconds},
	                                          {udp ? "jitter_ms" : NULL, &s->jitter_ms},
	                                          {0}};
	const struct {
		const char *group;
		const struct foreign_row *rows;
	} ends[] = {{"sum_sent", of_sender}, {"sum_received", of_receiver}};

	*s = (struct iperf_sums){.retransmits = NAN, .jitter_ms = NAN};
	for (int i = 0; i < 2; i++) {
		char group[40];

		snprintf(group, sizeof(group), "%s%s", ends[i].group, suffix);
		const char *key = foreign_numbers(json_object_get(end, group), ends[i].rows);
		if (!key)
			continue;
		snprintf(name, bytes, "end.%s.%s", group, key);
		return name;
	}
	return NULL;
}

// Its report's, else what stands behind the report or on standard error, else its output, which
// then is no report.
static const char *quote(const struct iperf_said *said, json_t *root, const char *behind,
                         char *words, size_t bytes)
{
	const char *error = json_string_value(json_object_get(root, "error"));

	process_last_line(error ? error : behind, words, bytes);
	if (!*words)
		process_last_line(said->err, words, bytes);
	return words;
}

static const char *check_sums(const struct iperf_options *o, const struct iperf_sums sums[2])
{
	for (int i = 0; i < 2; i++) {
		if (!o->both && i != o->reverse)
			continue;
		if (!(sums[i].seconds > 0))
			return "its report is of no time";
		if (!(sums[i].received_bytes > 0))
			return o->both ? "nothing arrived in one direction" : "nothing arrived";
	}
	return NULL;
}

// Versions that don't tell are believed.
static bool ran_as_asked(json_t *end)
{
	const char *said = json_string_value(json_object_get(end, "sender_tcp_congestion"));

	return !said || !strcmp(said, workload_congestion);
}

static void take_facts(json_t *facts, json_t *root)
{
	json_t *version = json_object_get(json_object_get(root, "start"), "version");

	if (json_is_string(version))
		json_object_set(facts, "iperf3", version);
}

// Of one interval; 0 where it doesn't tell of a direction.
static double rate_of(json_t *interval, const char *group)
{
	double bits = 0;
	const struct foreign_row row[] = {{"bits_per_second", &bits}, {0}};

	return foreign_numbers(json_object_get(interval, group), row) ? 0 : bits * 1e-9;
}

static void take_rates(json_t *rates, json_t *root)
{
	json_t *interval;
	size_t i;

	json_array_foreach(json_object_get(root, "intervals"), i, interval)
	{
		if (!json_is_true(json_object_get(json_object_get(interval, "sum"), "omitted")))
			json_array_append_new(rates,
			                      json_real(rate_of(interval, "sum") +
			                                rate_of(interval, "sum_bidir_reverse")));
	}
}

int iperf_parse(const struct iperf_said *said, const struct iperf_options *o,
                struct iperf_sums sums[2], char *reason, size_t bytes)
{
	json_error_t at;
	json_t *root = json_loads(said->out, JSON_DISABLE_EOF_CHECK, &at);
	json_t *end = json_object_get(root, "end"), *error = json_object_get(root, "error");
	const char *behind = said->out + (root ? at.position : 0), *missing, *fault = NULL;
	bool udp = o->udp_mbit_per_s;
	char words[160], name[64];
	int ret = -EIO;

	memset(sums, 0, 2 * sizeof(*sums));
	quote(said, root, behind, words, sizeof(words));
	missing = read_direction(end, udp, false, &sums[o->reverse], name, sizeof(name));
	if (!missing && o->both)
		missing = read_direction(end, udp, true, &sums[1], name, sizeof(name));
	if (!root)
		fault = "it wrote no JSON report";
	else if (error && !json_is_null(error))
		fault = *words ? "" : "its report is of an error";
	else if (said->exit)
		fault = "it failed";
	else if (behind[strspn(behind, " \t\r\n")])
		fault = "its report is followed by something";
	else if (!missing && !udp && !ran_as_asked(end))
		fault = "its flows had another congestion control than was asked for";
	else if (!missing)
		fault = check_sums(o, sums);
	if (fault)
		snprintf(reason, bytes, "iperf3: %s%s%s", fault, *fault && *words ? ": " : "",
		         words);
	else if (missing)
		snprintf(reason, bytes, "iperf3: its report has no number %s%s%s", missing,
		         *words ? ": " : "", words);
	else
		ret = 0;
	if (!ret && said->facts)
		take_facts(said->facts, root);
	if (!ret && said->rates)
		take_rates(said->rates, root);
	json_decref(root);
	return ret;
}

int iperf_finish(struct process *p, const struct workload_context *c, const struct iperf_options *o,
                 struct trial *t, struct iperf_sums sums[2])
{
	int ret = process_wait(p, o->omit_ms + o->duration_ms + SLACK_MS);
	char *out = process_read(p->out), *err = process_read(p->err);

	if (ret == -ETIMEDOUT) {
		snprintf(t->reason, sizeof(t->reason), "iperf3 did not end in time");
		ret = -EIO;
	} else if (ret >= 0) {
		if (!t->environment)
			t->environment = json_object();
		if (o->keep_rates)
			t->samples = json_array();
		const struct iperf_said said = {out ? out : "", err ? err : "", ret, t->environment,
		                                o->keep_rates ? t->samples : NULL};

		ret = iperf_parse(&said, o, sums, t->reason, sizeof(t->reason));
	}
	free(out);
	free(err);
	process_end(p);
	if (ret) {
		process_end(c->server);
		t->status = TRIAL_FAILED;
	}
	return ret;
}
