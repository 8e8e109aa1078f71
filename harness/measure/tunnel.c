// Programs are started as wireguard-go is, in the foreground, so that they die with wgbench; one
// that makes itself a daemon all the same is found by its namespace.
#include "harness/measure/tunnel.h"
#include "base/foreign.h"
#include "base/text.h"
#include "harness/measure/tunnel_counters.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COMMAND_MS = 20000,
	READY_MS = 10000,
	ANSWER_MS = 2000,
	POLL_MS = 10,
	PORT = 51820,
	MTU = 1420
};

static const char *const side_names[] = {"left", "right"};

// The program's own last words are the best reason.
static int complain(struct tunnel_process *t, int side, const char *what)
{
	char line[512] = "";
	char *text = process_read(t->program[side].err);

	process_last_line(text, line, sizeof(line));
	free(text);
	if (!line[0]) {
		text = process_read(t->program[side].out);
		process_last_line(text, line, sizeof(line));
		free(text);
	}
	fprintf(stderr, "wgbench: tunnel '%s', %s end: %s%s%s\n", t->spec[side]->name,
	        side_names[side], what, line[0] ? ": " : "", line);
	return -EIO;
}

static int launch(struct tunnel_process *t, const char *program, int side)
{
	const struct spec *spec = t->spec[side];
	const struct netns_side *s = &t->pair->side[side];
	const char *const argv[] = {program, spec->kind == SPEC_OWN ? "--foreground" : "-f",
	                            s->interface, NULL};
	const char *const add[] = {"ip", "link", "add", s->interface, "type", "wireguard", NULL};
	int ret;

	const char *const veth[] = {"ip",
	                            "link",
	                            "add",
	                            s->interface,
	                            "type",
	                            "veth",
	                            "peer",
	                            "name",
	                            t->pair->side[!side].interface,
	                            "netns",
	                            t->pair->side[!side].name,
	                            NULL};

	spec_set_switches(spec);
	if (spec->kind == SPEC_VETH) {
		if (side)
			return 0; // made with its other end
		ret = process_run(veth, s->fd, NULL, COMMAND_MS, NULL);
		return ret > 0 ? complain(t, side, "cannot make a pair of veth") : ret;
	}
	if (spec->kind != SPEC_KERNEL) {
		ret = process_start(&t->program[side], argv, s->fd, NULL);
		return ret ? complain(t, side, strerror(-ret)) : 0;
	}
	ret = process_run(add, s->fd, NULL, COMMAND_MS, NULL);
	return ret > 0 ? complain(t, side, "this kernel makes no WireGuard interface") : ret;
}

static int wait_answer(struct tunnel_process *t, int side)
{
	const struct netns_side *s = &t->pair->side[side];
	const char *const show[] = {"wg", "show", s->interface, "listen-port", NULL};
	struct process *p = &t->program[side];
	int ret;

	for (unsigned waited = 0; waited < READY_MS; waited += POLL_MS) {
		ret = process_run(show, s->fd, NULL, COMMAND_MS, NULL);
		if (ret <= 0)
			return ret;
		ret = p->pid ? process_wait(p, POLL_MS) : process_pause(POLL_MS);
		if (ret > 0)
			return complain(t, side, "the program ended at once");
		if (ret == -EINTR)
			return ret;
	}
	return complain(t, side, "no answer to `wg show` within 10 s");
}

static int run_wg(const char *const argv[], int ns, const char *input, char *line, size_t bytes)
{
	struct process_text text;
	int ret = process_run(argv, ns, input, COMMAND_MS, &text);

	process_last_line(ret ? text.err : text.out, line, bytes);
	process_text_free(&text);
	return ret > 0 ? -EIO : ret;
}

