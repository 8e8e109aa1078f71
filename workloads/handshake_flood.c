// What a flood of handshake initiations leaves of a session's goodput. All pass the check of mac1,
// which takes no more than the public key, and come from addresses of many hosts. In the control
// the same flood goes, at the same rate and from the same program, to a socket beside the tunnel's
// that nobody reads: what the generator and the network's stack take from CPUs that they share with
// the tunnel is the same in both and falls out of the ratio.
#include "workloads/iperf.h"
#include "workloads/workloads.h"
#include "workloads/generator.h"

#include "base/text.h"
#include "base/argv.h"
#include "base/foreign.h"
#include "base/process.h"
#include "netns/netns.h"
#include "netns/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMAND_MS = 20000, END_MS = 5000, PIDS_MAX = 16 };
// The generator goes first: else a tunnel that keeps the CPUs busy would be flooded less.
enum { NICE = -20 };
// The flood is ended when the session's traffic is, and outlasts it in any case.
enum { OUTLAST_MS = 20000 };

// Less of the flood than this, and it isn't the one that was asked for.
#define FLOOD_KEPT 0.95

static const struct workload_parameter parameters[] = {
    {"rate", 1000, 1000000, 100000, "initiations a second, to the end that receives the traffic"},
    {"sources", 1, NETNS_SOURCES, NETNS_SOURCES, "addresses that they come from (IPv6: /64s)"},
    {"flows", 1, 64, 1, "TCP connections through the session"},
    {"mac2", 0, 1, 0, "1: each has a mac2 too, a wrong one, that has to be checked"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"goodput_kept_ratio", "1", true, true}, // beside the flood, by that beside the control
    {"goodput_flooded_gbps", "Gbit/s", true, false},
    {"goodput_control_gbps", "Gbit/s", true, false},
    {"initiations_per_s", "1/s", true, false},
    {"initiations_control_per_s", "1/s", true, false},
    {"cookie_replies_per_s", "1/s", true, false},
    // What the tunnel's peak under the flood is above that beside the control.
    {"memory_growth_kib", "KiB", false, false},
    // At the flooded end, which has the flood's and the session's in one count.
    {"drops_udp_receive", "datagrams", false, false},
    {0},
};

// One of the two floods.
struct flood_result {
	double goodput_gbps, sent_per_s, cookie_replies_per_s, drops;
	double peak_kib; // of the flooded end's processes; NAN: none is known
};

struct flooding {
	const struct workload_context *c;
	struct trial *t;
	struct netns_sources sources;
	char key[64], address[64]; // of the flooded end
	pid_t pid[PIDS_MAX];       // its processes
	size_t pids;
};

// The last word that `wg show INTERFACE WHAT` says of the flooded end.
static int ask(struct flooding *f, const char *what, char *answer, size_t bytes)
{
	const struct netns_side *s = &f->c->pair->side[1];
	const char *const argv[] = {"wg", "show", s->interface, what, NULL};
	struct process_text text;
	char line[160];
	int ret = process_run(argv, s->fd, NULL, COMMAND_MS, &text);

	if (ret > 0) {
		f->t->status = TRIAL_FAILED;
		snprintf(f->t->reason, sizeof(f->t->reason), "no handshakes to flood: %s",
		         process_last_line(text.err, line, sizeof(line)));
		ret = -EIO;
	} else if (!ret) {
		process_last_line(text.out, answer, bytes);
	}
	process_text_free(&text);
	return ret < 0 && ret != -EIO ? workload_fail(f->t, ret, "can't run wg") : ret;
}

static void list_processes(struct flooding *f)
{
	size_t n = netns_processes(f->c->pair->side[1].fd, f->pid, PIDS_MAX);

	f->pids = 0;
	for (size_t i = 0; i < n && i < PIDS_MAX; i++)
		if (f->pid[i] != f->c->server->pid)
			f->pid[f->pids++] = f->pid[i];
}

