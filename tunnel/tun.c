// The TUN device and its offloads, each probed: what a kernel refuses is done without. And the
// first and last stage of a packet's way: reading frames into batches, writing merged packets.
#include "tunnel/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/frame.h"
#include "tunnel/pipeline.h"
#include "tunnel/egress.h"
#include "tunnel/netlink.h"
#include "tunnel/quiet.h"
#include "variants/receive/receive.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 // linux/if_tun.h since 6.2
#define TUN_F_USO6 0x40
#endif

enum {
	// A TSO super-packet of 45 full segments fills one UDP_SEGMENT send (65507 bytes): a larger
	// one would need a second send for the rest.
	SUPER_PACKET_SEGMENTS = 45,
	// Read in a row where all that waits is to be seen.
	READ_BYTES = 16 * 65536,
};

static int fail(const char *name, const char *what, int error)
{
	fprintf(stderr, "wgbench-tunnel: %s: %s: %s\n", name, what, strerror(error));
	return -error;
}

static bool set_offload(struct tun *t, int fd, unsigned flags)
{
	if (!ioctl(fd, TUNSETOFFLOAD, flags))
		return true;
	t->doubtful |= feature_meaning(FEATURE_TUN_OFFLOAD, errno) != FEATURE_NEVER;
	return false;
}

static void probe_offloads(struct tun *t, int fd, const struct switches *s)
{
	const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, uso = TUN_F_USO4 | TUN_F_USO6;

	t->doubtful = false;
	t->uso = s->tun_gso && s->tun_uso && set_offload(t, fd, tso | uso);
	t->tso = t->uso || (s->tun_gso && set_offload(t, fd, tso));
	t->merge_tcp = FEATURE(receive_tun.merges && t->tso && s->merge_tcp);
	t->merge_udp = FEATURE(receive_tun.merges && t->uso && s->merge_udp);
}

// Makes the descriptor a queue of the interface, and the interface with its first queue.
static int attach(int fd, const char *name, bool several)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR |
	                                     (several ? IFF_MULTI_QUEUE : 0) | receive_tun.flags};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &request) ? -errno : 0;
}

static int open_descriptor(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int create(int fd, const char *name, unsigned *queues)
{
	int ret = attach(fd, name, *queues > 1);

	if (ret == -EINVAL && *queues > 1) {
		// Perhaps only several queues are refused.
		*queues = 1;
		ret = attach(fd, name, false);
	}
	if (ret)
		fprintf(stderr, "wgbench-tunnel: %s: cannot create the interface: %s%s\n", name,
		        strerror(-ret),
		        ret == -EPERM   ? ": it needs root (CAP_NET_ADMIN)"
		        : ret == -EBUSY ? ": the name is taken; choose another or end its owner"
		                        : "");
	return ret;
}

// The queues after the first, as many as the kernel gives: only when the interface has an owner,
// since until then anybody could attach one.
static void add_queues(const char *name, int fd[], unsigned *queues)
{
	for (unsigned i = 1; i < *queues; i++) {
		fd[i] = open_descriptor();
		int ret = fd[i] < 0 ? fd[i] : attach(fd[i], name, true);
		if (!ret)
			continue;
		fprintf(stderr, "wgbench-tunnel: %s: %u of %u queues: %s\n", name, i, *queues,
		        strerror(-ret));
		if (fd[i] >= 0)
			close(fd[i]);
		*queues = i;
	}
}

int tun_sysfs(void)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC), fd = -1;

	if (context >= 0) {
		if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
		close(context);
	}
	if (fd < 0)
		fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int tun_open(struct tun *t, const char *name, const struct switches *s, int sysfs, int fd[],
             unsigned *queues)
{
	int header_bytes = sizeof(struct virtio_net_hdr), ret;

	*t = (struct tun){.mtu = TUN_MTU_DEFAULT};
	ret = fd[0] = open_descriptor();
	if (ret < 0) {
		fprintf(stderr,
		        "wgbench-tunnel: /dev/net/tun: %s: it needs the kernel's TUN driver "
		        "(modprobe tun)"
		        " and root\n",
		        strerror(-ret));
		return ret;
	}
	ret = create(fd[0], name, queues);
	if (ret)
		goto err_close;
	if (ioctl(fd[0], TUNSETVNETHDRSZ, &header_bytes)) {
		ret = fail(name, "TUNSETVNETHDRSZ", errno);
		goto err_close;
	}
	if (ioctl(fd[0], TUNSETOWNER, 0)) {
		ret = fail(name, "TUNSETOWNER", errno);
		goto err_close;
	}
	probe_offloads(t, fd[0], s);
	t->ifindex = if_nametoindex(name);
	quiet_leave_groups(t->ifindex);
	ret = netlink_set_link(t->ifindex, TUN_MTU_DEFAULT,
	                       t->tso ? SUPER_PACKET_SEGMENTS * (TUN_MTU_DEFAULT - 40) + 40 : 0);
	if (ret) {
		ret = fail(name, "cannot set the MTU and the GSO size", -ret);
		goto err_close;
	}
	quiet_set(name, t->ifindex);
	add_queues(name, fd, queues);
	ret = receive_tun.opened ? receive_tun.opened(name, sysfs) : 0;
	if (!ret)
		return 0;
	while (*queues > 1)
		close(fd[--*queues]);

err_close:
	close(fd[0]);
	return ret;
}

