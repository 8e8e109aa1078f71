// The control thread's sources, and what other threads have handed to it. Messages are handled in
// portions, so that a flood of them keeps neither timers nor configuration waiting.
#include "tunnel/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/due.h"
#include "tunnel/handshake.h"
#include "tunnel/intake.h"
#include "tunnel/loop.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"
#include "tunnel/reroute.h"
#include "tunnel/route.h"
#include "tunnel/session.h"
#include "tunnel/state.h"
#include "tunnel/status.h"
#include "tunnel/timers.h"

enum { MESSAGES_AT_ONCE = 64 };

// ---- what was posted

void control_handle(struct peer *p, unsigned events)
{
	if (p->removed)
		return;
	if (events & PEER_EVENT_SOURCE)
		route_check(p);
	if (events & PEER_EVENT_CONFIRMED)
		handshake_confirmed(p);
	if (events & PEER_EVENT_HANDSHAKE)
		handshake_initiate(p, false);
	if (events & PEER_EVENT_KEEPALIVE)
		handshake_keepalive(p);
	if (events & PEER_EVENT_RESUME)
		handshake_resume(p);
	if (events & PEER_EVENT_TIMER)
		due_look(p, clock_now_ns());
}

static void handle_peers(struct mailbox *m)
{
	for (struct peer *p = mailbox_take_peers(m), *next; p; p = next) {
		// In this order: once its events are taken, a peer may be posted anew.
		next = p->next_event;
		control_handle(p, atomic_exchange(&p->events, 0));
		peer_release(p);
	}
}

static void handle_mailbox(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct mailbox_message message;
	eventfd_t ignored;
	int left = MESSAGES_AT_ONCE;

	(void)epoll_events;
	// Before the queues are looked at, so that a post in the meantime wakes the loop again.
	eventfd_read(source->fd, &ignored);
	handle_peers(&d->mailbox);
	while (left && mailbox_take(&d->mailbox, &message)) {
		handshake_receive(d, &message);
		left--;
	}
	if (!left)
		loop_wake(&d->loop);
}

// ---- timers and signals

static void expire_timers(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		due_expire(d, clock_now_ns());
}

static void take_signals(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct signalfd_siginfo info;

	(void)epoll_events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			status_print(d, stderr);
		else
			loop_stop(&d->loop);
	}
}

// ---- suspend

static int64_t suspended_ns(void)
{
	struct timespec boot, awake;

	clock_gettime(CLOCK_MONOTONIC, &awake);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (boot.tv_sec - awake.tv_sec) * (int64_t)NS_PER_S + boot.tv_nsec - awake.tv_nsec;
}

static void clock_jumped(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	uint64_t ignored;

	(void)d;
	(void)epoll_events;
	// ECANCELED: the clock jumped, as it does on resume; control_run() sees how.
	while (read(source->fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
		;
}

// No key outlives a suspend. A second of difference may be a thread that wasn't run in between.
static void drop_keys_after_suspend(struct device *d)
{
	int64_t now_ns = suspended_ns();

	if (now_ns < d->control->suspended_ns + (int64_t)NS_PER_S)
		return;
	d->control->suspended_ns = now_ns;
	for (struct peer *p = d->peers; p; p = p->next)
		session_end(p);
}

int control_run(struct device *d)
{
	return loop_run(&d->loop, d, drop_keys_after_suspend);
}

// ---- setting up

static int open_clock(struct device *d)
{
	const struct itimerspec never = {.it_value.tv_sec = INT32_MAX};
	struct loop_source *clock = &d->control->clock;
	int ret =
	    loop_open(&d->loop, clock, timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC),
	              clock_jumped);

	if (ret)
		return ret;
	return timerfd_settime(clock->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL)
	           ? -errno
	           : 0;
}

static int open_signals(struct device *d)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	return loop_open(&d->loop, &d->control->signals,
	                 signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), take_signals);
}

static void close_sources(struct control *c)
{
	if (c->clock.fd >= 0)
		close(c->clock.fd);
	if (c->signals.fd >= 0)
		close(c->signals.fd);
	free(c);
}

int control_open(struct device *d)
{
	struct control *c = malloc(sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	*c = (struct control){.clock.fd = -1, .signals.fd = -1, .suspended_ns = suspended_ns()};
	d->control = c;
	ret = loop_init(&d->loop, handle_mailbox);
	if (ret)
		goto err_control;
	ret = mailbox_init(&d->mailbox, &d->loop, &d->counters);
	if (ret)
		goto err_loop;
	ret = intake_open(d);
	if (ret)
		goto err_mailbox;
	ret = timers_open(&d->timers, &d->loop, expire_timers);
	if (!ret)
		ret = open_clock(d);
	if (!ret)
		ret = open_signals(d);
	if (!ret)
		return 0;
	timers_close(&d->timers);
	intake_close(d);
err_mailbox:
	mailbox_destroy(&d->mailbox);
err_loop:
	loop_close(&d->loop);
err_control:
	close_sources(c);
	return ret;
}

void control_close(struct device *d)
{
	reroute_close(d);
	timers_close(&d->timers);
	intake_close(d);
	mailbox_destroy(&d->mailbox);
	loop_close(&d->loop);
	close_sources(d->control);
}