// From now on its peak is counted anew. -ENOENT, -ESRCH: it has ended since it was listed, such as
// a program that asked the tunnel something.
static int forget_peak(pid_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, "5", 1) != 1 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

static double peak_kib(pid_t pid)
{
	static const char key[] = "VmHWM:";
	char path[48], line[128];
	unsigned long long kib;
	double peak = NAN;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	while (file && isnan(peak) && fgets(line, sizeof(line), file)) {
		const char *at = line + strlen(key);

		if (strncmp(line, key, strlen(key)))
			continue;
		at += strspn(at, " \t");
		if (foreign_unsigned(at, &kib, &at))
			peak = kib;
	}
	if (file)
		fclose(file);
	return peak;
}

// Of all that are still there: another program that looked at the tunnel may have ended meanwhile.
static double peaks_kib(const struct flooding *f)
{
	double sum = NAN;

	for (size_t i = 0; i < f->pids; i++) {
		double kib = peak_kib(f->pid[i]);

		if (!isnan(kib))
			sum = isnan(sum) ? kib : sum + kib;
	}
	return sum;
}

static int start_flood(struct flooding *f, struct process *p, const char *to)
{
	const struct workload_use *use = f->c->use;
	struct argv argv = {0};
	int ret = generator_name(&argv, "flood");

	argv_add_all(&argv, "--to", to, "--key", f->key, NULL);
	argv_add_option(&argv, "--from", f->sources.ipv6 ? "[%s]:0" : "%s:0", f->sources.first);
	argv_add_option(&argv, "--rate", "%ld", workload_value(use, "rate"));
	argv_add_option(&argv, "--sources", "%ld", workload_value(use, "sources"));
	argv_add_option(&argv, "--duration", "%.3f", (f->c->duration_ms + OUTLAST_MS) * 1e-3);
	argv_add_option(&argv, "--nice", "%d", NICE);
	if (workload_value(use, "mac2"))
		argv_add(&argv, "--mac2");
	if (!ret)
		ret = process_start(p, argv_words(&argv), f->c->pair->side[0].fd, NULL);
	argv_free(&argv);
	ret = workload_fail(f->t, ret, "can't start wgbench-traffic");
	return ret ? ret : generator_wait_ready(p, f->t);
}

// Ends the flood and reads its report.
static int finish_flood(struct flooding *f, struct process *p, struct flood_result *o)
{
	kill(p->pid, SIGTERM);
	int ret = generator_wait_end(p, f->t, END_MS);
	char *text = ret ? NULL : process_read(p->out), *report = text ? strchr(text, '{') : NULL;
	json_t *said = report ? json_loads(report, 0, NULL) : NULL;
	double seconds, sent, replies;
	const struct foreign_row rows[] = {
	    {"seconds", &seconds}, {"sent", &sent}, {"cookie_replies", &replies}, {0}};
	const char *missing = foreign_numbers(said, rows);

	if (!ret && (missing || !(seconds > 0)))
		ret = workload_fail(f->t, -EPROTO, "wgbench-traffic wrote no whole report");
	if (!ret) {
		o->sent_per_s = sent / seconds;
		o->cookie_replies_per_s = replies / seconds;
	}
	json_decref(said);
	free(text);
	return ret;
}

static int carry(struct flooding *f, struct flood_result *o)
{
	const struct iperf_options options = {
	    .flows = workload_value(f->c->use, "flows"),
	    .ipv6 = workload_value(f->c->use, "family") == 6,
	    .duration_ms = f->c->duration_ms,
	};
	struct iperf_sums sums[2];
	struct process client;
	int ret = iperf_start(&client, f->c, &options, f->t);

	if (!ret)
		ret = iperf_finish(&client, f->c, &options, f->t, sums);
	if (!ret)
		o->goodput_gbps = sums[0].received_bytes * 8e-9 / sums[0].seconds;
	return ret;
}