int tun_read_frame(int fd, struct virtio_net_hdr *header, uint8_t *to, size_t bytes)
{
	struct iovec iov[] = {{header, sizeof(*header)}, {to, bytes}};
	ssize_t n = readv(fd, iov, 2);

	if (n < 0)
		return -errno;
	return n <= (ssize_t)sizeof(*header) ? 0 : (int)(n - sizeof(*header));
}

int tun_write_frame(int fd, const struct virtio_net_hdr *header, struct iovec *iov, int count)
{
	iov[0] = (struct iovec){(void *)header, sizeof(*header)};
	return writev(fd, iov, count) < 0 ? -errno : 0;
}

// Room for one more frame, in a buffer that other frames may live in. NULL when out of memory.
static struct frame *room(struct queue *q)
{
	const uint32_t needed = sizeof(struct frame) + BATCH_FRAME_BYTES + BATCH_SLACK;

	if (q->reading && atomic_load_explicit(&q->reading->references, memory_order_acquire) == 1)
		q->read_at = 0; // they have gone: it is warm in the cache
	if (q->reading && q->read_at + needed > POOL_BUFFER_BYTES) {
		pool_put_buffer(q->reading);
		q->reading = NULL;
	}
	if (!q->reading) {
		q->reading = pool_get_buffer(&q->pool);
		q->read_at = 0;
	}
	if (!q->reading) {
		counters_add(q->counters, drop_memory, 1);
		q->starved = true;
		return NULL;
	}
	return (struct frame *)(q->reading->item.bytes + q->read_at);
}

int tun_read(struct queue *q, uint64_t now_ns)
{
	const uint32_t enough = q->egress.all ? READ_BYTES : EGRESS_SEND_BYTES;
	uint32_t frames = 0, bytes = 0;
	int n = 0;

	while (frames < EGRESS_SEND_FRAMES && bytes < enough) {
		struct frame *f = room(q);
		if (!f)
			break;
		n = tun_read_frame(q->tun, &f->header, f->packet, BATCH_FRAME_BYTES);
		counters_add(q->counters, tun_reads, 1);
		if (n < 0)
			break;
		frames++;
		if (!n)
			continue;
		bytes += n;
		f->queued.bytes = n;
		f->buffer = pool_hold_buffer(q->reading);
		// The next one begins in a cache line of its own.
		q->read_at += (sizeof(*f) + n + BATCH_SLACK + 63) & ~63u;
		egress_take(q, f, now_ns);
	}
	return n < 0 && n != -EAGAIN && n != -EIO ? n : (int)frames;
}

static void write_packet(struct queue *q, const struct virtio_net_hdr *header, struct iovec *iov,
                         int vectors)
{
	counters_add(q->counters, tun_writes, 1);
	if (tun_write_frame(q->tun, header, iov, vectors))
		counters_add(q->counters, drop_rx_tun, 1);
}

