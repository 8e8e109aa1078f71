#include "tunnel/device.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/control.h"
#include "tunnel/counters.h"
#include "tunnel/lock.h"
#include "tunnel/peers.h"
#include "tunnel/queue.h"
#include "tunnel/queue_thread.h"
#include "tunnel/sockets.h"
#include "variants/workers/workers.h"

// ---- threads of the workers

static void enter_path(void *lock)
{
	lock_share(lock);
}

static void leave_path(void *lock)
{
	lock_release(lock);
}

// What a thread of the path needs (its cipher) is made on first use and goes with the thread.
static void start_thread(void *lock)
{
	(void)lock;
	pthread_setname_np(pthread_self(), "worker");
	counters_take_shard();
}

static void stop_thread(void *lock)
{
	(void)lock;
}

// ---- made and freed

// Those from `first` on.
static void close_queues(struct device *d, unsigned first)
{
	while (d->queues > first)
		queue_close(&d->queue[--d->queues]);
}

static int open_queues(struct device *d, unsigned n)
{
	int ret = 0;

	d->queue = aligned_alloc(_Alignof(struct queue), n * sizeof(*d->queue));
	if (!d->queue)
		return -ENOMEM;
	while (!ret && d->queues < n) {
		struct queue *q = &d->queue[d->queues];

		*q = (struct queue){.device = d,
		                    .counters = &d->counters,
		                    .mailbox = &d->mailbox,
		                    .sockets = &d->udp,
		                    .index = d->queues};
		ret = queue_init(q, &d->switches, &d->made);
		d->queues += !ret;
	}
	return ret;
}

int device_create(struct device **out, const char *name, const struct switches *s)
{
	struct device *d = aligned_alloc(_Alignof(struct device), sizeof(*d));
	const char *what = "out of memory";
	int ret = -ENOMEM;

	if (!d)
		goto err;
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->switches = *s;
	d->udp.handshake[0] = d->udp.handshake[1] = -1;
	clock_set_scale(s->clock_scale);
	what = "cannot start the cryptographic library";
	ret = noise_init();
	if (ret)
		goto err_device;
	randombytes_buf(d->key_seed, sizeof(d->key_seed));
	what = "cannot make the locks and descriptors of the data path";
	ret = lock_init(&d->lock);
	if (ret)
		goto err_device;
	ret = open_queues(d, queue_count(s->queues, sysconf(_SC_NPROCESSORS_ONLN)));
	if (ret)
		goto err_path;
	what = "out of memory";
	ret = tables_init(&d->tables, d->key_seed);
	if (ret)
		goto err_path;
	ret = peers_table_new(d);
	if (ret)
		goto err_tables;
	const struct workers_hooks hooks = {.thread_start = start_thread,
	                                    .thread_stop = stop_thread,
	                                    .path_enter = enter_path,
	                                    .path_leave = leave_path,
	                                    .context = &d->lock};
	what = "cannot start the workers";
	ret = -ENOMEM;
	d->workers = workers_new(&hooks, s->threads, d->queues);
	if (!d->workers)
		goto err_peers;
	what = "cannot set up the control thread";
	ret = control_open(d);
	if (ret)
		goto err_workers;
	*out = d;
	return 0;

err_workers:
	workers_free(d->workers);
err_peers:
	hashtable_free(d->by_key);
err_tables:
	tables_free(&d->tables);
err_path:
	close_queues(d, 0);
	free(d->queue);
	lock_destroy(&d->lock);
err_device:
	free(d);
err:
	fprintf(stderr, "wgbench-tunnel: %s: %s: %s\n", name, what, strerror(-ret));
	return ret;
}

int device_new(struct device **out, const char *name, const struct switches *s, int sysfs)
{
	int ret = device_create(out, name, s), fd[QUEUES_MAX];

	if (ret)
		return ret;
	struct device *d = *out;
	unsigned queues = d->queues;
	ret = tun_open(&d->tun, name, s, sysfs, fd, &queues);
	if (ret) {
		device_free(d);
		return ret;
	}
	close_queues(d, queues);
	for (unsigned i = 0; i < queues; i++)
		d->queue[i].tun = fd[i];
	return 0;
}

static void stop_queues(struct device *d)
{
	atomic_store(&d->stopping, true);
	for (unsigned i = 0; i < d->queues; i++)
		queue_thread_join(&d->queue[i]);
}

int device_start(struct device *d)
{
	int ret = 0;

	for (unsigned i = 0; i < d->queues && !ret; i++)
		ret = queue_thread_start(&d->queue[i]);
	if (ret) {
		fprintf(stderr, "wgbench-tunnel: %s: cannot start the data path: %s\n", d->name,
		        strerror(-ret));
		stop_queues(d);
	}
	return ret;
}

void device_free(struct device *d)
{
	stop_queues(d);
	while (d->peers)
		peers_remove(d->peers);
	control_close(d);
	workers_free(d->workers);
	hashtable_free(d->by_key);
	tables_free(&d->tables);
	sockets_close(d);
	close_queues(d, 0);
	free(d->queue);
	lock_destroy(&d->lock);
	sodium_memzero(d, sizeof(*d));
	free(d);
}