static int run_flood(struct flooding *f, const char *to, struct flood_result *o)
{
	struct process p = {.pidfd = -1, .out = -1, .err = -1};
	struct netns_counters before, after;
	int ret = netns_count(&f->c->pair->side[1], &before);

	*o = (struct flood_result){0};
	for (size_t i = 0; i < f->pids && !ret; i++) {
		ret = forget_peak(f->pid[i]);
		if (ret == -ENOENT || ret == -ESRCH) {
			f->pid[i--] = f->pid[--f->pids];
			ret = 0;
		}
	}
	ret = workload_fail(f->t, ret, "can't account");
	if (!ret)
		ret = start_flood(f, &p, to);
	if (!ret)
		ret = carry(f, o);
	o->peak_kib = peaks_kib(f);
	if (!ret)
		ret = finish_flood(f, &p, o);
	process_end(&p);
	if (!ret)
		ret =
		    workload_fail(f->t, netns_count(&f->c->pair->side[1], &after), "can't account");
	if (!ret)
		o->drops = foreign_difference(before.udp_receive_buffer_errors,
		                              after.udp_receive_buffer_errors);
	return ret;
}

static void judge(struct flooding *f, const struct flood_result *control,
                  const struct flood_result *flooded)
{
	const struct workload *w = f->c->use->workload;
	double asked = workload_value(f->c->use, "rate");
	double least =
	    flooded->sent_per_s < control->sent_per_s ? flooded->sent_per_s : control->sent_per_s;
	struct trial *t = f->t;

	if (control->goodput_gbps > 0)
		workload_set(t, w, "goodput_kept_ratio",
		             flooded->goodput_gbps / control->goodput_gbps);
	workload_set(t, w, "goodput_flooded_gbps", flooded->goodput_gbps);
	workload_set(t, w, "goodput_control_gbps", control->goodput_gbps);
	workload_set(t, w, "initiations_per_s", flooded->sent_per_s);
	workload_set(t, w, "initiations_control_per_s", control->sent_per_s);
	workload_set(t, w, "cookie_replies_per_s", flooded->cookie_replies_per_s);
	workload_set(t, w, "drops_udp_receive", flooded->drops);
	if (f->pids)
		workload_set(t, w, "memory_growth_kib", flooded->peak_kib - control->peak_kib);
	if (least < FLOOD_KEPT * asked) {
		t->status = TRIAL_GENERATOR_LIMITED;
		snprintf(t->reason, sizeof(t->reason),
		         "the generator sent %.0f of %.0f initiations/s", least, asked);
	}
}

static int measure(struct flooding *f)
{
	struct flood_result control, flooded;
	char port[16];
	int ret;

	if ((ret = ask(f, "public-key", f->key, sizeof(f->key))) ||
	    (ret = ask(f, "listen-port", port, sizeof(port))))
		return ret;
	snprintf(f->address, sizeof(f->address), f->sources.ipv6 ? "[%s]:%s" : "%s:%s",
	         f->c->pair->side[1].outer[f->sources.ipv6], port);
	list_processes(f);
	if ((ret = run_flood(f, f->sources.address, &control)) ||
	    (ret = run_flood(f, f->address, &flooded)))
		return ret;
	judge(f, &control, &flooded);
	return 0;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	struct flooding f = {.c = c, .t = t};
	bool ipv6 = workload_value(c->use, "outer") == 6;
	struct text fault = {0};
	int ret = workload_refuse(t, netns_sources_open(&f.sources, c->pair, ipv6, &fault), &fault);

	(void)gigabits; // two measurements
	if (ret)
		return workload_result(ret);
	ret = measure(&f);
	netns_sources_close(&f.sources);
	return workload_result(ret);
}

const struct workload handshake_flood_workload = {
    .name = "handshake-flood",
    .summary = "what a session carries beside a flood of handshakes, by what it carries beside "
               "one that goes elsewhere; a trial takes twice the duration",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"iperf3", "wg", NULL},
    .judges_right = true,
    .run = run,
};
