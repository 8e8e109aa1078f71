// What peers cost: memory of one that is only configured and of one with sessions, and that all of
// it comes back.
#include "tests/support/support.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "tunnel/device.h"
#include "tunnel/index.h"
#include "tunnel/peers.h"
#include "tunnel/session.h"

enum { PEERS = 1000, CONFIGURED_BYTES_MAX = 4096 };

static struct device *device;

static void open_device(const char *switches_text)
{
	struct switches s;

	assert_int_equal(switches_parse(&s, switches_text), 0);
	assert_int_equal(device_create(&device, "wgbtest", &s), 0);
}

static size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void add_peers(void)
{
	for (uint32_t i = 0; i < PEERS; i++) {
		uint8_t key[NOISE_KEY_BYTES] = {1, i, i >> 8}, address[4] = {10, 0, i >> 8, i};
		struct peer *p = peers_new(device, key);

		assert_non_null(p);
		assert_int_equal(allowedips_insert(device->tables.allowed_ips, AF_INET, address, 32,
		                                   &p->allowed_ips),
		                 0);
	}
}

static void give_session(struct peer *p)
{
	struct noise_session s = {.initiator = true};

	lock_exclude(&device->lock);
	s.local_index = index_new(device->tables.by_index, p)->index;
	lock_release(&device->lock);
	assert_int_equal(session_install(p, &s, clock_now_ns()), 0);
}

static bool is_counted(void)
{
	if (allocated())
		return true;
	print_message("this allocator doesn't tell what it has given\n");
	return false;
}

static void a_configured_peer_takes_less_than_4096_bytes(void **state)
{
	(void)state;
	if (!is_counted())
		skip();
	open_device("queues=8");
	size_t before = allocated();
	add_peers();
	size_t each = (allocated() - before) / PEERS;
	fprintf(stderr, "# %zu bytes for a configured peer, with its entry in the tables\n", each);
	assert_in_range(each, sizeof(struct peer), CONFIGURED_BYTES_MAX);
	device_free(device);
}

static void measure_sessions(const char *switches_text)
{
	open_device(switches_text);
	add_peers();
	size_t before = allocated();
	for (struct peer *p = device->peers; p; p = p->next)
		give_session(p);
	size_t first = (allocated() - before) / PEERS;
	for (struct peer *p = device->peers; p; p = p->next)
		give_session(p);
	fprintf(stderr, "# %s: %zu bytes more with a session, %zu with the previous one kept\n",
	        switches_text, first, (allocated() - before) / PEERS);
	// Without its sessions, and then its lanes too, nothing is left.
	for (struct peer *p = device->peers; p; p = p->next)
		session_end(p);
	assert_int_equal(hashtable_count(device->tables.by_index), 0);
	while (device->peers)
		peers_remove(device->peers);
	assert_true(allocated() < before + PEERS * sizeof(struct peer) / 10);
	device_free(device);
}

static void sessions_are_measured_and_given_back(void **state)
{
	(void)state;
	if (!is_counted())
		skip();
	measure_sessions("queues=1");
	measure_sessions("queues=8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_configured_peer_takes_less_than_4096_bytes),
	    cmocka_unit_test(sessions_are_measured_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
