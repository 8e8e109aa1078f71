#include "tunnel/queue.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "tunnel/pool.h"

enum {
	QUEUES_BY_MACHINE_MAX = 8,
	QUEUES_FROM_CPUS = 4,
};

unsigned queue_count(unsigned wanted, long cpus)
{
	if (wanted)
		return wanted < QUEUES_MAX ? wanted : QUEUES_MAX;
	// On few CPUs a second queue would only part batches: the other end, the kernel's stack and
	// whatever uses the tunnel need theirs.
	if (cpus < QUEUES_FROM_CPUS)
		return 1;
	return cpus / 2 < QUEUES_BY_MACHINE_MAX ? cpus / 2 : QUEUES_BY_MACHINE_MAX;
}

int queue_init(struct queue *q, const struct switches *s, struct pool_made *made)
{
	q->tun = q->udp[0] = q->udp[1] = q->wake = -1;
	pool_init(&q->pool, q, made);
	q->epoll = epoll_create1(EPOLL_CLOEXEC);
	q->wake = q->epoll < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int ret = q->wake < 0 ? -errno : queue_watch(q, q->wake);
	if (!ret)
		ret = egress_init(&q->egress, s, q->counters);
	if (ret)
		queue_close(q);
	return ret;
}

void queue_close(struct queue *q)
{
	const int fds[] = {q->tun, q->udp[0], q->udp[1], q->epoll, q->wake};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	egress_free(&q->egress);
	if (q->reading)
		pool_put_buffer(q->reading);
	pool_destroy(&q->pool);
}

int queue_watch(struct queue *q, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(q->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}