void tun_write(void *queue, struct receive_packet *packets, size_t n)
{
	static const struct virtio_net_hdr plain;

	for (size_t i = 0; i < n; i++) {
		struct iovec iov[] = {{0}, {packets[i].data, packets[i].length}};

		write_packet(queue, &plain, iov, 2);
	}
}

// The kernel refused a super-packet: cuts it again and writes the packets one by one.
static void write_cut(struct queue *q, const struct offload_write *w, const struct iovec *iov,
                      int vectors)
{
	static const struct virtio_net_hdr plain;
	struct offload_cutter cutter;
	struct buffer *scratch = pool_get_buffer(&q->pool);
	uint8_t *packet;
	uint32_t length = 0;

	if (!scratch) {
		counters_add(q->counters, drop_memory, w->count);
		return;
	}
	for (int i = 1; i < vectors; i++) {
		memcpy(scratch->item.bytes + length, iov[i].iov_base, iov[i].iov_len);
		length += iov[i].iov_len;
	}
	if (offload_cut_init(&cutter, &w->header, scratch->item.bytes, length))
		counters_add(q->counters, drop_rx_tun, w->count);
	else
		while ((packet = offload_cut_next(&cutter, &length)))
			write_packet(q, &plain, (struct iovec[]){{0}, {packet, length}}, 2);
	pool_put_buffer(scratch);
}

static void write_merged(struct queue *q, const struct offload_write *w, struct iovec *iov,
                         int vectors)
{
	struct device *d = q->device;
	struct feature *merges =
	    w->header.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 ? &d->tun.merge_udp : &d->tun.merge_tcp;
	bool changed;

	counters_add(&d->counters, tun_writes, 1);
	int ret = tun_write_frame(q->tun, &w->header, iov, vectors);
	enum feature_meaning meaning = feature_meaning(FEATURE_TUN_MERGED, -ret);
	if (ret && meaning == FEATURE_NOT_NOW) {
		// Its packets one by one would fare no better.
		counters_add(&d->counters, drop_rx_tun, w->count);
		return;
	}
	changed = ret ? feature_refused(merges, meaning) : feature_took(merges);
	if (changed)
		counters_add(&d->counters, offload_changes, 1);
	if (ret)
		write_cut(q, w, iov, vectors);
}

void tun_offload_again(struct device *d)
{
	struct tun *t = &d->tun;
	bool tso = t->tso, uso = t->uso;

	if (t->doubtful)
		probe_offloads(t, d->queue[0].tun, &d->switches);
	unsigned changes = feature_retry(&t->merge_tcp) + feature_retry(&t->merge_udp) +
	                   (t->tso != tso) + (t->uso != uso);

	if (changes)
		counters_add(&d->counters, offload_changes, changes);
}

static unsigned merge_flags(struct device *d)
{
	unsigned flags = d->switches.strict_checksum ? OFFLOAD_MERGE_STRICT : 0;

	if (feature_wanted(&d->tun.merge_tcp))
		flags |= OFFLOAD_MERGE_TCP;
	if (feature_wanted(&d->tun.merge_udp))
		flags |= OFFLOAD_MERGE_UDP;
	return flags;
}

void tun_write_merged(void *queue, struct receive_packet *packets, size_t n)
{
	struct queue *q = queue;
	struct device *d = q->device;
	uint16_t next[OFFLOAD_MERGE_MAX];
	struct offload_write writes[OFFLOAD_MERGE_MAX];
	struct iovec iov[OFFLOAD_MERGE_MAX + 1];
	size_t count = offload_merge(packets, n, merge_flags(d), next, writes);

	for (size_t i = 0; i < count; i++) {
		struct offload_write *w = &writes[i];
		int vectors = 1;

		for (uint16_t at = w->first, skip = 0; at != UINT16_MAX;
		     at = next[at], skip = w->skip)
			iov[vectors++] =
			    (struct iovec){packets[at].data + skip, packets[at].length - skip};
		if (w->count == 1) {
			write_packet(q, &w->header, iov, vectors);
			continue;
		}
		write_merged(q, w, iov, vectors);
	}
}
