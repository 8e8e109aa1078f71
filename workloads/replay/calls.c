// The path's system calls, answered from memory: definitions here come before the C library's. What
// they do in the kernel's place isn't counted; what they do for any other descriptor is a real
// call.
//
// A thread of the workers, of which there is one at most, runs only while the path's thread waits
// for events, until it sleeps: so threads take turns in one order, on any machine.
#include "workloads/replay/replay.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include "tunnel/device.h"
#include "tunnel/offload.h"
#include "tunnel/peer.h"
#include "tunnel/queue.h"

enum {
	DATAGRAMS_MAX = 1 << 16, // of all rounds of a side
	DATAGRAM_BYTES_MAX = 64 << 20,
	// How far the clock goes with each wait: all of them are within one window of the workers'
	// policy, so that it never asks for a thread.
	TURN_NS = 1000,
};

const char *const replay_sides[] = {"encrypt", "decrypt", "both"};

// What was sent in one message and comes in one: several of `size` bytes, the last perhaps shorter.
struct datagrams {
	uint32_t offset, bytes, size;
};

static struct {
	struct device *device;
	const struct replay_burst *bursts;
	struct replay_count *counts;
	int tun, udp, epoll;
	uint64_t now_ns;
	enum replay_side side;
	unsigned round; // of the side, begun
	const struct replay_burst *burst;
	size_t frame; // of the burst, the next to be read
	uint64_t calls, up_packets, up_bytes;
	// Sent; from `first` on not yet received. round_end: how many after each round of
	// encrypting.
	size_t first, datagrams, used, round_end[REPLAY_ROUNDS];
	struct datagrams datagram[DATAGRAMS_MAX];
	uint8_t *bytes;
	int finished; // eventfd
	const char *fault;
} replay = {.tun = -1, .udp = -1, .epoll = -1, .now_ns = 1000 * NS_PER_S};

uint64_t replay_clock(void)
{
	return replay.now_ns;
}

static void find_fault(const char *what)
{
	if (!replay.fault)
		replay.fault = what;
}

// ---- threads

static struct {
	unsigned made;
	int go, parked;       // eventfds: the path's thread says go, the other that it sleeps
	atomic_bool released; // sleep and wake up as ever
} threads = {.go = -1, .parked = -1};

static void *next_definition(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static void wait_event(int fd)
{
	eventfd_t n;

	while (eventfd_read(fd, &n))
		;
}

int pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *context)
{
	typeof(pthread_create) *real = next_definition("pthread_create");

	if (threads.go < 0) {
		threads.go = eventfd(0, 0);
		threads.parked = eventfd(0, 0);
	}
	threads.made++;
	return real(id, attributes, start, context);
}

// Only threads of the workers call it.
int sem_wait(sem_t *s)
{
	int ret;

	CALLGRIND_TOGGLE_COLLECT;
	while ((ret = sem_trywait(s)) && !threads.released) {
		eventfd_write(threads.parked, 1);
		wait_event(threads.go);
	}
	if (ret) {
		typeof(sem_wait) *real = next_definition("sem_wait");
		ret = real(s);
	}
	CALLGRIND_TOGGLE_COLLECT;
	return ret;
}

// Lets the workers' thread run until it sleeps again.
static void give_turn(void)
{
	if (threads.made < 2) // the path's own
		return;
	eventfd_write(threads.go, 1);
	wait_event(threads.parked);
}

// ---- the rounds

static bool tun_waits(void)
{
	return replay.burst && replay.frame < replay.burst->frames;
}

// What is only decrypted comes burst by burst as it was encrypted.
static size_t arrived(void)
{
	switch (replay.side) {
	case REPLAY_DECRYPT:
		return replay.round ? replay.round_end[replay.round - 1] : 0;
	case REPLAY_BOTH:
		return replay.datagrams;
	default:
		return 0;
	}
}

static bool udp_waits(void)
{
	return replay.first < arrived();
}

static void begin_count(void)
{
	replay.calls = replay.up_packets = replay.up_bytes = 0;
	CALLGRIND_ZERO_STATS;
}

static uint64_t drops(const struct device *d)
{
	uint64_t sum = 0;

#define X(name) sum += strncmp(#name, "drop_", 5) ? 0 : counters_sum(&d->counters, name);
	COUNTERS(X)
#undef X
	return sum;
}

