// Packets while memory is refused: between two devices on an injected clock a first packet leads to
// a session and others go both ways, with each request for memory refused in turn, alone and with
// all that follow. What a refusal costs is counted; what it doesn't cost arrives; and once memory
// is there again, all goes on by itself.
#include "tests/support/loopback.h"
#include "tests/support/refusal.h"

#include <netinet/ip.h>
#include <pthread.h>
#include <time.h>
#include "tunnel/checksum.h"
#include "tunnel/cipher.h"
#include "tunnel/gather.h"
#include "tunnel/pool.h"

enum { ROUNDS = 4, REFUSED_S = 6, RECOVERY_S = 30, STARVED_MS = 100 };

struct end {
	struct device *device;
	struct peer *peer;
	int tun; // the far end of its TUN
};

static struct end ends[2]; // the first knows where the other is
static long live_before, mapped_before;

static void open_ends(void)
{
	int pair[2];

	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		e->device = loopback_device((const uint8_t[NOISE_KEY_BYTES]){0, i + 1});
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
		e->device->queue[0].tun = pair[0];
		e->tun = pair[1];
	}
	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		e->peer = peers_new(e->device, ends[!i].device->identity.public_key);
		assert_non_null(e->peer);
		assert_int_equal(allowedips_insert(e->device->tables.allowed_ips, AF_INET,
		                                   (const uint8_t[4]){10, 0, !i, 0}, 24,
		                                   &e->peer->allowed_ips),
		                 0);
	}
	ends[0].peer->endpoint = loopback_endpoint(ends[1].device->udp.port);
}

static void close_ends(void)
{
	for (int i = 0; i < 2; i++) {
		device_free(ends[i].device);
		close(ends[i].tun);
	}
	assert_int_equal(refusal_live, live_before);
	assert_int_equal(refusal_mapped, mapped_before);
}

static int set_up(void **state)
{
	(void)state;
	refusal_needed();
	loopback_take_clock();
	assert_non_null(cipher_thread()); // the thread's own, and stays
	live_before = refusal_live;
	mapped_before = refusal_mapped;
	return 0;
}

// ---- packets

struct numbered {
	struct virtio_net_hdr vnet;
	struct iphdr ip;
	uint32_t number;
} __attribute__((packed));

static void put(int from, uint32_t number)
{
	struct numbered f = {.ip = {.version = 4,
	                            .ihl = 5,
	                            .tot_len = htons(sizeof(f.ip) + sizeof(f.number)),
	                            .ttl = 64,
	                            .protocol = 254,
	                            .saddr = htonl(10u << 24 | (uint32_t)from << 8 | 1),
	                            .daddr = htonl(10u << 24 | (uint32_t)!from << 8 | 1)},
	                     .number = number};

	f.ip.check = ~checksum_fold(checksum_add(0, &f.ip, sizeof(f.ip)));
	assert_int_equal(send(ends[from].tun, &f, sizeof(f), 0), sizeof(f));
}

// Whether that packet has come out; all that came before it is passed over, as ICMP errors are.
static bool arrived(int at, uint32_t number)
{
	struct numbered f;
	bool found = false;

	while (!found && recv(ends[at].tun, &f, sizeof(f), MSG_DONTWAIT) > 0)
		found = f.ip.protocol == 254 && f.number == number;
	return found;
}

// ---- what the threads would do

static void turn(struct device *d)
{
	struct queue *q = &d->queue[0];
	bool backlog = false;

	lock_share(&d->lock);
	while (tun_read(q, loopback_now_ns) > 0)
		;
	while (gather_send(q, loopback_now_ns))
		;
	lanes_flush(q);
	while (loopback_readable(q->udp[0], 0) &&
	       udp_receive(q, q->udp[0], loopback_now_ns, &backlog) > 0)
		lanes_flush(q);
	lock_release(&d->lock);
	if (d->udp.handshake[0] >= 0)
		udp_receive_handshakes(q, d->udp.handshake[0], &d->intake->slots);
	loopback_control(d);
}

static void run_round(void)
{
	for (int i = 0; i < ROUNDS; i++)
		for (int e = 0; e < 2; e++)
			turn(ends[e].device);
}

static uint64_t deadline(const struct device *d)
{
	return d->timers.heap_count ? d->timers.heap[0]->armed_at : UINT64_MAX;
}

static void run_for(unsigned seconds)
{
	uint64_t end_ns = loopback_now_ns + seconds * NS_PER_S;

	for (;;) {
		run_round();
		uint64_t next_ns = end_ns;
		for (int e = 0; e < 2; e++)
			if (deadline(ends[e].device) < next_ns)
				next_ns = deadline(ends[e].device);
		loopback_pass(next_ns - loopback_now_ns);
		if (next_ns == end_ns)
			return;
		for (int e = 0; e < 2; e++)
			due_expire(ends[e].device, loopback_now_ns);
	}
}

// ---- tests

static uint64_t dropped_for_memory(void)
{
	return counters_sum(&ends[0].device->counters, drop_memory) +
	       counters_sum(&ends[1].device->counters, drop_memory);
}