static int make_keys(char secret[64], char public[64])
{
	const char *const genkey[] = {"wg", "genkey", NULL}, *const pubkey[] = {"wg", "pubkey",
	                                                                        NULL};
	int ret = run_wg(genkey, PROCESS_HERE, NULL, secret, 64);

	return ret ? ret : run_wg(pubkey, PROCESS_HERE, secret, public, 64);
}

static void print_endpoint(char text[64], const struct netns_side *s, int outer)
{
	snprintf(text, 64, outer ? "[%s]:%d" : "%s:%d", s->outer[outer], PORT);
}

static int set_wg(struct tunnel_process *t, int side, const char *const argv[], const char *input)
{
	char line[256];
	int ret = run_wg(argv, t->pair->side[side].fd, input, line, sizeof(line));

	if (ret && ret != -EINTR)
		complain(t, side, line);
	return ret;
}

static int configure_peer(struct tunnel_process *t, int side, const char *secret)
{
	const struct netns_side *s = &t->pair->side[side], *other = &t->pair->side[!side];
	char port[8], allowed[96], endpoint[64];
	const char *const set[] = {
	    "wg",         "set",  s->interface,      "listen-port", port,    "private-key",
	    "/dev/stdin", "peer", t->peer_key[side], "allowed-ips", allowed, "endpoint",
	    endpoint,     NULL};

	snprintf(port, sizeof(port), "%d", PORT);
	snprintf(allowed, sizeof(allowed), "%s/32,%s/128", other->inner[0], other->inner[1]);
	print_endpoint(endpoint, other, t->outer);
	return set_wg(t, side, set, secret);
}

static int configure_link(struct tunnel_process *t, int side)
{
	const struct netns_side *s = &t->pair->side[side];
	struct text fault = {0};
	int ret =
	    netns_batch(s->fd, "ip", &fault,
	                "address add %s/24 dev %s\n"
	                "address add %s/64 dev %s nodad\n"
	                "link set %s mtu %d up\n",
	                s->inner[0], s->interface, s->inner[1], s->interface, s->interface, MTU);

	if (ret && ret != -EINTR)
		complain(t, side, text_string(&fault));
	text_free(&fault);
	return ret;
}

static int wait_packets(struct tunnel_process *t)
{
	const char *const ping[] = {
	    "ping", "-n", "-q", "-c", "1", "-W", "1", t->pair->side[1].inner[0], NULL};
	int ret;

	for (unsigned waited = 0; waited < READY_MS; waited += 1000) {
		ret = process_run(ping, t->pair->side[0].fd, NULL, COMMAND_MS, NULL);
		if (ret <= 0)
			return ret;
		if (!tunnel_alive(t))
			return complain(t, 0, "the tunnel ended while it was tried");
	}
	return complain(t, 0, "the tunnel passes no ping within 10 s");
}

static void collect(struct tunnel_process *t)
{
	t->pids = 0;
	for (int i = 0; i < 2; i++) {
		size_t room = TUNNEL_PIDS_MAX - t->pids;
		size_t n = netns_processes(t->pair->side[i].fd, t->pid + t->pids, room);
		t->pids += n < room ? n : room;
		t->left_pids = i ? t->left_pids : t->pids;
	}
}

int tunnel_start(struct tunnel_process *t, const struct tunnel_end end[2],
                 const struct netns_pair *pair)
{
	const struct process idle = {.pidfd = -1, .out = -1, .err = -1};
	char secret[2][64];
	int ret = 0;

	*t = (struct tunnel_process){.pair = pair,
	                             .program = {idle, idle},
	                             .spec = {end[0].spec, end[1].spec},
	                             .has_outer = end[0].spec->kind != SPEC_VETH};
	for (int i = 0; i < 2 && !ret; i++)
		if (!(ret = launch(t, end[i].program, i)))
			ret = make_keys(secret[i], t->peer_key[!i]);
	for (int i = 0; i < 2 && !ret && t->has_outer; i++)
		ret = wait_answer(t, i);
	if (!ret)
		collect(t);
	for (int i = 0; i < 2 && !ret && t->has_outer; i++)
		ret = configure_peer(t, i, secret[i]);
	for (int i = 0; i < 2 && !ret; i++)
		ret = configure_link(t, i);
	if (!ret)
		ret = wait_packets(t);
	if (ret)
		tunnel_stop(t);
	return ret;
}

