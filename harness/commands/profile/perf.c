#include "harness/commands/profile/perf.h"

#include "base/argv.h"
#include "base/path.h"
#include "base/text.h"
#include "harness/machine/environment.h"
#include "harness/machine/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MS = 20000, FINISH_MS = 60000, SCRIPT_MS = 5 * 60000, POLL_MS = 10 };

const char *perf_event(void)
{
	struct probe_result cycles;

	probe_counter(&cycles, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);
	return cycles.state == PROBE_YES ? "cycles" : "cpu-clock";
}

int perf_check(void)
{
	if (process_available("perf"))
		return 0;
	fprintf(stderr, "wgbench: no program 'perf' in PATH: install it (Debian: apt install "
	                "linux-perf)\n");
	return -ENOENT;
}

// perf explains itself over many lines: the first one after "Error:" is the reason.
static int report_failure(const struct perf *p, const char *what)
{
	char *level = environment_read_line("/proc/sys/kernel/perf_event_paranoid");
	char *text = process_read(p->record.err);
	const char *reason = strstr(text, "Error:");

	reason = reason ? reason + strlen("Error:") : text;
	reason += strspn(reason, " \n");
	fprintf(stderr,
	        "wgbench: perf record %s: %.*s (perf_event_paranoid is %s: above -1, sampling the "
	        "machine needs CAP_PERFMON)\n",
	        what, (int)strcspn(reason, "\n"), reason, *level ? level : "not there");
	free(text);
	free(level);
	return -EIO;
}

static void close_pipe(int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

int perf_begin(struct perf *p, const char *dir, unsigned hz)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, ret;
	struct argv argv = {0};

	*p = (struct perf){.record = {.pidfd = -1, .out = -1, .err = -1}, .control = -1, .ack = -1};
	p->data = path_join(dir, "perf.data");
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
		ret = -errno;
		goto out;
	}
	argv_add_all(&argv, "perf", "record", "-a", "-g", "-B", "-N", "-e", perf_event(), "--delay",
	             "-1", "-o", p->data, NULL);
	argv_add_option(&argv, "-F", "%u", hz);
	argv_add_option(&argv, "--control", "fd:%d,%d", to[0], from[1]);
	fcntl(to[0], F_SETFD, 0); // these two are perf's
	fcntl(from[1], F_SETFD, 0);
	ret = process_start(&p->record, argv_words(&argv), PROCESS_HERE, NULL);
	if (!ret) {
		p->control = to[1];
		p->ack = from[0];
		to[1] = from[0] = -1;
	}
out:
	argv_free(&argv);
	close_pipe(to);
	close_pipe(from);
	if (ret)
		fprintf(stderr, "wgbench: perf record: %s\n", strerror(-ret));
	return ret;
}

// perf answers each command by "ack\n", the last of which may bring a zero byte with it.
static int await_answer(struct perf *p)
{
	char answer[16];

	for (unsigned waited = 0; waited < ANSWER_MS; waited += POLL_MS) {
		struct pollfd fd = {.fd = p->ack, .events = POLLIN};

		if (poll(&fd, 1, 0) > 0)
			return read(p->ack, answer, sizeof(answer)) > 0
			           ? 0
			           : report_failure(p, "does not sample");
		int ret = process_pause(POLL_MS);
		if (ret)
			return ret;
	}
	return report_failure(p, "gives no answer within 20 s");
}

int perf_switch(struct perf *p, bool on)
{
	const char *word = on ? "enable\n" : "disable\n";

	if (write(p->control, word, strlen(word)) != (ssize_t)strlen(word))
		return report_failure(p, "ended at once");
	return await_answer(p);
}

int perf_read(struct perf *p, char **script)
{
	const char *const argv[] = {
	    "perf", "script", "-i", p->data, "-F", "comm,pid,tid,ip,sym,dso", "--no-inline", NULL};
	struct process_text text;
	int ret;

	*script = NULL;
	kill(p->record.pid, SIGINT);
	ret = process_wait(&p->record, FINISH_MS);
	if (ret == -EINTR)
		return ret;
	if (ret < 0)
		return report_failure(p, "does not end");
	ret = process_run(argv, PROCESS_HERE, NULL, SCRIPT_MS, &text);
	if (!ret) {
		*script = text.out;
		text.out = NULL;
	} else if (ret != -EINTR) {
		fprintf(stderr, "wgbench: perf script: %s\n", process_reason(ret, &text));
		ret = ret < 0 ? ret : -EIO;
	}
	process_text_free(&text);
	return ret;
}

void perf_end(struct perf *p)
{
	process_end(&p->record);
	if (p->control >= 0)
		close(p->control);
	if (p->ack >= 0)
		close(p->ack);
	p->control = p->ack = -1;
	char *old = text_format("%s.old", p->data);
	unlink(p->data);
	unlink(old);
	free(old);
	free(p->data);
}
