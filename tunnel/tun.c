// The TUN device and its offloads, each probed: what a kernel refuses is done without.
#include "tunnel/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include "tunnel/feature.h"
#include "tunnel/netlink.h"
#include "tunnel/quiet.h"
#include "tunnel/switches.h"
#include "variants/receive/receive.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 // linux/if_tun.h since 6.2
#define TUN_F_USO6 0x40
#endif

// A TSO super-packet of 45 full segments fills one UDP_SEGMENT send (65507 bytes): a larger one
// would need a second send for the rest.
enum { SUPER_PACKET_SEGMENTS = 45 };

static int print_failure(const char *name, const char *what, int error)
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
static int attach_queue(int fd, const char *name, bool several)
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

static int create_interface(int fd, const char *name, unsigned *queues)
{
	int ret = attach_queue(fd, name, *queues > 1);

	if (ret == -EINVAL && *queues > 1) {
		// Perhaps only several queues are refused.
		*queues = 1;
		ret = attach_queue(fd, name, false);
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
		int ret = fd[i] < 0 ? fd[i] : attach_queue(fd[i], name, true);
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
	ret = create_interface(fd[0], name, queues);
	if (ret)
		goto err_close;
	if (ioctl(fd[0], TUNSETVNETHDRSZ, &header_bytes)) {
		ret = print_failure(name, "TUNSETVNETHDRSZ", errno);
		goto err_close;
	}
	if (ioctl(fd[0], TUNSETOWNER, 0)) {
		ret = print_failure(name, "TUNSETOWNER", errno);
		goto err_close;
	}
	probe_offloads(t, fd[0], s);
	t->ifindex = if_nametoindex(name);
	quiet_leave_groups(t->ifindex);
	ret = netlink_set_link(t->ifindex, TUN_MTU_DEFAULT,
	                       t->tso ? SUPER_PACKET_SEGMENTS * (TUN_MTU_DEFAULT - 40) + 40 : 0);
	if (ret) {
		ret = print_failure(name, "cannot set the MTU and the GSO size", -ret);
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

int tun_get_frame(int fd, struct virtio_net_hdr *header, uint8_t *to, size_t bytes)
{
	struct iovec iov[] = {{header, sizeof(*header)}, {to, bytes}};
	ssize_t n = readv(fd, iov, 2);

	if (n < 0)
		return -errno;
	return n <= (ssize_t)sizeof(*header) ? 0 : (int)(n - sizeof(*header));
}

int tun_put_frame(int fd, const struct virtio_net_hdr *header, struct iovec *iov, int count)
{
	iov[0] = (struct iovec){(void *)header, sizeof(*header)};
	return writev(fd, iov, count) < 0 ? -errno : 0;
}

unsigned tun_offload_again(struct tun *t, int fd, const struct switches *s)
{
	bool tso = t->tso, uso = t->uso;

	if (t->doubtful)
		probe_offloads(t, fd, s);
	return feature_retry(&t->merge_tcp) + feature_retry(&t->merge_udp) + (t->tso != tso) +
	       (t->uso != uso);
}
