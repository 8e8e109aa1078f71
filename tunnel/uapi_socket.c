// The configuration socket and its clients. A client is served one request an event, and is read
// again only when it has taken its answer, so one that stalls or floods holds up nobody else. Nor
// does one that is silent: where there are too many clients, or they hold too much memory, whoever
// hasn't moved for longest is let go. Where even so another can't be accepted, for want of a
// descriptor or memory, it waits. What passes through holds keys, so every buffer is wiped.
#include "tunnel/uapi_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "tunnel/loop.h"
#include "tunnel/state.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"
#include "tunnel/uapi_file.h"

enum {
	CLIENTS_MAX = 64,
	INPUT_FIRST = 4096,
	INPUT_MAX = 64 << 20,   // of one request: some two million allowed IPs
	MEMORY_MAX = 128 << 20, // of all clients, unless one needs more alone
	PAUSE_NS = 100000000,
};

struct client {
	struct loop_source source; // first
	TAILQ_ENTRY(client) link;
	char *in; // [start, end) is not yet handled
	size_t start, end, capacity;
	size_t scanned; // no request ends before
	struct uapi_buffer out;
	size_t sent;
	bool ended; // nothing more is read: close once the answer is out
};

struct uapi_server {
	struct loop_source listener; // first
	struct loop_source watcher;  // inotify: the socket file
	struct loop_source pause;    // timerfd: until the listener is looked at again
	struct uapi_file file;
	TAILQ_HEAD(clients, client) clients; // the one that moved last comes first
	unsigned client_count;
};

// ---- clients

static void free_input(struct client *c)
{
	if (c->in)
		explicit_bzero(c->in, c->capacity);
	free(c->in);
	c->in = NULL;
	c->start = c->end = c->capacity = c->scanned = 0;
}

static void close_client(struct device *d, struct client *c)
{
	struct uapi_server *s = d->uapi;

	TAILQ_REMOVE(&s->clients, c, link);
	s->client_count--;
	close(c->source.fd);
	loop_watch(&d->loop, &s->listener, EPOLLIN);
	free_input(c);
	uapi_buffer_free(&c->out);
	free(c);
}

static size_t held_bytes(const struct client *c)
{
	return c->capacity + c->out.capacity;
}

// Lets those go that hold memory, the longest without a move first and never `kept`, until what all
// hold is within the bound.
static void bound_memory(struct device *d, const struct client *kept)
{
	struct uapi_server *s = d->uapi;
	struct client *c, *earlier;
	size_t bytes = 0;

	for (c = TAILQ_FIRST(&s->clients); c; c = TAILQ_NEXT(c, link))
		bytes += held_bytes(c);
	for (c = TAILQ_LAST(&s->clients, clients); c && bytes > MEMORY_MAX; c = earlier) {
		earlier = TAILQ_PREV(c, clients, link);
		if (c == kept || !held_bytes(c))
			continue;
		bytes -= held_bytes(c);
		close_client(d, c);
	}
}

// Length of the request that lies whole in the input; 0: none does.
static size_t whole_request(struct client *c)
{
	const char *from = c->in + c->scanned, *end;

	if (c->start == c->end)
		return 0;
	if (c->in[c->start] == '\n')
		return 1;
	end = memmem(from, c->in + c->end - from, "\n\n", 2);
	if (end)
		return end + 2 - (c->in + c->start);
	c->scanned = c->end - 1;
	return 0;
}

static bool make_room(struct client *c)
{
	if (c->end < c->capacity)
		return true;
	if (c->start) {
		memmove(c->in, c->in + c->start, c->end - c->start);
		explicit_bzero(c->in + c->end - c->start, c->start);
		c->scanned -= c->start;
		c->end -= c->start;
		c->start = 0;
		return true;
	}
	if (c->capacity >= INPUT_MAX)
		return false;
	size_t capacity = c->capacity ? 2 * c->capacity : INPUT_FIRST;
	char *in = uapi_grow(c->in, c->end, capacity);
	if (!in)
		return false;
	c->in = in;
	c->capacity = capacity;
	return true;
}

static void answer(struct client *c, int error)
{
	uapi_print(&c->out, "errno=%d\n\n", error);
	if (!c->out.failed)
		return;
	// There is room in what is left of the longer answer.
	c->out.failed = false;
	c->out.length = 0;
	uapi_print(&c->out, "errno=%d\n\n", -ENOMEM);
}

