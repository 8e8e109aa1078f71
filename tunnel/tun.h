// The TUN device.
#ifndef WGBENCH_TUN_H
#define WGBENCH_TUN_H

#include <linux/virtio_net.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "tunnel/feature.h"

struct switches;

enum { TUN_MTU_DEFAULT = 1420 };

struct tun {
	unsigned ifindex;
	bool tso, uso;                       // what the kernel may hand over, and takes
	bool doubtful;                       // of these, what isn't had may be had later
	struct feature merge_tcp, merge_udp; // super-packets that are written to it
	atomic_uint mtu;                     // inner, bytes; follows the link
};

// Creates the interface (owner root, so that no other user can attach a queue), with the offloads
// that the switches allow and the kernel takes and what the variant of `receive` wants (for which
// `sysfs` is), MTU 1420. fd: room for the descriptors of *queues
// queues; *queues becomes how many the kernel gave, at least 1. 0 or -errno after a printed line.
int tun_open(struct tun *, const char *name, const struct switches *, int sysfs, int fd[],
             unsigned *queues);
// A descriptor of a sysfs that shows the network namespace of the caller, which /sys needn't do; of
// /sys where there are no rights to make one (CAP_SYS_ADMIN); -errno.
int tun_sysfs(void);

// The link came up: what was refused in doubt is tried again. How many offloads that changed.
// Control thread, path excluded.
unsigned tun_offload_again(struct tun *, int fd, const struct switches *);

// Reads one frame into `to` (room for `bytes`). Its length; 0: a wake-up without a frame; -EAGAIN;
// -EBADFD: the device was deleted.
int tun_get_frame(int fd, struct virtio_net_hdr *, uint8_t *to, size_t bytes);

// Writes one frame: iov[0] is left free for the vnet header. 0 or -errno.
int tun_put_frame(int fd, const struct virtio_net_hdr *, struct iovec *iov, int count);

#endif