static void end_count(void)
{
	struct replay_count *c = &replay.counts[replay.side];

	CALLGRIND_DUMP_STATS_AT(replay_sides[replay.side]);
	*c = (struct replay_count){.calls = replay.calls};
	for (unsigned r = REPLAY_WARM_UP; r < REPLAY_ROUNDS; r++) {
		c->packets += replay.bursts[r % REPLAY_PEERS].packets;
		c->bytes += replay.bursts[r % REPLAY_PEERS].bytes;
	}
	if (replay.side != REPLAY_ENCRYPT &&
	    (replay.up_packets != c->packets || replay.up_bytes != c->bytes))
		find_fault("what came up isn't what was sent");
	if (drops(replay.device))
		find_fault("packets were dropped");
	// What was encrypted stays to be decrypted.
	if (replay.side != REPLAY_ENCRYPT)
		replay.first = replay.datagrams = replay.used = 0;
	replay.burst = NULL;
	replay.round = 0;
}

// false: all sides are through.
static bool next_round(void)
{
	if (replay.side == REPLAY_ENCRYPT && replay.round)
		replay.round_end[replay.round - 1] = replay.datagrams;
	if (replay.round == REPLAY_ROUNDS) {
		end_count();
		if (++replay.side == REPLAY_SIDES)
			return false;
	}
	if (replay.round == REPLAY_WARM_UP)
		begin_count();
	if (replay.side != REPLAY_DECRYPT) {
		replay.burst = &replay.bursts[replay.round % REPLAY_PEERS];
		replay.frame = 0;
	}
	replay.round++;
	return true;
}

// The path's thread waits for its end.
static int wait_for_end(struct epoll_event *events, int max)
{
	replay.epoll = -1;
	eventfd_write(replay.finished, 1);
	return syscall(SYS_epoll_wait, replay.device->queue[0].epoll, events, max, -1);
}

static int wait_events(struct epoll_event *events, int max, int timeout_ms)
{
	int n = 0;

	give_turn();
	replay.now_ns += TURN_NS;
	replay.calls++;
	if (!tun_waits() && !udp_waits() && timeout_ms < 0 && !next_round())
		return wait_for_end(events, max);
	if (tun_waits())
		events[n++] = (struct epoll_event){.events = EPOLLIN, .data.fd = replay.tun};
	if (udp_waits())
		events[n++] = (struct epoll_event){.events = EPOLLIN, .data.fd = replay.udp};
	return n;
}

// ---- the calls

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	if (fd != replay.epoll)
		return syscall(SYS_epoll_wait, fd, events, max, timeout_ms);
	CALLGRIND_TOGGLE_COLLECT;
	int n = wait_events(events, max, timeout_ms);
	CALLGRIND_TOGGLE_COLLECT;
	return n;
}

static ssize_t read_tun(const struct iovec *iov)
{
	replay.calls++;
	if (!tun_waits()) {
		errno = EAGAIN;
		return -1;
	}
	const struct replay_frame *f = &replay.burst->frame[replay.frame++];
	memcpy(iov[0].iov_base, &f->header, sizeof(f->header));
	memcpy(iov[1].iov_base, f->packet, f->length);
	return sizeof(f->header) + f->length;
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	if (fd != replay.tun)
		return syscall(SYS_readv, fd, iov, count);
	CALLGRIND_TOGGLE_COLLECT;
	ssize_t n = read_tun(iov);
	CALLGRIND_TOGGLE_COLLECT;
	return n;
}

static ssize_t write_tun(const struct iovec *iov, int count)
{
	const struct virtio_net_hdr *h = iov[0].iov_base;
	uint32_t length = 0;

	replay.calls++;
	for (int i = 1; i < count; i++)
		length += iov[i].iov_len;
	uint32_t segments = offload_segments(h, iov[1].iov_base, length);
	replay.up_packets += segments;
	replay.up_bytes += length + (segments - 1) * h->hdr_len;
	return sizeof(*h) + length;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	if (fd != replay.tun)
		return syscall(SYS_writev, fd, iov, count);
	CALLGRIND_TOGGLE_COLLECT;
	ssize_t n = write_tun(iov, count);
	CALLGRIND_TOGGLE_COLLECT;
	return n;
}

static uint16_t segment_bytes(struct msghdr *m)
{
	uint16_t bytes = m->msg_iov->iov_len;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
			memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
	return bytes;
}

