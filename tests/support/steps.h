// A device whose control thread is the test's own, one event after another.
#ifndef WGBENCH_TESTS_SUPPORT_STEPS_H
#define WGBENCH_TESTS_SUPPORT_STEPS_H

#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/device.h"
#include "tunnel/control.h"
#include "tunnel/index.h"
#include "tunnel/interface.h"
#include "tunnel/keypair.h"
#include "tunnel/link.h"
#include "tunnel/peer.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/session.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"
#include "tunnel/uapi_socket.h"

enum { TIMEOUT_MS = 5000, QUIET_MS = 2, LIMIT_S = 120 };

static struct device *device;
static char name[IFNAMSIZ];

static inline int set_up(void **state)
{
	struct switches switches;

	(void)state;
	if (switches_parse(&switches, NULL))
		return -1;
	return device_create(&device, name, &switches);
}

static inline int tear_down(void **state)
{
	(void)state;
	uapi_socket_close(device);
	link_close(device);
	device_free(device);
	return 0;
}

// Handles one event. false: none came in time.
static inline bool step(int timeout_ms)
{
	struct epoll_event event;

	if (epoll_wait(device->loop.epoll, &event, 1, timeout_ms) != 1)
		return false;
	struct loop_source *source = event.data.ptr;
	source->ready(device, source, event.events);
	return true;
}

static inline void settle(void)
{
	while (step(QUIET_MS))
		;
}

static inline void set(const char *text)
{
	struct uapi_request r;

	assert_int_equal(uapi_parse(&r, text, strlen(text)), 0);
	assert_int_equal(uapi_device_set(device, &r), 0);
	uapi_request_free(&r);
}

#define PEER_A "public_key=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0\n"

static inline bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("skipped: it needs root\n");
	return false;
}

// Names carry the process's number, so that several runs can go on side by side.
static inline void begin(void)
{
	sigset_t signals;

	snprintf(name, sizeof(name), "wgbt%d", getpid());
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	alarm(LIMIT_S); // since SIGTERM is blocked, a hang is ended so
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
