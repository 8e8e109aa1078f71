#include "workloads/generator.h"
#include "workloads/rate_search.h"
#include "workloads/workloads.h"

#include "base/argv.h"
#include "base/foreign.h"
#include "base/path.h"
#include "base/process.h"
#include "netns/netns.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_PPS = 16000 };
enum { PORT = 5202, READY_MS = 5000, POLL_MS = 1, SLACK_MS = 5000, SILENCE_MS = 1000 };

// Of what was planned or sent: less is noise of the start and the end.
#define SHORTFALL 0.005

int generator_name(struct argv *argv, const char *role)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	if (n < 0)
		return -errno;
	if (n == sizeof(path))
		return -ENAMETOOLONG;
	path[n] = 0;
	*strrchr(path, '/') = 0;
	char *program = path_join(path, "wgbench-traffic");
	argv_add_all(argv, program, role, NULL);
	free(program);
	return 0;
}

// The program's own last words are the best reason.
static int complain(struct trial *t, const struct process *p, const char *what)
{
	char *text = process_read(p->err), line[200];

	process_last_line(text, line, sizeof(line));
	free(text);
	snprintf(t->reason, sizeof(t->reason), "%s", line[0] ? line : what);
	t->status = TRIAL_FAILED;
	return -EIO;
}

int generator_wait_ready(struct process *p, struct trial *t)
{
	for (unsigned waited = 0; waited < READY_MS; waited += POLL_MS) {
		char *text = process_read(p->out);
		bool ready = text && strchr(text, '\n');

		free(text);
		if (ready)
			return 0;
		int ret = process_wait(p, POLL_MS);
		if (ret == -EINTR)
			return ret;
		if (ret != -ETIMEDOUT)
			return complain(t, p, "wgbench-traffic ended at once");
	}
	return complain(t, p, "wgbench-traffic does not start");
}

int generator_wait_end(struct process *p, struct trial *t, unsigned timeout_ms)
{
	int ret = process_wait(p, timeout_ms);

	if (!ret || ret == -EINTR)
		return ret;
	return complain(
	    t, p, ret == -ETIMEDOUT ? "wgbench-traffic does not end" : "wgbench-traffic failed");
}

// Delays without a packet would be zeros.
static void set_delays(struct generator_result *r, const double ns[4])
{
	double *const us[] = {&r->delay_p50_us, &r->delay_p99_us, &r->delay_p999_us,
	                      &r->delay_max_us};

	for (size_t i = 0; i < sizeof(us) / sizeof(*us); i++)
		*us[i] = r->received > 0 ? ns[i] / 1000 : NAN;
}

int generator_parse(const char *sent, const char *received, struct generator_result *r,
                    json_t **delays, char *reason, size_t bytes)
{
	const char *report = strchr(received, '\n'), *missing; // behind the line "ready"
	double stale, sender_cpu_s, receiver_cpu_s, delay_ns[4];
	const struct foreign_row of_sender[] = {{"planned", &r->planned}, {"sent", &r->sent},
	                                        {"aside", &r->aside},     {"seconds", &r->seconds},
	                                        {"cpu_s", &sender_cpu_s}, {0}};
	const struct foreign_row of_receiver[] = {
	    {"received", &r->received},   {"stale", &stale},
	    {"in_window", &r->in_window}, {"socket_drops", &r->socket_drops},
	    {"cpu_s", &receiver_cpu_s},   {0}};
	const struct foreign_row of_delay[] = {{"p50", &delay_ns[0]},
	                                       {"p99", &delay_ns[1]},
	                                       {"p999", &delay_ns[2]},
	                                       {"max", &delay_ns[3]},
	                                       {0}};
	json_t *from = json_loads(sent, 0, NULL);
	json_t *to = report ? json_loads(report, 0, NULL) : NULL;

	missing = foreign_numbers(from, of_sender);
	if (!missing)
		missing = foreign_numbers(to, of_receiver);
	if (!missing)
		missing = foreign_numbers(json_object_get(to, "delay_ns"), of_delay);
	if (!from || !to)
		snprintf(reason, bytes, "wgbench-traffic wrote no report");
	else if (missing)
		snprintf(reason, bytes, "wgbench-traffic's report has no number '%s'", missing);
	else if (!(r->sent > 0 && r->seconds > 0))
		snprintf(reason, bytes, "wgbench-traffic sent nothing");
	if (delays)
		*delays = json_incref(json_object_get(to, "delays_ns"));
	// A stale packet is older than the window for telling duplicates; it has arrived.
	r->received += stale;
	r->cpu_s = sender_cpu_s + receiver_cpu_s;
	set_delays(r, delay_ns);
	bool whole = from && to && !missing && r->sent > 0 && r->seconds > 0;
	json_decref(from);
	json_decref(to);
	return whole ? 0 : -EIO;
}

