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
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/gather.h"
#include "tunnel/pipeline.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 // linux/if_tun.h since 6.2
#define TUN_F_USO6 0x40
#endif

enum {
	// A TSO super-packet of 45 full segments fills one UDP_SEGMENT send (65507 bytes): a larger
	// one would need a second send for the rest.
	SUPER_PACKET_SEGMENTS = 45,
	BURST_FRAMES = 128,
	BURST_BYTES = 4 * 65536,
};

static int fail(const char *name, const char *what, int error)
{
	fprintf(stderr, "wgbench-tunnel: %s: %s: %s\n", name, what, strerror(error));
	return -error;
}

static void probe_offloads(struct tun *t, const struct switches *s)
{
	const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, uso = TUN_F_USO4 | TUN_F_USO6;

	if (s->tun_gso && s->tun_uso && !ioctl(t->fd, TUNSETOFFLOAD, tso | uso))
		t->tso = t->uso = true;
	else if (s->tun_gso && !ioctl(t->fd, TUNSETOFFLOAD, tso))
		t->tso = true;
}

int tun_open(struct tun *t, const char *name, const struct switches *s)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int header_bytes = sizeof(struct virtio_net_hdr), ret;

	*t = (struct tun){.fd = -1};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		ret = -errno;
		fprintf(stderr,
		        "wgbench-tunnel: /dev/net/tun: %s: it needs the kernel's TUN driver "
		        "(modprobe tun)"
		        " and root\n",
		        strerror(-ret));
		return ret;
	}
	if (ioctl(t->fd, TUNSETIFF, &request)) {
		ret = errno;
		fprintf(stderr, "wgbench-tunnel: %s: cannot create the interface: %s%s\n", name,
		        strerror(ret),
		        ret == EPERM   ? ": it needs root (CAP_NET_ADMIN)"
		        : ret == EBUSY ? ": the name is taken; choose another or end its owner"
		                       : "");
		ret = -ret;
		goto err_close;
	}
	if (ioctl(t->fd, TUNSETVNETHDRSZ, &header_bytes)) {
		ret = fail(name, "TUNSETVNETHDRSZ", errno);
		goto err_close;
	}
	if (ioctl(t->fd, TUNSETOWNER, 0)) {
		ret = fail(name, "TUNSETOWNER", errno);
		goto err_close;
	}
	probe_offloads(t, s);
	t->merge_tcp = t->tso && s->merge_tcp;
	t->merge_udp = t->uso && s->merge_udp;
	t->ifindex = if_nametoindex(name);
	t->mtu = TUN_MTU_DEFAULT;
	ret = link_set(t->ifindex, TUN_MTU_DEFAULT,
	               t->tso ? SUPER_PACKET_SEGMENTS * (TUN_MTU_DEFAULT - 40) + 40 : 0);
	if (ret) {
		ret = fail(name, "cannot set the MTU", -ret);
		goto err_close;
	}
	return 0;

err_close:
	tun_close(t);
	return ret;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tun_read_frame(struct tun *t, struct virtio_net_hdr *header, uint8_t *to, size_t bytes)
{
	struct iovec iov[] = {{header, sizeof(*header)}, {to, bytes}};
	ssize_t n = readv(t->fd, iov, 2);

	if (n < 0)
		return -errno;
	return n <= (ssize_t)sizeof(*header) ? 0 : (int)(n - sizeof(*header));
}

int tun_write_frame(struct tun *t, const struct virtio_net_hdr *header, struct iovec *iov,
                    int count)
{
	iov[0] = (struct iovec){(void *)header, sizeof(*header)};
	return writev(t->fd, iov, count) < 0 ? -errno : 0;
}

