// Receive variant `tun-napi`: each packet is written by itself to a TUN opened with IFF_NAPI, so
// that the kernel's own NAPI context, one for each queue, does the merging. A write polls at once
// unless the polling is a thread's and put off: of 300 TCP segments the stack saw 300; with the
// device's `threaded` 83; with a flush timeout and deferred interrupts besides 5. So these belong
// to it. Complexity: a write a packet. Memory and thread safety: body/single.c. Source: the
// TUN driver's NAPI.
#include "variants/receive/body/single.c"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char receive_variant[] = "tun-napi";

static const struct {
	const char *file, *value;
} settings[] = {
    {"threaded", "1"},
    {"gro_flush_timeout", "200000"}, // ns
    {"napi_defer_hard_irqs", "2"},
};

static int set(int sysfs, const char *interface, const char *file, const char *value)
{
	char path[64];
	int ret = 0;

	snprintf(path, sizeof(path), "class/net/%s/%s", interface, file);
	int fd = openat(sysfs, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int opened(const char *interface, int sysfs)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int ret =
		    sysfs < 0 ? sysfs : set(sysfs, interface, settings[i].file, settings[i].value);

		if (!ret)
			continue;
		fprintf(stderr,
		        "wgbench-tunnel: %s: cannot set %s to %s: %s: receive=tun-napi needs a "
		        "kernel that has it and a sysfs that shows the interface\n",
		        interface, settings[i].file, settings[i].value, strerror(-ret));
		return ret;
	}
	return 0;
}

const struct receive_tun receive_tun = {.flags = IFF_NAPI, .opened = opened};
