// The outer sockets: opened, parted by what comes to them, marked and closed.
#include "tunnel/sockets.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/counters.h"
#include "tunnel/endpoint.h"
#include "tunnel/feature.h"
#include "tunnel/intake.h"
#include "tunnel/lock.h"
#include "tunnel/messages.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"

enum {
	PORT_TRIES = 100,
	// Of a socket for handshakes at the most: a flood of them takes no more memory, and fills
	// it while the tunnel reads as much as is good (intake.c).
	HANDSHAKE_BUFFER_BYTES = 1 << 20,
};

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

// Whether the refusal leaves a doubt.
static bool leaves_doubt(enum feature_call call, int error)
{
	return feature_meaning(call, error) != FEATURE_NEVER;
}

// Beyond the sysctl's limit where that is permitted, else up to it. Whether there is a doubt.
static bool set_buffer(int fd, int forced, int plain, int bytes)
{
	if (!bytes || !set_int(fd, SOL_SOCKET, forced, bytes))
		return false;
	int error = errno;
	set_int(fd, SOL_SOCKET, plain, bytes);
	return leaves_doubt(FEATURE_SOCKET_BUFFER, error);
}

// A socket of the family, bound to the port; -errno.
static int open_one(int family, uint16_t port, uint32_t fwmark, bool shared)
{
	union endpoint_address a = {.any.sa_family = family};
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	if (family == AF_INET) {
		a.v4.sin_port = htons(port);
		// Paper and kernel: no DF on the outer packet, whatever the path's MTU.
		set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
		set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
	} else {
		a.v6.sin6_port = htons(port);
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	}
	if ((fwmark && set_int(fd, SOL_SOCKET, SO_MARK, fwmark)) ||
	    (shared && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
	    bind(fd, &a.any, endpoint_address_bytes(&a))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static uint16_t read_bound_port(int fd)
{
	union endpoint_address a;
	socklen_t bytes = sizeof(a);

	if (getsockname(fd, &a.any, &bytes))
		return 0;
	return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

static int open_both(uint16_t port, uint32_t fwmark, int fd[2])
{
	for (unsigned tries = 0;; tries++) {
		fd[0] = open_one(AF_INET, port, fwmark, false);
		if (fd[0] < 0 && fd[0] != -EAFNOSUPPORT)
			return fd[0];
		fd[1] =
		    open_one(AF_INET6, fd[0] >= 0 ? read_bound_port(fd[0]) : port, fwmark, false);
		if (fd[1] >= 0 || fd[1] == -EAFNOSUPPORT || fd[1] == -EADDRNOTAVAIL)
			break;
		if (fd[0] >= 0)
			close(fd[0]);
		if (fd[1] != -EADDRINUSE || port || tries == PORT_TRIES)
			return fd[1];
	}
	return fd[0] < 0 && fd[1] < 0 ? -EAFNOSUPPORT : 0;
}

// Those of another queue beside those of the first, which took the port alone: so that a port in
// use by others is found out, whether they share it or not.
static int open_beside(const int first[2], uint32_t fwmark, int fd[2])
{
	for (int i = 0; i < 2; i++) {
		if (first[i] < 0)
			continue;
		if (set_int(first[i], SOL_SOCKET, SO_REUSEPORT, 1))
			return -errno;
		fd[i] = open_one(i ? AF_INET6 : AF_INET, read_bound_port(first[i]), fwmark, true);
		if (fd[i] < 0)
			return fd[i];
	}
	return 0;
}

// Sends datagrams to the socket of the group that its number says: data (paper, section 5.4: the
// first byte is 4) to one of the first `queues`, by source address and port, so that a peer's come
// to one; all else to the one after them. The kernel's own choice, by a hash, knows no content.
static int part_group(int fd, int family, unsigned queues)
{
	const uint32_t golden = 2654435761; // 2^32 over the golden ratio
	const uint32_t source = SKF_NET_OFF + (family == AF_INET ? 12 : 8);
	const struct sock_filter by_type[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MESSAGE_DATA, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, queues),
	};
	// X: the address; then A: the port.
	const struct sock_filter v4[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source),
	    BPF_STMT(BPF_ST, 0),
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
	    BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, SKF_NET_OFF),
	    BPF_STMT(BPF_LDX | BPF_MEM, 0),
	};
	const struct sock_filter v6[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 4),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 8),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 12),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    // Behind extension headers, which outer packets don't have, it would be no port.
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + 40),
	};
	const struct sock_filter by_source[] = {
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, golden),
	    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
	    BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, queues),
	    BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter code[32];
	struct sock_fprog program = {.filter = code};

#define ADD(part)                                                                                  \
	(memcpy(&code[program.len], part, sizeof(part)),                                           \
	 program.len += sizeof(part) / sizeof(part[0]))
	ADD(by_type);
	if (family == AF_INET)
		ADD(v4);
	else
		ADD(v6);
	ADD(by_source);
#undef ADD
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program))
	           ? -errno
	           : 0;
}