int tunnel_set_outer(struct tunnel_process *t, int outer)
{
	int ret = 0;

	if (outer == t->outer || !t->has_outer)
		return 0;
	for (int i = 0; i < 2 && !ret; i++) {
		char endpoint[64];
		const char *const set[] = {
		    "wg",     "set", t->pair->side[i].interface, "peer", t->peer_key[i], "endpoint",
		    endpoint, NULL};

		print_endpoint(endpoint, &t->pair->side[!i], outer);
		ret = set_wg(t, i, set, NULL);
	}
	if (!ret)
		ret = wait_packets(t);
	if (!ret)
		t->outer = outer;
	return ret;
}

void tunnel_stop(struct tunnel_process *t)
{
	if (!t->pair)
		return;
	bool before = process_shield(true);
	for (int i = 0; i < 2; i++) {
		const struct netns_side *s = &t->pair->side[i];
		const char *const argv[] = {"ip", "link", "delete", s->interface, NULL};

		process_end(&t->program[i]);
		netns_end_processes(s->fd);
		process_run(argv, s->fd, NULL, COMMAND_MS, NULL); // what a kernel tunnel leaves
	}
	*t = (struct tunnel_process){0};
	process_shield(before);
}

bool tunnel_alive(const struct tunnel_process *t)
{
	for (size_t i = 0; i < t->pids; i++) {
		char path[32], state = 'Z';

		snprintf(path, sizeof(path), "/proc/%d/stat", t->pid[i]);
		FILE *f = fopen(path, "re");
		if (!f)
			return false;
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(f);
		if (state == 'Z')
			return false;
	}
	return true;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_size;
}

// What the program wrote to stderr from `at` on.
static char *read_from(const struct process *p, off_t at)
{
	char *text = process_read(p->err);

	if (text && strlen(text) >= (size_t)at)
		memmove(text, text + at, strlen(text) - at + 1);
	else if (text)
		*text = 0;
	return text;
}

static bool answers(const struct tunnel_process *t, int side)
{
	return t->spec[side] && t->spec[side]->kind == SPEC_OWN;
}

int tunnel_ask(const struct tunnel_process *t, struct tunnel_status status[2])
{
	off_t before[2];
	int ret = 0;

	status[0] = status[1] = (struct tunnel_status){0};
	for (int i = 0; i < 2; i++) {
		if (!answers(t, i))
			continue;
		before[i] = size_of(t->program[i].err);
		kill(t->program[i].pid, SIGUSR1);
	}
	for (int i = 0; i < 2; i++) {
		char *text = NULL;

		if (!answers(t, i))
			continue;
		for (unsigned waited = 0; !ret && waited < ANSWER_MS; waited++) {
			free(text);
			text = read_from(&t->program[i], before[i]);
			if (text && strchr(text, '\n'))
				break;
			ret = process_pause(1);
		}
		if (text && !ret)
			tunnel_status_parse(&status[i], text);
		free(text);
	}
	return ret;
}

unsigned long long tunnel_last_handshake(const struct tunnel_process *t)
{
	const struct netns_side *s = &t->pair->side[0];
	const char *const show[] = {"wg", "show", s->interface, "latest-handshakes", NULL};
	unsigned long long seconds;
	char line[128], *tab;

	if (!t->has_outer || run_wg(show, s->fd, NULL, line, sizeof(line)))
		return FOREIGN_UNKNOWN;
	tab = strpbrk(line, "\t ");
	return tab && foreign_unsigned(tab + 1, &seconds, NULL) ? seconds : FOREIGN_UNKNOWN;
}
