// The interface's life: made, up, down, freed.
#include "tunnel/device.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tunnel/control.h"
#include "tunnel/peers.h"
#include "tunnel/session.h"
#include "tunnel/sockets.h"
#include "tunnel/staging.h"
#include "variants/workers/workers.h"

// Short at first: who holds the port may be a tunnel that is just being killed, whose sockets go
// some milliseconds after its interface. Then as long as anyone would wait for it; an attempt keeps
// the path out for some microseconds.
#define LISTEN_AGAIN_FIRST_NS (100 * NS_PER_MS)
#define LISTEN_AGAIN_MAX_NS (5 * NS_PER_S)

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
		ret = queue_init(&d->queue[d->queues], d, d->queues);
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

static void stop(struct device *d)
{
	atomic_store(&d->stopping, true);
	for (unsigned i = 0; i < d->queues; i++)
		queue_join(&d->queue[i]);
}

int device_start(struct device *d)
{
	int ret = 0;

	for (unsigned i = 0; i < d->queues && !ret; i++)
		ret = queue_start(&d->queue[i]);
	if (ret) {
		fprintf(stderr, "wgbench-tunnel: %s: cannot start the data path: %s\n", d->name,
		        strerror(-ret));
		stop(d);
	}
	return ret;
}

void device_free(struct device *d)
{
	stop(d);
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

// ---- the link up and down

// Ends what there is with the peer; a new handshake needn't wait for the last one's 5 s.
static void drop_sessions(struct peer *p)
{
	session_end(p);
	atomic_store(&p->last_initiation_sent_ns, 0);
}

static const char *remedy(int error)
{
	switch (-error) {
	case EMFILE:
		return "raise its limit (prlimit --nofile)";
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return "free some";
	default:
		return "free it or choose another listen-port";
	}
}

static void listen_again_later(struct device *d, int error)
{
	uint64_t wait_ns = 2 * d->listen_again_ns;

	if (!device_link_is_up(d)) {
		fprintf(stderr,
		        "wgbench-tunnel: %s: cannot open UDP port %u: %s: %s; it is tried again\n",
		        d->name, d->listen_port, strerror(-error), remedy(error));
		wait_ns = LISTEN_AGAIN_FIRST_NS;
	}
	d->listen_again_ns = wait_ns < LISTEN_AGAIN_MAX_NS ? wait_ns : LISTEN_AGAIN_MAX_NS;
	d->timers.listen_again_at = clock_now_ns() + d->listen_again_ns;
	timers_set(&d->timers);
}

bool device_link_is_up(const struct device *d)
{
	return d->up || d->timers.listen_again_at;
}

int device_listen(struct device *d, uint16_t port, uint32_t fwmark)
{
	uint64_t now_ns = clock_now_ns();
	int ret = sockets_open(d, port, fwmark);

	if (ret)
		return ret;
	d->listen_port = d->udp.port;
	if (d->timers.listen_again_at)
		fprintf(stderr, "wgbench-tunnel: %s: listens on UDP port %u now\n", d->name,
		        d->listen_port);
	d->timers.listen_again_at = 0;
	bool was_up = d->up;
	d->up = true;
	if (!was_up)
		tun_offload_again(d);
	for (struct peer *p = d->peers; p; p = p->next) {
		if (!was_up)
			peer_segment_again(p);
		if (!was_up && p->persistent_keepalive_s)
			timers_persistent_changed(p, now_ns);
		mailbox_post(p, PEER_EVENT_RESUME);
	}
	return 0;
}

int device_up(struct device *d)
{
	if (d->up)
		return 0;
	lock_exclude(&d->lock);
	int ret = device_listen(d, d->listen_port, d->fwmark);
	lock_release(&d->lock);
	if (ret)
		listen_again_later(d, ret);
	return ret;
}

int device_down(struct device *d)
{
	if (!device_link_is_up(d))
		return 0;
	d->up = false;
	d->timers.listen_again_at = 0;
	lock_exclude(&d->lock);
	sockets_close(d);
	lock_release(&d->lock);
	for (struct peer *p = d->peers; p; p = p->next) {
		timers_stop(p);
		drop_sessions(p);
		staging_drop(p);
	}
	return 0;
}

// ---- configuration

void device_set_private_key(struct device *d, const uint8_t private_key[NOISE_KEY_BYTES])
{
	uint64_t now_ns = clock_now_ns();

	noise_identity_set(&d->identity, private_key);
	cookie_checker_init(&d->cookie_checker, d->identity.public_key);
	struct peer *self = peers_find(d, d->identity.public_key);
	if (d->identity.has_key && self)
		peers_remove(self);
	for (struct peer *p = d->peers; p; p = p->next) {
		drop_sessions(p);
		noise_precompute(&p->handshake, &d->identity);
		if (!d->up || !d->identity.has_key)
			continue;
		if (p->persistent_keepalive_s)
			timers_persistent_changed(p, now_ns);
		mailbox_post(p, PEER_EVENT_RESUME);
	}
}