static void close_pair(int fd[2])
{
	for (int i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

// ---- what the kernel may refuse

// What it took of what is wanted, so far.
struct equipment {
	bool segment, gro;
	bool doubtful; // what it didn't take, it may take later
};

// Opens those for all that isn't data, the last of their groups. Where the kernel can't part them
// there are none: what they would get by its hash includes data.
static void open_handshake(const int first[2], unsigned queues, uint32_t fwmark, int fd[2],
                           struct equipment *e)
{
	int ret = open_beside(first, fwmark, fd);

	for (int i = 0; i < 2 && !ret; i++)
		if (fd[i] >= 0)
			ret = part_group(first[i], i ? AF_INET6 : AF_INET, queues);
	if (!ret)
		return;
	e->doubtful |= leaves_doubt(FEATURE_SOCKET_OPTION, -ret);
	close_pair(fd);
}

// Turns on what the kernel takes. Also UDP_GRO on those for handshakes: before a datagram is merged
// the kernel looks whether the socket wants that, and there it picks one of the group by its hash.
static void equip_sockets(const struct switches *s, const int fd[2], int receive_bytes,
                          struct equipment *e)
{
	for (int i = 0; i < 2; i++) {
		int size;
		socklen_t bytes = sizeof(size);

		if (fd[i] < 0)
			continue;
		e->doubtful |= set_buffer(fd[i], SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes);
		e->doubtful |= set_buffer(fd[i], SO_SNDBUFFORCE, SO_SNDBUF, s->socket_buffer);
		if (e->segment && getsockopt(fd[i], IPPROTO_UDP, UDP_SEGMENT, &size, &bytes)) {
			e->segment = false;
			e->doubtful |= leaves_doubt(FEATURE_SOCKET_OPTION, errno);
		}
		if (e->gro && set_int(fd[i], IPPROTO_UDP, UDP_GRO, 1)) {
			e->gro = false;
			e->doubtful |= leaves_doubt(FEATURE_SOCKET_OPTION, errno);
		}
	}
}

static int limit_handshake_bytes(const struct switches *s)
{
	return s->socket_buffer < HANDSHAKE_BUFFER_BYTES ? s->socket_buffer
	                                                 : HANDSHAKE_BUFFER_BYTES;
}

static void take_equipment(struct device *d, const struct equipment *e)
{
	d->udp.segment = e->segment;
	d->udp.gro = e->gro;
	// What is in doubt is tried again.
	d->timers.sockets_again_at =
	    e->doubtful ? feature_again_ns(d->udp.refusals++, clock_now_ns()) : 0;
}

// Has the queue's thread watch them.
static int watch_sockets(struct queue *q, const int fd[2])
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++)
		if (fd[i] >= 0)
			ret = queue_watch(q, fd[i]);
	return ret;
}

int sockets_open(struct device *d, uint16_t port, uint32_t fwmark)
{
	const struct switches *s = &d->switches;
	struct udp u = {.handshake = {-1, -1}};
	struct equipment e = {.segment = s->udp_gso, .gro = s->udp_gro};
	int fd[QUEUES_MAX][2], ret;

	memset(fd, -1, sizeof(fd));
	ret = open_both(port, fwmark, fd[0]);
	if (ret)
		return ret;
	for (unsigned q = 1; q < d->queues && !ret; q++)
		ret = open_beside(fd[0], fwmark, fd[q]);
	if (!ret && s->handshake_socket)
		open_handshake(fd[0], d->queues, fwmark, u.handshake, &e);
	// What is watched already is looked at only once it is the path's.
	for (unsigned q = 0; q < d->queues && !ret; q++) {
		equip_sockets(s, fd[q], s->socket_buffer, &e);
		ret = watch_sockets(&d->queue[q], fd[q]);
	}
	equip_sockets(s, u.handshake, limit_handshake_bytes(s), &e);
	if (!ret)
		ret = intake_watch(d, u.handshake);
	if (ret) {
		intake_watch(d, d->udp.handshake);
		for (unsigned q = 0; q < d->queues; q++)
			close_pair(fd[q]);
		close_pair(u.handshake);
		return ret;
	}
	u.port = read_bound_port(fd[0][0] >= 0 ? fd[0][0] : fd[0][1]);
	sockets_close(d);
	d->udp = u;
	take_equipment(d, &e);
	for (unsigned q = 0; q < d->queues; q++)
		memcpy(d->queue[q].udp, fd[q], sizeof(fd[q]));
	timers_set(&d->timers);
	return 0;
}

static bool are_parted(const struct udp *u)
{
	return u->handshake[0] >= 0 || u->handshake[1] >= 0;
}

void sockets_try_again(struct device *d)
{
	const struct switches *s = &d->switches;
	struct equipment e = {.segment = s->udp_gso, .gro = s->udp_gro};
	struct udp *u = &d->udp, before = *u;

	lock_exclude(&d->lock);
	if (s->handshake_socket && !are_parted(u))
		open_handshake(d->queue[0].udp, d->queues, d->fwmark, u->handshake, &e);
	for (unsigned q = 0; q < d->queues; q++)
		equip_sockets(s, d->queue[q].udp, s->socket_buffer, &e);
	equip_sockets(s, u->handshake, limit_handshake_bytes(s), &e);
	if (are_parted(u) && !are_parted(&before) && intake_watch(d, u->handshake)) {
		close_pair(u->handshake);
		e.doubtful = true;
	}
	take_equipment(d, &e);
	lock_release(&d->lock);
	counters_add(&d->counters, offload_changes,
	             (u->segment != before.segment) + (u->gro != before.gro) +
	                 (are_parted(u) != are_parted(&before)));
}

void sockets_close(struct device *d)
{
	for (unsigned q = 0; q < d->queues; q++)
		close_pair(d->queue[q].udp);
	close_pair(d->udp.handshake);
	d->udp.port = 0;
	d->timers.sockets_again_at = 0;
}

static int mark_pair(const int fd[2], uint32_t fwmark)
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0 && set_int(fd[i], SOL_SOCKET, SO_MARK, fwmark))
			return -errno;
	return 0;
}

int sockets_set_fwmark(struct device *d, uint32_t fwmark)
{
	int ret = mark_pair(d->udp.handshake, fwmark);

	for (unsigned q = 0; q < d->queues && !ret; q++)
		ret = mark_pair(d->queue[q].udp, fwmark);
	return ret;
}