// false: nothing was refused.
static bool packets_pass(bool loaded, enum refusal kind, long grants)
{
	open_ends();
	if (loaded)
		ends[1].device->load.until_ns = loopback_now_ns + 10 * NS_PER_S;
	refusal_begin(kind, grants);
	put(0, 1);
	run_round();
	put(1, 1);
	run_for(REFUSED_S);
	bool refused = refusal_end();

	// The first packet needs no other to come to its end.
	run_for(RECOVERY_S);
	assert_int_equal(ends[0].peer->staged_packets, 0);
	if (!arrived(1, 1))
		assert_true(refused && dropped_for_memory());
	put(0, 2);
	run_for(RECOVERY_S);
	put(1, 2);
	run_for(RECOVERY_S);
	assert_true(arrived(1, 2));
	assert_true(arrived(0, 2));
	assert_true(loopback_indices(ends[0].device) <= 3);

	// To remove what there is takes no memory.
	refusal_begin(REFUSE_ALL, 0);
	for (int e = 0; e < 2; e++)
		peers_remove(ends[e].peer);
	assert_false(refusal_end());
	assert_int_equal(loopback_indices(ends[0].device), 0);
	close_ends();
	return refused;
}

static void sessions_come_when_memory_does(void **state)
{
	bool loaded = *(bool *)*state;

	for (int kind = 0; kind < REFUSALS; kind++) {
		long grants = 0;

		while (packets_pass(loaded, kind, grants))
			grants++;
		assert_true(grants > 10);
	}
}

static int set_up_unloaded(void **state)
{
	static bool no = false;

	*state = &no;
	return set_up(NULL);
}

static int set_up_loaded(void **state)
{
	static bool yes = true;

	*state = &yes;
	return set_up(NULL);
}

static void *take_cipher(void *taken)
{
	refusal_begin(REFUSE_ALL, 0);
	struct aead *refused = cipher_thread();
	refusal_end();
	*(bool *)taken = !refused && cipher_thread();
	return NULL;
}

static void a_thread_asks_again_for_its_cipher(void **state)
{
	pthread_t thread;
	bool taken = false;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, take_cipher, &taken), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(taken);
	assert_int_equal(refusal_live, live_before);
}

// Polls, up to LOOPBACK_WAIT_MS.
static void wait_for_drop(struct device *d, uint64_t more_than)
{
	for (int ms = 0; counters_sum(&d->counters, drop_memory) <= more_than; ms++) {
		assert_true(ms < LOOPBACK_WAIT_MS);
		poll(NULL, 0, 1);
	}
}

static uint64_t real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

// Nothing is in stock any more.
static void empty_pools(struct device *d)
{
	struct queue *q = &d->queue[0];

	lock_exclude(&d->lock);
	if (q->reading)
		pool_put_buffer(q->reading);
	q->reading = NULL;
	pool_drain(&q->pool);
	lock_release(&d->lock);
}

// Both the one that makes a session and one within it, long before the next is due.
static void a_keepalive_without_memory_is_sent_later(void **state)
{
	(void)state;
	open_ends();
	for (int within = 0; within < 2; within++) {
		struct peer *p = ends[0].peer;
		uint64_t before = ends[1].peer->rx_bytes;

		empty_pools(ends[0].device);
		p->persistent_keepalive_s = 60000;
		timers_persistent_changed(p, loopback_now_ns);
		refusal_begin(REFUSE_ALL, 0);
		due_expire(ends[0].device, loopback_now_ns);
		assert_true(refusal_end());
		run_round();
		assert_int_equal(ends[1].peer->rx_bytes, before);
		run_for(2);
		assert_true(ends[1].peer->rx_bytes > before);
		assert_non_null(p->current);
	}
	close_ends();
}

// What can't be read for want of memory stays where it is, the thread looks again now and then, and
// it goes on when there is some: where frames come from the TUN, and where datagrams come.
static void a_starved_queue_rests(void **state)
{
	(void)state;
	open_ends();
	put(0, 1);
	run_round();
	assert_true(arrived(1, 1));
	for (int e = 0; e < 2; e++)
		assert_int_equal(device_start(ends[e].device), 0);
	for (int e = 0; e < 2; e++) {
		struct device *d = ends[e].device;

		empty_pools(d);
		refusal_begin(REFUSE_ALL, 0);
		put(0, 2 + e);
		wait_for_drop(d, 0);
		uint64_t before = counters_sum(&d->counters, epoll_waits), start_ms = real_ms();
		poll(NULL, 0, STARVED_MS);
		uint64_t turns = counters_sum(&d->counters, epoll_waits) - before;
		assert_in_range(turns, 0, real_ms() - start_ms + 2);
		wait_for_drop(d, counters_sum(&d->counters, drop_memory));
		assert_true(refusal_end());
		assert_true(loopback_readable(ends[1].tun, LOOPBACK_WAIT_MS));
		assert_true(arrived(1, 2 + e));
	}
	close_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    {"sessions_come_when_memory_does", sessions_come_when_memory_does, set_up_unloaded,
	     NULL, NULL},
	    {"sessions_come_when_memory_does, also with a cookie", sessions_come_when_memory_does,
	     set_up_loaded, NULL, NULL},
	    cmocka_unit_test_setup(a_thread_asks_again_for_its_cipher, set_up),
	    cmocka_unit_test_setup(a_keepalive_without_memory_is_sent_later, set_up),
	    cmocka_unit_test_setup(a_starved_queue_rests, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
