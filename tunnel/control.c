// The control thread's loop, and what other threads hand to it: bits of peers, and a bounded queue
// of handshake messages. Messages are handled in portions, so that a flood of them keeps neither
// timers nor configuration waiting.
#include "tunnel/control.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/handshake.h"
#include "tunnel/route.h"
#include "tunnel/timers.h"

enum { MESSAGES_AT_ONCE = 64 };

// Under load, so many buffers are read in so much time, and the kernel drops what their sockets
// have no room for: sooner and at less cost than could be done here, and without a wake-up for each
// of them. It is some 128,000 messages a second, whoever's they are.
enum { LOADED_READS = 8, LOADED_PAUSE_MS = 2 };

int control_watch(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct epoll_event event = {.events = epoll_events, .data.ptr = source};
	int epoll = d->control.epoll;

	if (!epoll_ctl(epoll, EPOLL_CTL_ADD, source->fd, &event))
		return 0;
	if (errno == EEXIST && !epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event))
		return 0;
	return -errno;
}

// ---- from any thread

// Only a full counter could make this fail: then the loop is awake anyway.
static void wake(struct control *c)
{
	eventfd_write(c->posted.fd, 1);
}

void control_stop(struct device *d)
{
	atomic_store(&d->control.stop, true);
	wake(&d->control);
}

void control_fail(struct device *d)
{
	atomic_store(&d->control.result, -EBADFD);
	control_stop(d);
}

void control_post(struct peer *p, unsigned events)
{
	struct control *c = &p->device->control;

	// While events are posted the peer is in the list, or on its way there with the poster of
	// the first of them. The barrier orders what the caller wrote before with what the control
	// thread reads after it has taken the events.
	if (atomic_fetch_or(&p->events, events))
		return;
	peer_hold(p);
	p->next_event = NULL;
	pthread_mutex_lock(&c->lock);
	bool first = !c->events_first;
	*c->events_last = p;
	c->events_last = &p->next_event;
	pthread_mutex_unlock(&c->lock);
	if (first)
		wake(c);
}

bool control_post_message(struct device *d, const void *message, size_t bytes,
                          const struct udp_endpoint *from)
{
	struct control *c = &d->control;
	bool first = false, room = false;

	if (bytes > sizeof(c->messages->bytes))
		return false;
	pthread_mutex_lock(&c->lock);
	if (c->messages_count < CONTROL_MESSAGES_MAX) {
		struct control_message *to =
		    &c->messages[(c->messages_first + c->messages_count) % CONTROL_MESSAGES_MAX];
		to->length = bytes;
		memcpy(to->bytes, message, bytes);
		to->from = *from;
		first = !c->messages_count++;
		room = true;
	}
	pthread_mutex_unlock(&c->lock);
	if (first)
		wake(c);
	return room;
}

// ---- the control thread

static void handle_events(struct device *d)
{
	struct control *c = &d->control;

	pthread_mutex_lock(&c->lock);
	struct peer *p = c->events_first, *next;
	c->events_first = NULL;
	c->events_last = &c->events_first;
	pthread_mutex_unlock(&c->lock);
	for (; p; p = next) {
		// In this order: once its events are taken, a peer may be posted anew.
		next = p->next_event;
		unsigned events = atomic_exchange(&p->events, 0);
		handshake_peer_events(p, events);
		peer_release(p);
	}
}

static bool take_message(struct control *c, struct control_message *to)
{
	pthread_mutex_lock(&c->lock);
	bool any = c->messages_count;
	if (any) {
		*to = c->messages[c->messages_first];
		c->messages_first = (c->messages_first + 1) % CONTROL_MESSAGES_MAX;
		c->messages_count--;
	}
	pthread_mutex_unlock(&c->lock);
	return any;
}

static void posted_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct control_message message;
	eventfd_t ignored;
	int left = MESSAGES_AT_ONCE;

	(void)epoll_events;
	// Before the queues are looked at, so that a post in the meantime wakes the loop again.
	eventfd_read(source->fd, &ignored);
	handle_events(d);
	while (left && take_message(&d->control, &message)) {
		handshake_receive(d, &message);
		left--;
	}
	if (!left)
		wake(&d->control);
}

// ---- handshakes from sockets of their own

static void handshake_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	const struct itimerspec pause = {.it_value.tv_nsec = LOADED_PAUSE_MS * NS_PER_MS};
	struct control *c = &d->control;
	unsigned reads = 0;

	(void)epoll_events;
	// All there is, so that the queue's length tells the load.
	while (reads < LOADED_READS && udp_receive_handshakes(d, source->fd) == UDP_HANDSHAKES)
		reads++;
	if (handshake_under_load(d, clock_now_ns()) &&
	    !timerfd_settime(c->pause.fd, 0, &pause, NULL))
		control_watch(d, source, 0);
}

int control_watch_handshakes(struct device *d, const int fd[2])
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		struct control_source *source = &d->control.handshake[i];

		*source = (struct control_source){fd[i], handshake_ready};
		if (source->fd >= 0)
			ret = control_watch(d, source, EPOLLIN);
	}
	return ret;
}

static void pause_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		control_watch_handshakes(d, d->udp.handshake);
}

static void timer_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		timers_expire(d, clock_now_ns());
}

static bool segments(struct device *d)
{
	bool all = d->udp.segment;

	for (struct peer *p = d->peers; p; p = p->next)
		all = all && feature_on(&p->segment);
	return all;
}

// The smallest of all sockets', as the kernel counts it: twice what was granted. 0: closed.
static int buffer_bytes(const struct device *d, int option)
{
	int bytes = 0;

	for (unsigned i = 0; i < 2 * d->queues; i++) {
		int fd = d->queue[i / 2].udp[i % 2], value;
		socklen_t length = sizeof(value);

		if (fd >= 0 && !getsockopt(fd, SOL_SOCKET, option, &value, &length) &&
		    (!bytes || value < bytes))
			bytes = value;
	}
	return bytes;
}

