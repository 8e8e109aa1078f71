// The thread of a queue: sleeps until one of its descriptors is readable, then gives each that is
// one turn, inside the path bracket.
#include "tunnel/path.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/pipeline.h"
#include "tunnel/egress.h"

enum {
	QUEUES_BY_MACHINE_MAX = 8,
	QUEUES_FROM_CPUS = 4,
	TRANSMIT_BYTES = 4 * 65536, // in a row, before the sockets have their turn
	STARVED_REST_NS = 1000000,
};

unsigned path_queues(unsigned wanted, long cpus)
{
	if (wanted)
		return wanted < PATHS_MAX ? wanted : PATHS_MAX;
	// On few CPUs a second queue would only part batches: the other end, the kernel's stack and
	// whatever uses the tunnel need theirs.
	if (cpus < QUEUES_FROM_CPUS)
		return 1;
	return cpus / 2 < QUEUES_BY_MACHINE_MAX ? cpus / 2 : QUEUES_BY_MACHINE_MAX;
}

int path_init(struct path *p, struct device *d, unsigned index)
{
	*p = (struct path){
	    .device = d, .index = index, .tun = -1, .udp = {-1, -1}, .epoll = -1, .wake = -1};
	pthread_mutex_init(&p->pool_lock, NULL);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = p->epoll < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int ret = p->wake < 0 ? -errno : path_watch(p, p->wake);
	if (!ret)
		ret = egress_init(p);
	if (ret)
		path_close(p);
	return ret;
}

void path_close(struct path *p)
{
	const int fds[] = {p->tun, p->udp[0], p->udp[1], p->epoll, p->wake};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	egress_free(p);
	if (p->reading)
		buffer_put(p->reading);
	batch_pool_free(p);
	buffer_pool_free(p);
	pthread_mutex_destroy(&p->pool_lock);
}

int path_watch(struct path *p, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void path_touch(struct path *p, struct peer_lanes *lanes)
{
	if (lanes->touched)
		return;
	lanes->touched = true;
	lanes->next = p->touched;
	p->touched = lanes;
}

void path_flush(struct path *p)
{
	struct peer_lanes *lanes;

	while ((lanes = p->touched)) {
		p->touched = lanes->next;
		lanes->touched = false;
		workers_flush(lanes->send);
		workers_flush(lanes->receive);
	}
}

// Reads and sends by turns: what comes meanwhile may go before what waits. How many frames were
// read, or -errno.
static int transmit(struct path *p, bool *backlog)
{
	int frames = 0;

	for (uint32_t sent = 0; sent < TRANSMIT_BYTES;) {
		uint64_t now_ns = clock_now_ns();
		int n = tun_read(p, now_ns);

		if (n < 0)
			return n;
		frames += n;
		uint32_t bytes = egress_send(p, now_ns);
		if (!bytes)
			return frames;
		sent += bytes;
	}
	*backlog = true;
	return frames;
}

static bool is_socket(const struct path *p, int fd)
{
	return fd == p->udp[0] || fd == p->udp[1];
}

static int serve(struct path *p, int fd, uint64_t now_ns, bool *backlog)
{
	if (fd == p->tun)
		return transmit(p, backlog);
	// What was ready may have been closed before the path bracket was entered.
	return is_socket(p, fd) ? udp_receive(p, fd, now_ns, backlog) : 0;
}

// false: the interface was deleted. patience_ms: how long the next wait may be (egress.h); found
// inside the bracket, since the control thread submits too.
static bool turn(struct path *p, const struct epoll_event *events, int n, int *patience_ms)
{
	struct device *d = p->device;
	uint64_t now_ns = clock_now_ns();
	bool there = true, backlog = false, transmitted = false;

	lock_share(&d->lock);
	for (int i = 0; i < n && there; i++) {
		int ret = serve(p, events[i].data.fd, now_ns, &backlog);

		// Before the next descriptor has its turn: what was received is not held back
		// while a burst is sent.
		path_flush(p);
		if (events[i].data.fd == p->tun) {
			transmitted = true;
			there = ret != -EBADFD && (ret || !(events[i].events & EPOLLERR));
		}
	}
	if (there && !transmitted && egress_waits(p)) {
		transmit(p, &backlog);
		path_flush(p);
	}
	*patience_ms = egress_patience(p);
	lock_release(&d->lock);
	workers_turn(d->workers, backlog, now_ns);
	return there;
}

// What waits stays with the kernel, which drops what is too much of it. Without a pause the thread
// would look at it over and over.
static void rest(struct path *p)
{
	const struct timespec pause = {.tv_nsec = STARVED_REST_NS};

	p->starved = false;
	nanosleep(&pause, NULL);
}

static void *run(void *path)
{
	struct path *p = path;
	struct device *d = p->device;
	int patience_ms = -1;
	struct epoll_event events[4]; // TUN, wake, and a socket for each family

	pthread_setname_np(pthread_self(), "path");
	counters_take_shard();
	while (!atomic_load(&d->stopping)) {
		int n =
		    epoll_wait(p->epoll, events, sizeof(events) / sizeof(events[0]), patience_ms);

		counters_add(&d->counters, epoll_waits, 1);
		if (n < 0 && errno != EINTR)
			break;
		if (!turn(p, events, n, &patience_ms)) {
			control_fail(d);
			break;
		}
		if (p->starved)
			rest(p);
	}
	return NULL;
}

int path_start(struct path *p)
{
	int ret = path_watch(p, p->tun);

	if (!ret)
		ret = -pthread_create(&p->thread, NULL, run, p);
	p->runs = !ret;
	return ret;
}

void path_join(struct path *p)
{
	if (!p->runs)
		return;
	eventfd_write(p->wake, 1);
	pthread_join(p->thread, NULL);
	p->runs = false;
}
