// What a tunnel burns while nothing is sent: its session is up, and beside the real peer both ends
// have others that never were heard of.
#include "workloads/idle.h"
#include "workloads/workloads.h"

#include "base/argv.h"
#include "base/process.h"
#include "base/random.h"
#include "netns/netns.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { COMMAND_MS = 20000, KEEPALIVE_MAX_S = 65535 };

static const struct workload_parameter parameters[] = {
    {"peers", 0, IDLE_PEERS_MAX, 100, "peers beside the real one, at both ends, never heard of"},
    {"keepalive", 0, KEEPALIVE_MAX_S, 0, "s between the persistent keepalives to them; 0: none"},
    WORKLOAD_FAMILIES,
    {0},
};

static const struct metric metrics[] = {
    {"cpu_percent", "%", false, true},      // of one CPU, both ends together, as idle_percent()
    {"cpu_us_per_s", "µs/s", false, false}, // the same as measured
    {"context_switches_per_s", "1/s", false, false},
    {0},
};

// X25519 takes any 32 bytes as a public key (RFC 7748, section 5: the top bit is masked), and none
// of these is of low order, which tunnels refuse.
void idle_peer_name(struct idle_peer *p, unsigned n)
{
	uint64_t state = (uint64_t)n << 32, word[4];
	uint8_t key[32];

	for (int i = 0; i < 4; i++)
		word[i] = random_next(&state);
	memcpy(key, word, sizeof(key));
	key[31] &= 127;
	sodium_bin2base64(p->key, sizeof(p->key), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(p->allowed, sizeof(p->allowed), "10.78.%u.%u/32,fd78::%x/128", n >> 8, n & 255, n);
}

double idle_percent(double cpu_s, double wall_s)
{
	double percent = 100 * cpu_s / wall_s;

	return percent > IDLE_FLOOR_PERCENT ? percent : IDLE_FLOOR_PERCENT;
}

static void name_peers(const struct workload_context *c, bool add, struct argv *a)
{
	unsigned peers = workload_value(c->use, "peers");
	struct idle_peer peer;

	for (unsigned i = 0; i < peers; i++) {
		idle_peer_name(&peer, i);
		argv_add_all(a, "peer", peer.key, NULL);
		if (!add) {
			argv_add(a, "remove");
			continue;
		}
		argv_add_all(a, "allowed-ips", peer.allowed, NULL);
		argv_add_option(a, "persistent-keepalive", "%ld",
		                workload_value(c->use, "keepalive"));
	}
}

// Adds the peers to one end, or removes them.
static int change_peers(const struct workload_context *c, int side, bool add, struct trial *t)
{
	const struct netns_side *s = &c->pair->side[side];
	struct process_text text = {0};
	struct argv argv = {0};
	char line[128];

	argv_add_all(&argv, "wg", "set", s->interface, NULL);
	name_peers(c, add, &argv);
	int ret = process_run(argv_words(&argv), s->fd, NULL, COMMAND_MS, &text);
	if (ret > 0) {
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "%s peers: %s",
		         add ? "can't add" : "can't remove",
		         process_last_line(text.err, line, sizeof(line)));
		ret = -EIO;
	} else {
		ret = workload_fail(t, ret, "can't run wg");
	}
	process_text_free(&text);
	argv_free(&argv);
	return ret;
}

static int change_both(const struct workload_context *c, bool add, struct trial *t)
{
	int ret = 0;

	for (int i = 0; i < 2 && workload_value(c->use, "peers"); i++) {
		int got = change_peers(c, i, add, t);

		ret = ret ? ret : got;
	}
	return ret;
}

// A session that has run out is made anew before the measurement, not in it.
static int see_session(const struct workload_context *c, struct trial *t)
{
	const char *const ping[] = {
	    "ping", "-n", "-q", "-c",
	    "1",    "-W", "5",  c->pair->side[1].inner[workload_value(c->use, "family") == 6],
	    NULL};
	int ret = process_run(ping, c->pair->side[0].fd, NULL, COMMAND_MS, NULL);

	return workload_fail(t, ret > 0 ? -ENETUNREACH : ret, "the tunnel passes no ping");
}

static int wait_for(void *duration_ms)
{
	return process_pause(*(const unsigned *)duration_ms);
}

static int measure(const struct workload_context *c, struct trial *t)
{
	unsigned duration_ms = c->duration_ms;
	struct workload_cost cost;
	int ret = c->account(c, wait_for, &duration_ms, t, &cost);

	if (ret)
		return ret;
	// A kernel tunnel has no process whose clock could be read.
	if (isnan(cost.cpu_s))
		return 0;
	workload_set(t, c->use->workload, "cpu_percent", idle_percent(cost.cpu_s, cost.wall_s));
	workload_set(t, c->use->workload, "cpu_us_per_s", cost.cpu_s * 1e6 / cost.wall_s);
	workload_set(t, c->use->workload, "context_switches_per_s", cost.switches_per_s);
	return 0;
}

static int run(const struct workload_context *c, struct trial *t, double *gigabits)
{
	int ret = change_both(c, true, t);

	(void)gigabits;
	if (!ret)
		ret = see_session(c, t);
	if (!ret)
		ret = measure(c, t);
	if (ret == -EINTR)
		return ret; // the tunnels end
	int removed = change_both(c, false, t);
	return workload_result(ret ? ret : removed);
}

const struct workload idle_workload = {
    .name = "idle",
    .summary = "what a tunnel burns that has nothing to do, by configured peers",
    .parameters = parameters,
    .metrics = metrics,
    .programs = (const char *const[]){"wg", "ping", NULL},
    .run = run,
};
