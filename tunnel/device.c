// The interface's life: made, up, down, freed; and the thread of the data path.
#include "tunnel/device.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "tunnel/batch.h"
#include "tunnel/pipeline.h"
#include "tunnel/timers.h"
#include "variants/workers/workers.h"

void path_lock_exclusive(struct device *d)
{
	pthread_rwlock_wrlock(&d->path_lock);
}

void path_unlock_exclusive(struct device *d)
{
	pthread_rwlock_unlock(&d->path_lock);
}

static void path_enter(void *device)
{
	pthread_rwlock_rdlock(&((struct device *)device)->path_lock);
}

static void path_leave(void *device)
{
	pthread_rwlock_unlock(&((struct device *)device)->path_lock);
}

// What a thread of the path needs (its cipher) is made on first use and goes with the thread.
static void thread_start(void *device)
{
	(void)device;
	pthread_setname_np(pthread_self(), "worker");
}

static void thread_stop(void *device)
{
	(void)device;
}

static int init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attributes;
	int ret = pthread_rwlockattr_init(&attributes);

	if (ret)
		return -ret;
	// Else a busy path would keep the control thread out for ever.
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	ret = pthread_rwlock_init(lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return -ret;
}

int device_create(struct device **out, const char *name, const struct switches *s)
{
	struct device *d = calloc(1, sizeof(*d));
	const char *what = "out of memory";
	int ret = -ENOMEM;

	if (!d)
		goto err;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->switches = *s;
	d->udp.fd[0] = d->udp.fd[1] = -1;
	d->tun.fd = d->path_epoll = d->path_wake = -1;
	clock_set_scale(s->clock_scale);
	what = "cannot start the cryptographic library";
	ret = noise_init();
	if (ret)
		goto err_device;
	randombytes_buf(d->key_seed, sizeof(d->key_seed));
	pthread_mutex_init(&d->pool_lock, NULL);
	what = "cannot make the locks and descriptors of the data path";
	ret = init_lock(&d->path_lock);
	if (ret)
		goto err_device;
	d->path_epoll = epoll_create1(EPOLL_CLOEXEC);
	d->path_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->path_epoll < 0 || d->path_wake < 0) {
		ret = -errno;
		goto err_path;
	}
	what = "out of memory";
	ret = -ENOMEM;
	d->allowed_ips = allowedips_new();
	if (!d->allowed_ips)
		goto err_path;
	ret = peer_table_new(d);
	if (!ret)
		ret = index_table_new(d);
	if (ret)
		goto err_tables;
	const struct workers_hooks hooks = {.thread_start = thread_start,
	                                    .thread_stop = thread_stop,
	                                    .path_enter = path_enter,
	                                    .path_leave = path_leave,
	                                    .context = d};
	what = "cannot start the workers";
	ret = -ENOMEM;
	d->workers = workers_new(&hooks, s->threads);
	if (!d->workers)
		goto err_tables;
	what = "cannot set up the control thread";
	ret = control_init(d);
	if (ret)
		goto err_workers;
	*out = d;
	return 0;

err_workers:
	workers_free(d->workers);
err_tables:
	hashtable_free(d->by_index);
	hashtable_free(d->by_key);
	allowedips_free(d->allowed_ips);
err_path:
	if (d->path_epoll >= 0)
		close(d->path_epoll);
	if (d->path_wake >= 0)
		close(d->path_wake);
	pthread_rwlock_destroy(&d->path_lock);
err_device:
	free(d);
err:
	fprintf(stderr, "wgbench-tunnel: %s: %s: %s\n", name, what, strerror(-ret));
	return ret;
}

int device_new(struct device **out, const char *name, const struct switches *s)
{
	int ret = device_create(out, name, s);

	if (ret)
		return ret;
	ret = tun_open(&(*out)->tun, name, s);
	if (ret)
		device_free(*out);
	return ret;
}

// ---- the data path's thread

