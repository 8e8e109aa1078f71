// wgbench-tunnel: a WireGuard interface, used as wireguard-go is. A daemon's parent stays until the
// interface exists and its socket listens, so a script can configure it at once.
#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/standard.h"
#include "tunnel/control.h"
#include "tunnel/device.h"
#include "tunnel/link.h"
#include "tunnel/reroute.h"
#include "tunnel/startup.h"
#include "tunnel/status.h"
#include "tunnel/switches.h"
#include "tunnel/uapi_socket.h"
#include "variants/receive/receive.h"

#define SWITCHES_VARIABLE "WGBENCH_TUNNEL_SWITCHES"

extern const char wgbench_revision[], wgbench_profile[];
// Generated from the folders of variants/: name and chosen variant of each slot, up to NULL.
extern const char *const tunnel_slots[][2];

static void print_version(const struct switches *switches)
{
	printf("wgbench-tunnel %s %s\n", wgbench_revision, wgbench_profile);
	for (size_t i = 0; tunnel_slots[i][0]; i++)
		printf("%s%s=%s", i ? " " : "", tunnel_slots[i][0], tunnel_slots[i][1]);
	putchar('\n');
	switches_print(switches, stdout);
}

static void print_help(void)
{
	printf(
	    "Usage: wgbench-tunnel [--foreground] INTERFACE\n"
	    "       wgbench-tunnel --version | --help\n\n"
	    "Creates a WireGuard interface, to be configured by wg(8), and serves it until\n"
	    "SIGTERM, SIGINT or SIGHUP (which stays ignored under nohup), or until the interface\n"
	    "or its socket /var/run/wireguard/INTERFACE.sock is deleted. SIGUSR1 prints to\n"
	    "stderr, as one line of JSON, which offloads are in effect and the counters.\n\n"
	    "  -f, --foreground  don't become a daemon; print that line at the end\n"
	    "      --version     print revision, profile, variants and switches\n"
	    "  -h, --help        print this\n\n"
	    "Environment: " SWITCHES_VARIABLE "=NAME=VALUE,...\n");
	switches_help(stdout);
}

static int check_name(const char *name)
{
	size_t length = strlen(name);

	if (length > 0 && length < IFNAMSIZ && strcmp(name, ".") && strcmp(name, "..") &&
	    !strpbrk(name, "/:% \t\n\v\f\r"))
		return 0;
	fprintf(stderr,
	        "wgbench-tunnel: '%s' can't be an interface's name: it is 1 to %d characters, "
	        "without '/', ':', '%%' and blanks\n",
	        name, IFNAMSIZ - 1);
	return -EINVAL;
}

// Keeps, of what there is: what the interface, SO_MARK and socket buffers need, and ports below
// 1024.
static int drop_privileges(void)
{
	const uint32_t keep = 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].permitted &= keep;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	if (!(data[0].permitted & 1u << CAP_NET_ADMIN))
		return -EPERM;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static int serve_interface(const char *name, const struct switches *switches, bool foreground)
{
	struct device *device;
	int ret, events, sysfs = -1, pipe_end = -1;

	if (!foreground)
		pipe_end = startup_daemonize();
	events = link_socket();
	if (receive_tun.opened)
		sysfs = tun_sysfs();
	ret = drop_privileges();
	if (ret) {
		fprintf(stderr, "wgbench-tunnel: %s: it needs root (CAP_NET_ADMIN)\n",
		        strerror(-ret));
		return ret;
	}
	ret = device_new(&device, name, switches, sysfs);
	if (sysfs >= 0)
		close(sysfs);
	if (ret)
		return ret;
	ret = uapi_socket_open(device);
	if (ret)
		goto free_device;
	ret = reroute_open(device);
	if (!ret)
		ret = device_start(device);
	if (ret)
		goto close_uapi;
	ret = link_open(device, events);
	if (ret)
		goto close_uapi;
	if (!foreground)
		ret = startup_detach(pipe_end);
	if (!ret)
		ret = control_run(device);
	if (ret == -EBADFD) // the interface was deleted
		ret = 0;
	if (ret)
		fprintf(stderr, "wgbench-tunnel: %s: %s\n", name, strerror(-ret));
	if (foreground)
		status_print(device, stderr);
	link_close(device);
close_uapi:
	uapi_socket_close(device);
free_device:
	device_free(device);
	return ret;
}

int main(int argc, char **argv)
{
	enum { VERSION = 256 };
	static const struct option options[] = {{"foreground", no_argument, NULL, 'f'},
	                                        {"version", no_argument, NULL, VERSION},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {0}};
	struct switches switches;
	bool foreground = false;
	int option;

	if (startup_prepare() || switches_parse(&switches, getenv(SWITCHES_VARIABLE)))
		return 1;
	while ((option = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			foreground = true;
			break;
		case VERSION:
			print_version(&switches);
			return standard_close("wgbench-tunnel", 0);
		case 'h':
			print_help();
			return standard_close("wgbench-tunnel", 0);
		default:
			fprintf(stderr, "wgbench-tunnel: see --help\n");
			return 1;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "wgbench-tunnel: give one interface name; see --help\n");
		return 1;
	}
	if (check_name(argv[optind]))
		return 1;
	if (!switches.dumpable && prctl(PR_SET_DUMPABLE, 0)) {
		perror("wgbench-tunnel: PR_SET_DUMPABLE");
		return 1;
	}
	return serve_interface(argv[optind], &switches, foreground) ? 1 : 0;
}
