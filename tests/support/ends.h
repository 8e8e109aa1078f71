// Two real devices with one another as peers, over loopback UDP: the test carries the messages of a
// handshake, and says when data are received.
#ifndef WGBENCH_TESTS_SUPPORT_ENDS_H
#define WGBENCH_TESTS_SUPPORT_ENDS_H

#include "tests/support/loopback.h"

static struct device *a, *b;
static struct peer *to_b, *to_a; // a's peer and b's

static const uint8_t key_a[NOISE_KEY_BYTES] = {0, 1}, key_b[NOISE_KEY_BYTES] = {0, 2};

static inline int set_up(void **state)
{
	(void)state;
	loopback_take_clock();
	a = loopback_device(key_a);
	b = loopback_device(key_b);
	to_b = peers_new(a, b->identity.public_key);
	to_a = peers_new(b, a->identity.public_key);
	// b learns where a is.
	to_b->endpoint = loopback_endpoint(b->udp.port);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	device_free(a);
	device_free(b);
	return 0;
}

#define count(device, name) ((unsigned)counters_sum(&device->counters, name))

// The next datagram for the device, which must be of that type.
static inline struct mailbox_message take(struct device *d, unsigned type)
{
	struct mailbox_message m;

	if (!loopback_take(loopback_socket(d, type), &m, LOOPBACK_WAIT_MS))
		fail_msg("no message of type %u came", type);
	assert_int_equal(loopback_type(&m), type);
	return m;
}

static inline bool silent(struct device *d)
{
	return !loopback_readable(loopback_socket(d, MESSAGE_DATA), 0) &&
	       !loopback_readable(loopback_socket(d, MESSAGE_INITIATION), 0);
}

static inline void deliver(struct device *d, unsigned type)
{
	struct mailbox_message m = take(d, type);

	handshake_receive(d, &m);
}

// Lets the device's own data path receive what has come.
static inline void receive_on_the_path(struct device *d)
{
	int fd = loopback_socket(d, MESSAGE_DATA);

	assert_true(loopback_readable(fd, LOOPBACK_WAIT_MS));
	lock_share(&d->lock);
	bool backlog = false;
	assert_true(udp_receive(&d->queue[0], fd, loopback_now_ns, &backlog) > 0);
	assert_false(backlog);
	lanes_flush(&d->queue[0]);
	lock_release(&d->lock);
}

static inline void receive_data(struct device *d)
{
	receive_on_the_path(d);
	loopback_control(d);
}

static inline void check_same_session(const struct keypair *x, const struct keypair *y)
{
	assert_non_null(x);
	assert_non_null(y);
	assert_memory_equal(x->send_key, y->receive_key, NOISE_KEY_BYTES);
	assert_memory_equal(x->receive_key, y->send_key, NOISE_KEY_BYTES);
	assert_int_equal(x->remote_index, y->local_index);
	assert_int_equal(x->local_index, y->remote_index);
	assert_true(x->initiator != y->initiator);
}

#endif
