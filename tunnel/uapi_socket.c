// The configuration socket and its clients. A client is served one request an event, and is read
// again only when it has taken its answer, so one that stalls or floods holds up nobody else. Where
// another can't be accepted, for want of a descriptor or memory, it waits. What passes through
// holds keys, so every buffer is wiped.
#include "tunnel/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>
#include "tunnel/control.h"
#include "tunnel/device.h"

#define DIRECTORY "/var/run/wireguard"

enum {
	CLIENTS_MAX = 64,
	BACKLOG = 64,
	INPUT_FIRST = 4096,
	INPUT_MAX = 64 << 20, // of one request: some two million allowed IPs
	PAUSE_NS = 100000000,
};

struct client {
	struct control_source source; // first
	struct uapi_server *server;
	struct client *next, **link;
	char *in; // [start, end) is not yet handled
	size_t start, end, capacity;
	size_t scanned; // no request ends before
	struct uapi_buffer out;
	size_t sent;
	bool ended; // nothing more is read: close once the answer is out
};

struct uapi_server {
	struct control_source listener; // first
	struct control_source watcher;  // inotify: the socket file
	struct control_source pause;    // timerfd: until the listener is looked at again
	struct sockaddr_un address;
	dev_t dev; // of the socket file
	ino_t ino;
	struct client *clients;
	unsigned client_count;
};

// ---- clients

static void close_client(struct device *d, struct client *c)
{
	struct uapi_server *s = c->server;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	s->client_count--;
	close(c->source.fd);
	control_watch(d, &s->listener, EPOLLIN);
	if (c->in)
		explicit_bzero(c->in, c->capacity);
	free(c->in);
	uapi_buffer_free(&c->out);
	free(c);
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
		uapi_get(d, &c->out);
	else if (!ret)
		ret = uapi_set(d, &request);
	uapi_request_free(&request);
	answer(c, ret);
	explicit_bzero(c->in + c->start, bytes);
	c->start += bytes;
	c->scanned = c->start;
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

static void client_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct client *c = (struct client *)source;
	bool alive = true;

	(void)epoll_events;
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
	    control_watch(d, &c->source, more ? EPOLLOUT : EPOLLIN))
		close_client(d, c);
}

// Whoever waits would else wake the loop without end.
static void pause_listener(struct device *d, struct uapi_server *s)
{
	const struct itimerspec pause = {.it_value.tv_nsec = PAUSE_NS};

	control_watch(d, &s->listener, 0);
	timerfd_settime(s->pause.fd, 0, &pause, NULL);
}

static void pause_over(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = d->control.uapi;
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) > 0 &&
	    s->client_count < CLIENTS_MAX)
		control_watch(d, &s->listener, EPOLLIN);
}

static void listener_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = (struct uapi_server *)source;
	int fd = accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)epoll_events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_listener(d, s);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->source = (struct control_source){.fd = fd, .ready = client_ready};
	c->server = s;
	c->next = s->clients;
	c->link = &s->clients;
	if (c->next)
		c->next->link = &c->next;
	s->clients = c;
	if (++s->client_count == CLIENTS_MAX)
		control_watch(d, &s->listener, 0);
	if (control_watch(d, &c->source, EPOLLIN))
		close_client(d, c);
}

// ---- the socket file

static bool still_ours(const struct uapi_server *s)
{
	struct stat now;

	return !lstat(s->address.sun_path, &now) && now.st_dev == s->dev && now.st_ino == s->ino;
}

static void watcher_ready(struct device *d, struct control_source *source, uint32_t epoll_events)
{
	struct uapi_server *s = d->control.uapi;
	char events[4096];

	(void)epoll_events;
	while (read(source->fd, events, sizeof(events)) > 0)
		;
	if (!still_ours(s))
		control_stop(d);
}

// The lock orders the programs that probe, remove and bind in the directory.
static int lock_directory(void)
{
	int fd;

	if (mkdir(DIRECTORY, 0700) && errno != EEXIST)
		return -errno;
	fd = open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX)) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

// 0 when nobody answers at the socket file and it's gone now.
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat info;
	int fd, ret = 0;

	if (lstat(address->sun_path, &info))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(info.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		ret = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		ret = -errno;
	close(fd);
	if (!ret && unlink(address->sun_path))
		ret = -errno;
	return ret;
}

static int bind_and_listen(struct uapi_server *s)
{
	struct stat info;
	mode_t mask = umask(077);
	int ret = 0;

	if (bind(s->listener.fd, (struct sockaddr *)&s->address, sizeof(s->address)))
		ret = -errno;
	umask(mask);
	if (ret)
		return ret;
	if (listen(s->listener.fd, BACKLOG) || lstat(s->address.sun_path, &info)) {
		ret = -errno;
		unlink(s->address.sun_path);
		return ret;
	}
	s->dev = info.st_dev;
	s->ino = info.st_ino;
	return 0;
}

static const char *remedy(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return ": another program serves this name; end it or choose another name";
	case EEXIST:
		return ": there is something that isn't a socket; remove it";
	case EACCES:
	case EPERM:
		return ": it needs root";
	default:
		return "";
	}
}

// Without inotify (its instances are limited) the tunnel only lasts longer than its socket.
static void watch_file(struct device *d, struct uapi_server *s)
{
	s->watcher = (struct control_source){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
	                                     .ready = watcher_ready};
	if (s->watcher.fd < 0)
		return;
	// A socket's inode outlives its name: removing the name shows as an attribute.
	inotify_add_watch(s->watcher.fd, s->address.sun_path,
	                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
	control_watch(d, &s->watcher, EPOLLIN);
}

int uapi_open(struct device *d)
{
	struct uapi_server *s = calloc(1, sizeof(*s));
	int directory = -1, ret = -ENOMEM;

	if (!s)
		goto err;
	s->listener = (struct control_source){.fd = -1, .ready = listener_ready};
	s->pause = (struct control_source){
	    .fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC), .ready = pause_over};
	ret = s->pause.fd < 0 ? -errno : control_watch(d, &s->pause, EPOLLIN);
	if (ret)
		goto err;
	s->address.sun_family = AF_UNIX;
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), DIRECTORY "/%s.sock", d->name);
	ret = directory = lock_directory();
	if (ret < 0)
		goto err;
	ret = remove_stale(&s->address);
	if (ret)
		goto err;
	s->listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ret = s->listener.fd < 0 ? -errno : bind_and_listen(s);
	if (ret)
		goto err;
	ret = control_watch(d, &s->listener, EPOLLIN);
	if (ret) {
		unlink(s->address.sun_path);
		goto err;
	}
	watch_file(d, s);
	close(directory);
	d->control.uapi = s;
	return 0;

err:
	fprintf(stderr, "wgbench-tunnel: " DIRECTORY "/%s.sock: %s%s\n", d->name, strerror(-ret),
	        remedy(ret));
	if (directory >= 0)
		close(directory);
	if (s && s->listener.fd >= 0)
		close(s->listener.fd);
	if (s && s->pause.fd >= 0)
		close(s->pause.fd);
	free(s);
	return ret;
}

void uapi_close(struct device *d)
{
	struct uapi_server *s = d->control.uapi;
	int directory;

	if (!s)
		return;
	d->control.uapi = NULL;
	while (s->clients)
		close_client(d, s->clients);
	directory = lock_directory();
	if (still_ours(s))
		unlink(s->address.sun_path);
	close(s->listener.fd);
	close(s->pause.fd);
	if (s->watcher.fd >= 0)
		close(s->watcher.fd);
	if (directory >= 0)
		close(directory);
	free(s);
}
