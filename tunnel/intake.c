#include "tunnel/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/loop.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"

// Under load, so many buffers are read in so much time, and the kernel drops what their sockets
// have no room for: sooner and at less cost than could be done here, and without a wake-up for each
// of them. It is some 128,000 messages a second, whoever's they are.
enum { LOADED_READS = 8, LOADED_PAUSE_MS = 2 };

static void read_socket(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	const struct itimerspec pause = {.it_value.tv_nsec = LOADED_PAUSE_MS * NS_PER_MS};
	unsigned reads = 0;

	(void)epoll_events;
	// All there is, so that the queue's length tells the load.
	while (reads < LOADED_READS && udp_receive_handshakes(&d->queue[0], source->fd,
	                                                      &d->intake->slots) == UDP_HANDSHAKES)
		reads++;
	if (load_high(&d->load, &d->mailbox, clock_now_ns()) &&
	    !timerfd_settime(d->intake->pause.fd, 0, &pause, NULL))
		loop_watch(&d->loop, source, 0);
}

int intake_watch(struct device *d, const int fd[2])
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		struct loop_source *source = &d->intake->socket[i];

		*source = (struct loop_source){fd[i], read_socket};
		if (source->fd >= 0)
			ret = loop_watch(&d->loop, source, EPOLLIN);
	}
	return ret;
}

static void end_pause(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	uint64_t expirations;

	(void)epoll_events;
	if (read(source->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		intake_watch(d, d->udp.handshake);
}

int intake_open(struct device *d)
{
	struct intake *in = calloc(1, sizeof(*in));
	int ret;

	if (!in)
		return -ENOMEM;
	ret = loop_open(&d->loop, &in->pause,
	                timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), end_pause);
	d->intake = in;
	if (ret)
		intake_close(d);
	return ret;
}

void intake_close(struct device *d)
{
	if (!d->intake)
		return;
	if (d->intake->pause.fd >= 0)
		close(d->intake->pause.fd);
	free(d->intake);
	d->intake = NULL;
}