// false: the connection is broken.
static bool receive(struct client *c)
{
	if (!make_room(c)) {
		answer(c, c->capacity >= INPUT_MAX ? -E2BIG : -ENOMEM);
		c->ended = true;
		return true;
	}
	ssize_t n = recv(c->source.fd, c->in + c->end, c->capacity - c->end, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->end += n;
	if (n == 0) {
		c->ended = true;
		if (c->start < c->end && !whole_request(c))
			answer(c, -EPROTO);
	}
	return true;
}

static void serve(struct device *d, struct client *c, size_t bytes)
{
	struct uapi_request request;
	int ret;

	// What can't be answered isn't carried out.
	uapi_print(&c->out, "%s", "");
	if (c->out.failed)
		return;
	ret = uapi_parse(&request, c->in + c->start, bytes);
	// Where the lines make no sense, neither does what follows them.
	if (ret == -EPROTO) {
		c->ended = true;
		c->end = c->start + bytes;
	}
	if (!ret && request.get)
		uapi_device_get(d, &c->out);
	else if (!ret)
		ret = uapi_device_set(d, &request);
	uapi_request_free(&request);
	answer(c, ret);
	explicit_bzero(c->in + c->start, bytes);
	c->start += bytes;
	c->scanned = c->start;
	if (c->start == c->end && c->capacity > INPUT_FIRST)
		free_input(c);
}

// false: the connection is broken.
static bool flush(struct client *c)
{
	if (c->out.failed)
		return false;
	if (!c->out.length)
		return true;
	ssize_t n =
	    send(c->source.fd, c->out.text + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sent += n;
	if (c->sent == c->out.length) {
		uapi_buffer_free(&c->out);
		c->sent = 0;
	}
	return true;
}

static void client_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = d->uapi;
	struct client *c = (struct client *)source;
	bool alive = true;

	(void)epoll_events;
	TAILQ_REMOVE(&s->clients, c, link);
	TAILQ_INSERT_HEAD(&s->clients, c, link);
	if (!c->out.length) {
		if (!c->ended && !whole_request(c))
			alive = receive(c);
		size_t bytes = c->out.length ? 0 : whole_request(c);
		if (bytes)
			serve(d, c, bytes);
	}
	alive = alive && flush(c);
	bool more = c->out.length || whole_request(c);
	if (!alive || (c->ended && !more) ||
	    loop_watch(&d->loop, &c->source, more ? EPOLLOUT : EPOLLIN))
		close_client(d, c);
	else
		bound_memory(d, c);
}

// Whoever waits would else wake the loop without end.
static void pause_listener(struct device *d, struct uapi_server *s)
{
	const struct itimerspec pause = {.it_value.tv_nsec = PAUSE_NS};

	loop_watch(&d->loop, &s->listener, 0);
	timerfd_settime(s->pause.fd, 0, &pause, NULL);
}

static void pause_over(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = d->uapi;
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) > 0)
		loop_watch(&d->loop, &s->listener, EPOLLIN);
}

// false: there is none.
static bool close_oldest(struct device *d, struct uapi_server *s)
{
	struct client *c = TAILQ_LAST(&s->clients, clients);

	if (c)
		close_client(d, c);
	return c;
}

static int accept_client(struct device *d, struct uapi_server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->source = (struct loop_source){.fd = fd, .ready = client_ready};
	TAILQ_INSERT_HEAD(&s->clients, c, link);
	s->client_count++;
	int ret = loop_watch(&d->loop, &c->source, EPOLLIN);
	if (ret)
		close_client(d, c);
	else if (s->client_count > CLIENTS_MAX)
		close_oldest(d, s);
	return ret;
}

static void listener_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = (struct uapi_server *)source;
	int fd = accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)epoll_events;
	if (fd >= 0) {
		accept_client(d, s, fd);
		return;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	// Of clients that make room the listener hears again at once.
	if (!close_oldest(d, s))
		pause_listener(d, s);
}

// ---- the socket file

static void watcher_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = d->uapi;
	char events[4096];

	(void)epoll_events;
	while (read(source->fd, events, sizeof(events)) > 0)
		;
	if (!uapi_file_is_ours(&s->file))
		loop_stop(&d->loop);
}

// Without inotify (its instances are limited) the tunnel only lasts longer than its socket.
static void watch_file(struct device *d, struct uapi_server *s)
{
	s->watcher = (struct loop_source){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
	                                  .ready = watcher_ready};
	if (s->watcher.fd < 0)
		return;
	// A socket's inode outlives its name: removing the name shows as an attribute.
	inotify_add_watch(s->watcher.fd, s->file.address.sun_path,
	                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
	loop_watch(&d->loop, &s->watcher, EPOLLIN);
}

static int open_server(struct device *d, struct uapi_server *s)
{
	int ret = s->pause.fd < 0 ? -errno : loop_watch(&d->loop, &s->pause, EPOLLIN);

	if (ret)
		return ret;
	s->listener.fd = uapi_file_listen(&s->file, d->name);
	if (s->listener.fd < 0)
		return s->listener.fd;
	ret = loop_watch(&d->loop, &s->listener, EPOLLIN);
	if (ret)
		uapi_file_remove(&s->file);
	return ret;
}

int uapi_socket_open(struct device *d)
{
	struct uapi_server *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		goto err;
	TAILQ_INIT(&s->clients);
	s->listener = (struct loop_source){.fd = -1, .ready = listener_ready};
	s->pause = (struct loop_source){
	    .fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC), .ready = pause_over};
	ret = open_server(d, s);
	if (ret)
		goto err;
	watch_file(d, s);
	d->uapi = s;
	return 0;

err:
	fprintf(stderr, "wgbench-tunnel: " UAPI_FILE_DIRECTORY "/%s.sock: %s%s\n", d->name,
	        strerror(-ret), uapi_file_remedy(ret));
	if (s && s->listener.fd >= 0)
		close(s->listener.fd);
	if (s && s->pause.fd >= 0)
		close(s->pause.fd);
	free(s);
	return ret;
}

void uapi_socket_close(struct device *d)
{
	struct uapi_server *s = d->uapi;

	if (!s)
		return;
	while (close_oldest(d, s))
		;
	d->uapi = NULL;
	uapi_file_remove(&s->file);
	close(s->listener.fd);
	close(s->pause.fd);
	if (s->watcher.fd >= 0)
		close(s->watcher.fd);
	free(s);
}
