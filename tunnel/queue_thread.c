// Sleeps until one of the queue's descriptors is readable, then gives each that is one turn, inside
// the path bracket.
#include "tunnel/queue_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include "tunnel/clock.h"
#include "tunnel/gather.h"
#include "tunnel/lanes.h"
#include "tunnel/pipeline.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"

enum {
	TRANSMIT_BYTES = 4 * 65536, // in a row, before the sockets have their turn
	STARVED_REST_NS = 1000000,
};

// Reads and sends by turns: what comes meanwhile may go before what waits. How many frames were
// read, or -errno.
static int transmit_frames(struct queue *q, bool *backlog)
{
	int frames = 0;

	for (uint32_t sent = 0; sent < TRANSMIT_BYTES;) {
		uint64_t now_ns = clock_now_ns();
		int n = tun_read(q, now_ns);

		if (n < 0)
			return n;
		frames += n;
		uint32_t bytes = gather_send(q, now_ns);
		if (!bytes)
			return frames;
		sent += bytes;
	}
	*backlog = true;
	return frames;
}

static bool is_socket(const struct queue *q, int fd)
{
	return fd == q->udp[0] || fd == q->udp[1];
}

static int serve_descriptor(struct queue *q, int fd, uint64_t now_ns, bool *backlog)
{
	if (fd == q->tun)
		return transmit_frames(q, backlog);
	// What was ready may have been closed before the path bracket was entered.
	return is_socket(q, fd) ? udp_receive(q, fd, now_ns, backlog) : 0;
}

// false: the interface was deleted. patience_ms: how long the next wait may be (egress.h); found
// inside the bracket, since the control thread submits too.
static bool take_turn(struct queue *q, const struct epoll_event *events, int n, int *patience_ms)
{
	struct device *d = q->device;
	uint64_t now_ns = clock_now_ns();
	bool there = true, backlog = false, transmitted = false;

	lock_share(&d->lock);
	for (int i = 0; i < n && there; i++) {
		int ret = serve_descriptor(q, events[i].data.fd, now_ns, &backlog);

		// Before the next descriptor has its turn: what was received is not held back
		// while a burst is sent.
		lanes_flush(q);
		if (events[i].data.fd == q->tun) {
			transmitted = true;
			there = ret != -EBADFD && (ret || !(events[i].events & EPOLLERR));
		}
	}
	if (there && !transmitted && egress_waits(&q->egress)) {
		transmit_frames(q, &backlog);
		lanes_flush(q);
	}
	*patience_ms = egress_patience(&q->egress);
	lock_release(&d->lock);
	workers_turn(d->workers, backlog, now_ns);
	return there;
}

// What waits stays with the kernel, which drops what is too much of it. Without a pause the thread
// would look at it over and over.
static void rest_thread(struct queue *q)
{
	const struct timespec pause = {.tv_nsec = STARVED_REST_NS};

	q->starved = false;
	nanosleep(&pause, NULL);
}

static void *run_queue(void *queue)
{
	struct queue *q = queue;
	struct device *d = q->device;
	int patience_ms = -1;
	struct epoll_event events[4]; // TUN, wake, and a socket for each family

	pthread_setname_np(pthread_self(), "path");
	counters_take_shard();
	while (!atomic_load(&d->stopping)) {
		int n =
		    epoll_wait(q->epoll, events, sizeof(events) / sizeof(events[0]), patience_ms);

		counters_add(&d->counters, epoll_waits, 1);
		if (n < 0 && errno != EINTR)
			break;
		if (!take_turn(q, events, n, &patience_ms)) {
			loop_fail(&d->loop);
			break;
		}
		if (q->starved)
			rest_thread(q);
	}
	return NULL;
}

int queue_thread_start(struct queue *q)
{
	int ret = queue_watch(q, q->tun);

	if (!ret)
		ret = -pthread_create(&q->thread, NULL, run_queue, q);
	q->runs = !ret;
	return ret;
}

void queue_thread_join(struct queue *q)
{
	if (!q->runs)
		return;
	eventfd_write(q->wake, 1);
	pthread_join(q->thread, NULL);
	q->runs = false;
}