static void print_offloads(struct device *d, FILE *to)
{
	const struct {
		const char *name;
		bool on;
	} rows[] = {
	    {"tun-gso", d->tun.tso},
	    {"tun-uso", d->tun.uso},
	    {"udp-gso", segments(d)},
	    {"udp-gro", d->udp.gro},
	    {"handshake-socket", d->udp.handshake[0] >= 0 || d->udp.handshake[1] >= 0},
	    {"merge-tcp", feature_on(&d->tun.merge_tcp)},
	    {"merge-udp", feature_on(&d->tun.merge_udp)},
	    {"strict-checksum", d->switches.strict_checksum},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, "\"%s\": %s, ", rows[i].name, rows[i].on ? "true" : "false");
	fprintf(to, "\"queues\": %u, \"receive-buffer\": %d, \"send-buffer\": %d", d->queues,
	        buffer_bytes(d, SO_RCVBUF), buffer_bytes(d, SO_SNDBUF));
}

// What glibc's malloc takes for a block.
static size_t block(size_t bytes)
{
	return (bytes + sizeof(size_t) + 15) & ~(size_t)15;
}

// The heap's blocks that are in use, without those of the pools, and what the pools have grown to.
// A sanitizer's heap isn't told: 0.
static void print_memory(struct device *d, FILE *to)
{
	struct mallinfo2 heap = mallinfo2();
	unsigned buffers = atomic_load(&d->made.count[POOL_BUFFERS]);
	unsigned batches = atomic_load(&d->made.count[POOL_BATCHES]);
	size_t used = heap.uordblks + heap.hblkhd;
	size_t pools =
	    buffers * block(sizeof(struct buffer)) + batches * block(sizeof(struct batch));

	fprintf(to, "\"heap-bytes\": %zu, \"buffers\": %u, \"batches\": %u",
	        used > pools ? used - pools : 0, buffers, batches);
}

void control_print_counters(struct device *d, FILE *to)
{
	const char *comma = "";

	fputs("{\"offloads\": {", to);
	print_offloads(d, to);
	fputs("}, \"memory\": {", to);
	print_memory(d, to);
	fputs("}, \"counters\": {", to);
#define X(name)                                                                                    \
	fprintf(to, "%s\"%s\": %" PRIu64, comma, #name, counters_sum(&d->counters, name));         \
	comma = ", ";
	COUNTERS(X)
#undef X
	fputs("}}\n", to);
	fflush(to);
}

static void signals_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct signalfd_siginfo info;

	(void)epoll_events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			control_print_counters(d, stderr);
		else
			control_stop(d);
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

static void clock_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
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

	if (now_ns < d->control.suspended_ns + (int64_t)NS_PER_S)
		return;
	d->control.suspended_ns = now_ns;
	for (struct peer *p = d->peers; p; p = p->next)
		peer_zero_keys(p);
}

int control_run(struct device *d)
{
	struct control *c = &d->control;

	while (!atomic_load(&c->stop)) {
		struct epoll_event event;
		// One at a time, so that whoever is ready may close and free any source.
		int n = epoll_wait(c->epoll, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		drop_keys_after_suspend(d);
		if (n == 1) {
			struct control_source *source = event.data.ptr;
			source->ready(d, source, event.events);
		}
	}
	return atomic_load(&c->result);
}

// ---- setting up

static int open_source(struct device *d, struct control_source *source, int fd,
                       void (*ready)(struct device *, struct control_source *, uint32_t))
{
	*source = (struct control_source){.fd = fd, .ready = ready};
	return fd < 0 ? -errno : control_watch(d, source, EPOLLIN);
}

static void close_all(struct control *c)
{
	const int fds[] = {c->posted.fd, c->pause.fd,   c->timer.fd,
	                   c->clock.fd,  c->signals.fd, c->epoll};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(c->messages);
	free(c->heap);
	pthread_mutex_destroy(&c->lock);
}

int control_init(struct device *d)
{
	struct control *c = &d->control;
	const struct itimerspec never = {.it_value.tv_sec = INT32_MAX};
	const int flags = SFD_NONBLOCK | SFD_CLOEXEC;
	sigset_t signals;
	int ret;

	memset(c, 0, sizeof(*c));
	c->posted.fd = c->pause.fd = c->timer.fd = c->clock.fd = c->signals.fd = -1;
	c->suspended_ns = suspended_ns();
	c->events_last = &c->events_first;
	pthread_mutex_init(&c->lock, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = c->epoll < 0 ? -errno : 0;
	if (!ret)
		ret = open_source(d, &c->posted, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		                  posted_ready);
	if (!ret)
		ret = open_source(d, &c->pause,
		                  timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		                  pause_ready);
	if (!ret)
		ret = open_source(d, &c->timer,
		                  timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC),
		                  timer_ready);
	if (!ret)
		ret = open_source(d, &c->clock,
		                  timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC),
		                  clock_ready);
	if (!ret &&
	    timerfd_settime(c->clock.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL))
		ret = -errno;
	if (!ret)
		ret = open_source(d, &c->signals, signalfd(-1, &signals, flags), signals_ready);
	if (!ret) {
		c->messages = calloc(CONTROL_MESSAGES_MAX, sizeof(*c->messages));
		ret = c->messages ? 0 : -ENOMEM;
	}
	if (ret)
		close_all(c);
	return ret;
}

void control_destroy(struct device *d)
{
	struct control *c = &d->control;

	while (c->events_first) {
		struct peer *p = c->events_first;

		c->events_first = p->next_event;
		peer_release(p);
	}
	route_close(d);
	close_all(c);
}