// One for each message; where the receiver wants no runs of datagrams, one for each of them.
static void keep(struct msghdr *m)
{
	uint32_t bytes = m->msg_iov->iov_len, size = segment_bytes(m),
	         step = replay.device->udp.gro ? bytes : size;

	if (replay.used + bytes > DATAGRAM_BYTES_MAX ||
	    replay.datagrams + bytes / step + 1 > DATAGRAMS_MAX) {
		find_fault("more was sent than there is room for");
		return;
	}
	memcpy(replay.bytes + replay.used, m->msg_iov->iov_base, bytes);
	for (uint32_t at = 0; at < bytes; at += step)
		replay.datagram[replay.datagrams++] = (struct datagrams){
		    replay.used + at, bytes - at < step ? bytes - at : step, size};
	replay.used += bytes;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	if (fd != replay.udp)
		return syscall(SYS_sendmmsg, fd, messages, n, flags);
	CALLGRIND_TOGGLE_COLLECT;
	replay.calls++;
	for (unsigned i = 0; i < n; i++)
		keep(&messages[i].msg_hdr);
	CALLGRIND_TOGGLE_COLLECT;
	return n;
}

static void put_control(struct msghdr *m, size_t *at, int level, int type, const void *data,
                        size_t bytes)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + *at);

	*c = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(bytes)};
	memcpy(CMSG_DATA(c), data, bytes);
	*at += CMSG_SPACE(bytes);
}

// As the kernel tells it with the options that the tunnel sets.
static void deliver(struct mmsghdr *message, const struct datagrams *d)
{
	const struct endpoint *from = &replay.device->peers->endpoint;
	const struct in_pktinfo info = {.ipi_spec_dst = from->local.v4};
	struct msghdr *m = &message->msg_hdr;
	const uint8_t tos = 0;
	const int size = d->size;
	size_t at = 0;

	memcpy(m->msg_name, &from->remote.v4, sizeof(from->remote.v4));
	memcpy(m->msg_iov->iov_base, replay.bytes + d->offset, d->bytes);
	message->msg_len = d->bytes;
	put_control(m, &at, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	put_control(m, &at, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (replay.device->udp.gro && d->bytes > d->size)
		put_control(m, &at, IPPROTO_UDP, UDP_GRO, &size, sizeof(size));
	m->msg_controllen = at;
}

static int receive(struct mmsghdr *messages, unsigned room)
{
	unsigned n = 0;

	replay.calls++;
	while (n < room && udp_waits())
		deliver(&messages[n++], &replay.datagram[replay.first++]);
	if (n)
		return n;
	errno = EAGAIN;
	return -1;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned room, int flags, struct timespec *timeout)
{
	if (fd != replay.udp)
		return syscall(SYS_recvmmsg, fd, messages, room, flags, timeout);
	CALLGRIND_TOGGLE_COLLECT;
	int n = receive(messages, room);
	CALLGRIND_TOGGLE_COLLECT;
	return n;
}

// What the sockets hold is gone at once.
int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (fd != replay.udp || request != SIOCOUTQ)
		return syscall(SYS_ioctl, fd, request, argument);
	replay.calls++;
	*(int *)argument = 0;
	return 0;
}

// ---- the run

void replay_attach(struct device *d, const struct replay_burst bursts[REPLAY_PEERS])
{
	struct queue *q = &d->queue[0];

	replay.device = d;
	replay.bursts = bursts;
	// Descriptors that the path may close, and that nothing ever comes from.
	replay.tun = q->tun = eventfd(0, EFD_CLOEXEC);
	replay.udp = q->udp[0] = eventfd(0, EFD_CLOEXEC);
	replay.epoll = q->epoll;
	replay.finished = eventfd(0, EFD_CLOEXEC);
	replay.bytes = mmap(NULL, DATAGRAM_BYTES_MAX, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int replay_run(struct replay_count counts[REPLAY_SIDES])
{
	int ret = -ENOMEM;

	replay.counts = counts;
	if (replay.bytes == MAP_FAILED || replay.tun < 0 || replay.udp < 0 || replay.finished < 0)
		goto out;
	if (threads.made)
		wait_event(threads.parked);
	ret = device_start(replay.device);
	if (ret)
		return ret;
	wait_event(replay.finished);
	ret = replay.fault ? -EIO : 0;
out:
	if (ret)
		fprintf(stderr, "wgbench-replay: %s\n",
		        replay.fault ? replay.fault : strerror(-ret));
	return ret;
}

void replay_detach(void)
{
	threads.released = true;
	if (threads.made)
		eventfd_write(threads.go, 1);
}
