#include "harness/measure/testbed.h"

static const struct process not_started = {.pidfd = -1, .out = -1, .err = -1};

int session_open(struct session *s)
{
	int ret = netns_open();
	size_t made = 0;

	if (ret)
		return ret;
	for (size_t i = 0; i < s->tunnels; i++)
		s->tunnel[i].server = not_started;
	while (made < s->tunnels && !(ret = netns_pair_create(&s->pair[made], made)))
		made++;
	s->open = !ret;
	if (ret) {
		while (made--)
			netns_pair_destroy(&s->pair[made]);
		netns_close();
	}
	return ret;
}

static void stop(struct session *s)
{
	for (size_t i = 0; i < s->tunnels; i++) {
		process_end(&s->tunnel[i].server);
		tunnel_stop(&s->tunnel[i].process);
	}
}

int session_start(struct session *s, unsigned start)
{
	int ret = 0;

	stop(s);
	for (s->started = 0; s->started < s->tunnels && !ret; s->started += !ret) {
		size_t i = s->started;
		struct session_tunnel *t = &s->tunnel[i];
		const struct tunnel_end own = {&t->spec, t->program[start % t->builds]},
		                        peer = {&s->peer.spec, s->peer.program[0]},
		                        end[] = {own, s->peered ? peer : own};

		ret = tunnel_start(&t->process, end, &s->pair[(i + start) % s->tunnels]);
		if (!ret)
			t->handshake = tunnel_last_handshake(&t->process);
	}
	if (ret)
		stop(s);
	return ret;
}

bool session_alive(const struct session *s)
{
	for (size_t i = 0; i < s->tunnels; i++)
		if (!tunnel_alive(&s->tunnel[i].process))
			return false;
	return true;
}

void session_close(struct session *s)
{
	if (!s->open)
		return;
	stop(s);
	for (size_t i = 0; i < s->tunnels; i++) {
		json_decref(s->tunnel[i].offloads[0]);
		json_decref(s->tunnel[i].offloads[1]);
		s->tunnel[i].offloads[0] = s->tunnel[i].offloads[1] = NULL;
		netns_pair_destroy(&s->pair[i]);
	}
	netns_close();
	s->open = false;
}
