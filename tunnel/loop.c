#include "tunnel/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int loop_init(struct loop *l,
              void (*woken)(struct device *, struct loop_source *, uint32_t epoll_events))
{
	int ret;

	*l = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .wake.fd = -1};
	if (l->epoll < 0)
		return -errno;
	ret = loop_open(l, &l->wake, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), woken);
	if (ret)
		loop_close(l);
	return ret;
}

void loop_close(struct loop *l)
{
	if (l->wake.fd >= 0)
		close(l->wake.fd);
	close(l->epoll);
}

int loop_watch(struct loop *l, struct loop_source *source, uint32_t epoll_events)
{
	struct epoll_event event = {.events = epoll_events, .data.ptr = source};

	if (!epoll_ctl(l->epoll, EPOLL_CTL_ADD, source->fd, &event))
		return 0;
	if (errno == EEXIST && !epoll_ctl(l->epoll, EPOLL_CTL_MOD, source->fd, &event))
		return 0;
	return -errno;
}

int loop_open(struct loop *l, struct loop_source *source, int fd,
              void (*ready)(struct device *, struct loop_source *, uint32_t epoll_events))
{
	*source = (struct loop_source){fd, ready};
	return fd < 0 ? -errno : loop_watch(l, source, EPOLLIN);
}

int loop_run(struct loop *l, struct device *d, void (*awake)(struct device *))
{
	while (!atomic_load(&l->stop)) {
		struct epoll_event event;
		// One at a time, so that whoever is ready may close and free any source.
		int n = epoll_wait(l->epoll, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		awake(d);
		if (n == 1) {
			struct loop_source *source = event.data.ptr;
			source->ready(d, source, event.events);
		}
	}
	return atomic_load(&l->result);
}

// Only a full counter could make this fail: then the loop is awake anyway.
void loop_wake(struct loop *l)
{
	eventfd_write(l->wake.fd, 1);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	loop_wake(l);
}

void loop_fail(struct loop *l)
{
	atomic_store(&l->result, -EBADFD);
	loop_stop(l);
}