static int path_ready(struct device *d, int fd, uint64_t now_ns, bool *backlog)
{
	if (fd == d->tun.fd)
		return tun_read(d, now_ns, backlog);
	if (fd == d->udp.fd[0])
		return udp_receive(d, AF_INET, now_ns, backlog);
	if (fd == d->udp.fd[1])
		return udp_receive(d, AF_INET6, now_ns, backlog);
	return 0;
}

static void *path_main(void *device)
{
	struct device *d = device;
	struct epoll_event events[4];

	pthread_setname_np(pthread_self(), "path");
	while (!atomic_load(&d->stopping)) {
		int n = epoll_wait(d->path_epoll, events, sizeof(events) / sizeof(events[0]), -1);
		device_count(d, epoll_waits, 1);
		if (n < 0 && errno != EINTR)
			break;
		uint64_t now_ns = clock_now_ns();
		bool backlog = false;
		path_enter(d);
		for (int i = 0; i < n; i++) {
			int ret = path_ready(d, events[i].data.fd, now_ns, &backlog);
			if (events[i].data.fd == d->tun.fd &&
			    (ret == -EBADFD || (!ret && events[i].events & EPOLLERR))) {
				// The interface was deleted.
				path_leave(d);
				control_fail(d);
				return NULL;
			}
		}
		path_leave(d);
		workers_turn(d->workers, backlog, now_ns);
	}
	return NULL;
}

static int watch(struct device *d, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(d->path_epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int device_start(struct device *d)
{
	int ret = watch(d, d->tun.fd);

	if (!ret)
		ret = watch(d, d->path_wake);
	if (!ret)
		ret = -pthread_create(&d->path_thread, NULL, path_main, d);
	if (ret)
		fprintf(stderr, "wgbench-tunnel: %s: cannot start the data path: %s\n", d->name,
		        strerror(-ret));
	else
		d->path_runs = true;
	return ret;
}

static void stop_path(struct device *d)
{
	uint64_t one = 1;

	atomic_store(&d->stopping, true);
	if (!d->path_runs)
		return;
	while (write(d->path_wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(d->path_thread, NULL);
	d->path_runs = false;
}

void device_free(struct device *d)
{
	stop_path(d);
	while (d->peers)
		peer_remove(d->peers);
	udp_close(d);
	tun_close(&d->tun);
	control_destroy(d);
	workers_free(d->workers);
	hashtable_free(d->by_index);
	hashtable_free(d->by_key);
	allowedips_free(d->allowed_ips);
	batch_pool_free(d);
	close(d->path_epoll);
	close(d->path_wake);
	pthread_rwlock_destroy(&d->path_lock);
	pthread_mutex_destroy(&d->pool_lock);
	sodium_memzero(d, sizeof(*d));
	free(d);
}

// ---- configuration

int device_up(struct device *d)
{
	uint64_t now_ns = clock_now_ns();

	if (d->up)
		return 0;
	path_lock_exclusive(d);
	int ret = udp_open(d, d->listen_port, d->fwmark);
	path_unlock_exclusive(d);
	if (ret)
		return ret;
	d->listen_port = d->udp.port;
	d->up = true;
	for (struct peer *p = d->peers; p; p = p->next)
		if (p->persistent_keepalive_s)
			timers_persistent_changed(p, now_ns);
	return 0;
}

int device_down(struct device *d)
{
	if (!d->up)
		return 0;
	d->up = false;
	path_lock_exclusive(d);
	udp_close(d);
	path_unlock_exclusive(d);
	for (struct peer *p = d->peers; p; p = p->next) {
		timers_stop(p);
		peer_zero_keys(p);
		peer_drop_staged(p);
	}
	return 0;
}

void device_set_private_key(struct device *d, const uint8_t private_key[NOISE_KEY_BYTES])
{
	noise_identity_set(&d->identity, private_key);
	cookie_checker_init(&d->cookie_checker, d->identity.public_key);
	struct peer *self = peer_find(d, d->identity.public_key);
	if (d->identity.has_key && self)
		peer_remove(self);
	for (struct peer *p = d->peers; p; p = p->next) {
		peer_zero_keys(p);
		noise_precompute(&p->handshake, &d->identity);
	}
}