int tun_read(struct device *d, uint64_t now_ns, bool *backlog)
{
	struct gather gather;
	uint32_t frames = 0, bytes = 0;
	int n = 0;

	gather_init(&gather, d, now_ns);
	while (frames < BURST_FRAMES && bytes < BURST_BYTES) {
		uint8_t *room = gather_room(&gather);
		if (!room)
			break;
		struct virtio_net_hdr header;
		n = tun_read_frame(&d->tun, &header, room, BATCH_FRAME_BYTES);
		device_count(d, tun_reads, 1);
		if (n < 0)
			break;
		frames++;
		if (!n)
			continue;
		bytes += n;
		gather_add(&gather, &header, room, n);
	}
	gather_close(&gather);
	*backlog |= n >= 0;
	return n < 0 && n != -EAGAIN && n != -EIO ? n : (int)frames;
}

static void write_packet(struct device *d, const struct virtio_net_hdr *header, struct iovec *iov,
                         int vectors, unsigned packets)
{
	device_count(d, tun_writes, 1);
	if (tun_write_frame(&d->tun, header, iov, vectors))
		device_count(d, drop_rx_tun, packets);
}

// The kernel refused a super-packet: cuts it again and writes the packets one by one.
static void write_cut(struct device *d, const struct offload_write *w, const struct iovec *iov,
                      int vectors)
{
	static const struct virtio_net_hdr plain;
	struct offload_cutter cutter;
	struct batch *scratch = batch_get(d);
	uint8_t *packet;
	uint32_t length = 0;

	if (!scratch) {
		device_count(d, drop_memory, w->count);
		return;
	}
	for (int i = 1; i < vectors; i++) {
		memcpy(scratch->in + length, iov[i].iov_base, iov[i].iov_len);
		length += iov[i].iov_len;
	}
	if (offload_cut_init(&cutter, &w->header, scratch->in, length))
		device_count(d, drop_rx_tun, w->count);
	else
		while ((packet = offload_cut_next(&cutter, &length)))
			write_packet(d, &plain, (struct iovec[]){{0}, {packet, length}}, 2, 1);
	batch_put(scratch);
}

static void write_merged(struct device *d, struct offload_packet *packets, size_t n, unsigned flags)
{
	uint16_t next[OFFLOAD_MERGE_MAX];
	struct offload_write writes[OFFLOAD_MERGE_MAX];
	struct iovec iov[OFFLOAD_MERGE_MAX + 1];
	size_t count = offload_merge(packets, n, flags, next, writes);

	for (size_t i = 0; i < count; i++) {
		struct offload_write *w = &writes[i];
		int vectors = 1;

		for (uint16_t at = w->first, skip = 0; at != UINT16_MAX;
		     at = next[at], skip = w->skip)
			iov[vectors++] =
			    (struct iovec){packets[at].data + skip, packets[at].length - skip};
		if (w->count == 1) {
			write_packet(d, &w->header, iov, vectors, 1);
			continue;
		}
		device_count(d, tun_writes, 1);
		int ret = tun_write_frame(&d->tun, &w->header, iov, vectors);
		if (ret == -EAGAIN || ret == -ENOBUFS || ret == -ENOMEM) {
			device_count(d, drop_rx_tun, w->count);
		} else if (ret) {
			atomic_bool *merges = w->header.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4
			                          ? &d->tun.merge_udp
			                          : &d->tun.merge_tcp;
			atomic_store_explicit(merges, false, memory_order_relaxed);
			write_cut(d, w, iov, vectors);
		}
	}
}

void tun_write(struct device *d, struct batch *b)
{
	unsigned flags =
	    (atomic_load_explicit(&d->tun.merge_tcp, memory_order_relaxed) ? OFFLOAD_MERGE_TCP
	                                                                   : 0) |
	    (atomic_load_explicit(&d->tun.merge_udp, memory_order_relaxed) ? OFFLOAD_MERGE_UDP
	                                                                   : 0) |
	    (d->switches.strict_checksum ? OFFLOAD_MERGE_STRICT : 0);
	struct offload_packet packets[OFFLOAD_MERGE_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < b->packets; i++) {
		if (!b->span[i].length)
			continue;
		packets[n++] =
		    (struct offload_packet){b->in + b->span[i].offset, b->span[i].length};
		if (n == OFFLOAD_MERGE_MAX) {
			write_merged(d, packets, n, flags);
			n = 0;
		}
	}
	if (n)
		write_merged(d, packets, n, flags);
}
