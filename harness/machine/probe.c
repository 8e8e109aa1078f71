#include "harness/machine/probe.h"

#include "base/argv.h"
#include "base/process.h"
#include "netns/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Linux 6.2; absent from older headers.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum { COMMAND_MS = 10000 };

static void set_result(struct probe_result *r, int error)
{
	r->state = !error                              ? PROBE_YES
	           : error == EPERM || error == EACCES ? PROBE_UNKNOWN
	                                               : PROBE_NO;
	snprintf(r->detail, sizeof(r->detail), "%s", error ? strerror(error) : "");
}

int probe_namespace(void)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), ns;

	if (home < 0)
		return -errno;
	if (unshare(CLONE_NEWNET)) {
		ns = -errno;
		close(home);
		return ns;
	}
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		ns = -errno;
	owner_leave_namespace(home);
	return ns;
}

void probe_counter(struct probe_result *r, uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {.type = type,
	                               .size = sizeof(attr),
	                               .config = config,
	                               .disabled = 1,
	                               .exclude_kernel = 1,
	                               .exclude_hv = 1};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	set_result(r, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

void probe_tun(struct probe_result *r, int ns, enum probe_tun what)
{
	static const unsigned offloads[] = {
	    [PROBE_TUN_TSO] = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
	    [PROBE_TUN_USO] = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6,
	};
	struct ifreq ifr = {.ifr_name = "probe%d", .ifr_flags = IFF_TUN | IFF_NO_PI};
	bool offload = what == PROBE_TUN_TSO || what == PROBE_TUN_USO;
	int home, fd, error = ns < 0 ? EPERM : -owner_enter_namespace(ns, &home);

	if (error) {
		set_result(r, error);
		return;
	}
	if (offload || what == PROBE_TUN_VNET)
		ifr.ifr_flags |= IFF_VNET_HDR;
	if (what == PROBE_TUN_NAPI)
		ifr.ifr_flags |= IFF_NAPI;
	if (what == PROBE_TUN_QUEUES)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) ||
	    (offload && ioctl(fd, TUNSETOFFLOAD, offloads[what])))
		error = errno;
	set_result(r, error);
	if (fd >= 0)
		close(fd);
	owner_leave_namespace(home);
}

void probe_udp_option(struct probe_result *r, int level, int option)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int value = level == SOL_SOCKET || option == UDP_GRO;

	set_result(r, fd < 0 || setsockopt(fd, level, option, &value, sizeof(value)) ? errno : 0);
	if (fd >= 0)
		close(fd);
}

// Runs a command inside; the first line of what it complains of is the detail.
static bool try_command(struct probe_result *r, int ns, const char *const argv[])
{
	struct process_text text;

	if (ns < 0) {
		set_result(r, EPERM);
		return false;
	}
	int ret = process_run(argv, ns, NULL, COMMAND_MS, &text);
	if (ret < 0) {
		r->state = PROBE_UNKNOWN;
		snprintf(r->detail, sizeof(r->detail), "%s: %s", argv[0], strerror(-ret));
	} else {
		r->state = ret ? PROBE_NO : PROBE_YES;
		snprintf(r->detail, sizeof(r->detail), "%.*s", (int)strcspn(text.err, "\n"),
		         text.err);
	}
	process_text_free(&text);
	return !ret;
}

void probe_qdisc(struct probe_result *r, int ns, const char *const parameters[])
{
	const char *const undo[] = {"tc", "qdisc", "del", "dev", "lo", "root", NULL};
	struct argv argv = {0};

	argv_add_all(&argv, "tc", "qdisc", "add", "dev", "lo", "root", NULL);
	argv_add_array(&argv, parameters);
	if (try_command(r, ns, argv_words(&argv)))
		process_run(undo, ns, NULL, COMMAND_MS, NULL);
	argv_free(&argv);
}

void probe_ifb(struct probe_result *r, int ns)
{
	const char *const argv[] = {"ip", "link", "add", "probe-ifb", "type", "ifb", NULL};
	const char *const undo[] = {"ip", "link", "del", "probe-ifb", NULL};

	if (try_command(r, ns, argv))
		process_run(undo, ns, NULL, COMMAND_MS, NULL);
}

void probe_redirect(struct probe_result *r, int ns)
{
	const char *const qdisc[] = {"tc", "qdisc", "add", "dev", "lo", "ingress", NULL};
	const char *const filter[] = {"tc",    "filter",   "add",    "dev",    "lo",     "parent",
	                              "ffff:", "protocol", "all",    "u32",    "match",  "u32",
	                              "0",     "0",        "action", "mirred", "egress", "redirect",
	                              "dev",   "lo",       NULL};
	const char *const undo[] = {"tc", "qdisc", "del", "dev", "lo", "ingress", NULL};

	if (!try_command(r, ns, qdisc))
		return;
	try_command(r, ns, filter);
	process_run(undo, ns, NULL, COMMAND_MS, NULL);
}