static int read_reports(const struct process *sender, const struct process *receiver,
                        const struct generator_options *o, struct trial *t,
                        struct generator_result *r)
{
	char *sent = process_read(sender->out), *received = process_read(receiver->out);
	int ret =
	    generator_parse(sent ? sent : "", received ? received : "", r,
	                    o->keep_delays ? &t->samples : NULL, t->reason, sizeof(t->reason));

	if (ret)
		t->status = TRIAL_FAILED;
	free(sent);
	free(received);
	return ret;
}

static void add_address(struct argv *argv, const char *option, const char *address, bool ipv6)
{
	argv_add_option(argv, option, ipv6 ? "[%s]:%d" : "%s:%d", address, PORT);
}

static int start_receiver(struct process *p, const struct workload_context *c,
                          const struct generator_options *o, unsigned id, unsigned silence_ms)
{
	struct argv argv = {0};
	int ret = generator_name(&argv, "receive");

	add_address(&argv, "--listen", c->pair->side[1].inner[o->ipv6], o->ipv6);
	argv_add_option(&argv, "--run", "%u", id);
	argv_add_option(&argv, "--timeout", "%u", silence_ms);
	argv_add_option(&argv, "--window", "%u", o->duration_ms);
	argv_add_option(&argv, "--nice", "%d", o->nice);
	if (o->keep_delays)
		argv_add(&argv, "--histogram");
	if (o->segments > 1)
		argv_add(&argv, "--gro");
	if (!ret)
		ret = process_start(p, argv_words(&argv), c->pair->side[1].fd, NULL);
	argv_free(&argv);
	return ret;
}

static int start_sender(struct process *p, const struct workload_context *c,
                        const struct generator_options *o, unsigned id)
{
	struct argv argv = {0};
	int ret = generator_name(&argv, "send");

	add_address(&argv, "--to", c->pair->side[1].inner[o->ipv6], o->ipv6);
	argv_add_option(&argv, "--run", "%u", id);
	argv_add_option(&argv, "--rate", "%.0f", o->rate_pps);
	argv_add_option(&argv, "--size", "%ld", o->size_bytes);
	argv_add_option(&argv, "--gso", "%ld", o->segments);
	argv_add_option(&argv, "--duration", "%.3f", o->duration_ms * 1e-3);
	argv_add_option(&argv, "--nice", "%d", o->nice);
	if (o->aside) {
		add_address(&argv, "--aside", o->aside, o->ipv6);
		argv_add_option(&argv, "--aside-ppm", "%ld", o->aside_ppm);
	}
	if (!ret)
		ret = process_start(p, argv_words(&argv), c->pair->side[0].fd, NULL);
	argv_free(&argv);
	return ret;
}

int generator_run(const struct workload_context *c, const struct generator_options *o,
                  struct trial *t, struct generator_result *r)
{
	static unsigned run;
	struct process receiver = {.pidfd = -1, .out = -1, .err = -1}, sender = receiver;
	unsigned id = ++run, silence_ms = o->silence_ms ? o->silence_ms : SILENCE_MS;
	int ret = workload_fail(t, start_receiver(&receiver, c, o, id, silence_ms),
	                        "can't start wgbench-traffic");

	if (!ret)
		ret = generator_wait_ready(&receiver, t);
	if (!ret)
		ret = workload_fail(t, start_sender(&sender, c, o, id),
		                    "can't start wgbench-traffic");
	if (!ret)
		ret = generator_wait_end(&sender, t, o->duration_ms + SLACK_MS);
	if (!ret)
		ret = generator_wait_end(&receiver, t, silence_ms + SLACK_MS);
	if (!ret)
		ret = read_reports(&sender, &receiver, o, t, r);
	process_end(&sender);
	process_end(&receiver);
	return ret;
}

double generator_loss(const struct generator_result *r)
{
	double sent = r->sent - r->aside, lost = sent - r->received - r->socket_drops;

	return sent > 0 && lost > 0 ? lost / sent : 0;
}

bool generator_limited(const struct generator_result *r)
{
	return r->sent < r->planned * (1 - SHORTFALL) || r->socket_drops > r->sent * SHORTFALL;
}

int generator_search(const struct workload_context *c, struct generator_options *o,
                     double loss_bound, struct trial *t, struct rate_search *s)
{
	struct generator_result r;

	rate_search_init(s, START_PPS, loss_bound);
	t->samples = json_array();
	while (!s->done) {
		o->rate_pps = s->rate_pps;
		int ret = generator_run(c, o, t, &r);
		if (ret)
			return ret;
		json_array_append_new(t->samples,
		                      json_pack("{sfsfsf}", "rate_pps", s->rate_pps, "sent_pps",
		                                r.seconds > 0 ? r.sent / r.seconds : 0,
		                                "loss_percent", 100 * generator_loss(&r)));
		rate_search_tell(s, generator_loss(&r), generator_limited(&r));
	}
	if (s->low_pps)
		return 0;
	t->status = TRIAL_FAILED;
	snprintf(t->reason, sizeof(t->reason), "no rate from %d packets/s on passed",
	         RATE_SEARCH_MIN_PPS);
	return -EIO;
}
