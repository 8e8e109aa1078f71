// Macs and cookies between a checker and a peer, on a clock of the test's own.
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/noise.h"
#include "tunnel/ratelimit.h"

static const uint8_t public_key[NOISE_KEY_BYTES] = {1, 2, 3};
static struct cookie_checker checker;
static struct cookie_peer peer;
static struct message_initiation message;
static struct support_random generator;
static uint64_t now_ns;

static const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = 0x1234, .sin_addr = {1}};
static const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                       .sin6_port = 0x1234,
                                       .sin6_addr = {{{0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5}}}};
#define V4 ((const struct sockaddr *)&v4)
#define V6 ((const struct sockaddr *)&v6)

static int set_up(void **state)
{
	(void)state;
	if (noise_init())
		return -1;
	support_random_init(&generator, support_seed());
	support_random_fill(&generator, &message, sizeof(message));
	cookie_checker_init(&checker, public_key);
	cookie_peer_init(&peer, public_key);
	now_ns = 1000 * NS_PER_S;
	return 0;
}

static enum cookie_mac check(const struct sockaddr *from)
{
	return cookie_check(&checker, &message, sizeof(message), from, now_ns, true);
}

static void add_macs(void)
{
	cookie_add_macs(&peer, &message, sizeof(message), now_ns);
}

static struct message_cookie reply_to(const struct sockaddr *from)
{
	struct message_cookie reply;

	cookie_reply_create(&checker, &reply, &message, sizeof(message), 0x01020304, from, now_ns);
	return reply;
}

static void give_cookie(const struct sockaddr *from)
{
	add_macs();
	struct message_cookie reply = reply_to(from);
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), 0);
	add_macs();
}

// mac1 and its key, computed from the paper's formulas alone.
static void mac1_is_as_the_paper_says(void **state)
{
	uint8_t in[8 + 32] = "mac1----", key[32], mac[16];

	(void)state;
	add_macs();
	memcpy(in + 8, public_key, 32);
	noise_blake2s(key, 32, NULL, 0, in, sizeof(in));
	noise_blake2s(mac, 16, key, 32, &message, 116);
	assert_memory_equal(message.macs.mac1, mac, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(message.macs.mac2[i], 0);
}

static void mac1_alone(void **state)
{
	(void)state;
	assert_int_equal(check(V4), COOKIE_MAC_INVALID);
	add_macs();
	assert_int_equal(check(V4), COOKIE_MAC1_VALID);
	message.macs.mac1[15] ^= 1;
	assert_int_equal(check(V4), COOKIE_MAC_INVALID);
}

static void mac2_is_bound_to_address_and_port(void **state)
{
	const struct sockaddr *from[] = {V4, V6};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in other4 = v4;
		struct sockaddr_in6 other6 = v6;

		give_cookie(from[i]);
		assert_int_equal(check(from[i]), COOKIE_MAC2_VALID);
		assert_int_equal(check(from[!i]), COOKIE_MAC1_VALID);
		other4.sin_port++, other6.sin6_port++;
		assert_int_equal(check((struct sockaddr *)&other4), COOKIE_MAC1_VALID);
		assert_int_equal(check((struct sockaddr *)&other6), COOKIE_MAC1_VALID);
		other4 = v4, other6 = v6;
		other4.sin_addr.s_addr ^= htonl(1), other6.sin6_addr.s6_addr[15] ^= 1;
		assert_int_equal(check((struct sockaddr *)&other4), COOKIE_MAC1_VALID);
		assert_int_equal(check((struct sockaddr *)&other6), COOKIE_MAC1_VALID);
	}
}

static void every_changed_byte_is_seen(void **state)
{
	(void)state;
	give_cookie(V4);
	for (size_t i = 0; i < sizeof(message); i++) {
		uint8_t *byte = (uint8_t *)&message + i,
		        bit = 1 << support_random_below(&generator, 8);

		*byte ^= bit;
		assert_int_equal(check(V4), i < offsetof(struct message_initiation, macs.mac2)
		                                ? COOKIE_MAC_INVALID
		                                : COOKIE_MAC1_VALID);
		*byte ^= bit;
	}
	assert_int_equal(check(V4), COOKIE_MAC2_VALID);
}

static void every_changed_byte_of_a_reply_is_seen(void **state)
{
	(void)state;
	add_macs();
	struct message_cookie reply = reply_to(V4);
	for (size_t i = offsetof(struct message_cookie, nonce); i < sizeof(reply); i++) {
		struct message_cookie changed = reply;

		((uint8_t *)&changed)[i] ^= 1 << support_random_below(&generator, 8);
		assert_int_equal(cookie_reply_consume(&peer, &changed, now_ns), -EBADMSG);
		assert_int_equal(peer.cookie_born_ns, 0);
	}
	assert_int_equal(reply.type, 3);
	assert_int_equal(reply.receiver_index, 0x01020304);
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), 0);
}

static void a_reply_answers_the_last_message_once(void **state)
{
	(void)state;
	struct message_cookie reply = reply_to(V4);
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), -ENOENT);
	add_macs();
	reply = reply_to(V4);
	message.ephemeral[0] ^= 1;
	add_macs();
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), -EBADMSG);
	reply = reply_to(V4);
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), 0);
	assert_int_equal(cookie_reply_consume(&peer, &reply, now_ns), -ENOENT);
}

static void a_cookie_is_used_for_115_seconds(void **state)
{
	static const uint8_t zero[COOKIE_BYTES];

	(void)state;
	give_cookie(V4);
	now_ns += 115 * NS_PER_S - 1;
	add_macs();
	assert_memory_not_equal(message.macs.mac2, zero, sizeof(zero));
	assert_int_equal(check(V4), COOKIE_MAC2_VALID);
	now_ns += 1;
	add_macs();
	assert_memory_equal(message.macs.mac2, zero, sizeof(zero));
}

static void the_secret_rotates_after_120_seconds(void **state)
{
	(void)state;
	give_cookie(V4);
	now_ns += 120 * NS_PER_S - 1;
	assert_int_equal(check(V4), COOKIE_MAC2_VALID);
	now_ns += 1;
	assert_int_equal(check(V4), COOKIE_MAC1_VALID);
	give_cookie(V4);
	assert_int_equal(check(V4), COOKIE_MAC2_VALID);
}

static void mac2_is_looked_at_only_on_demand(void **state)
{
	(void)state;
	give_cookie(V4);
	assert_int_equal(cookie_check(&checker, &message, sizeof(message), V4, now_ns, false),
	                 COOKIE_MAC1_VALID);
}

// ---- rates

static void a_source_has_20_a_second_and_a_burst_of_5(void **state)
{
	static struct ratelimit limit;
	const uint8_t seed[16] = {0};
	unsigned allowed = 0;

	(void)state;
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 100; i++)
		allowed += ratelimit_allow(&limit, seed, V4, now_ns);
	assert_int_equal(allowed, 5);
	for (int ms = 0; ms < 10000; ms++) {
		now_ns += NS_PER_MS;
		allowed += ratelimit_allow(&limit, seed, V4, now_ns);
	}
	assert_int_equal(allowed, 5 + 200);
}

static void sources_are_v4_addresses_and_v6_networks(void **state)
{
	static struct ratelimit limit;
	const uint8_t seed[16] = {0};
	struct sockaddr_in other4 = v4;
	struct sockaddr_in6 other6 = v6;

	(void)state;
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 5; i++) {
		assert_true(ratelimit_allow(&limit, seed, V4, now_ns));
		assert_true(ratelimit_allow(&limit, seed, V6, now_ns));
	}
	other4.sin_port++, other6.sin6_addr.s6_addr[8] ^= 1;
	assert_false(ratelimit_allow(&limit, seed, (struct sockaddr *)&other4, now_ns));
	assert_false(ratelimit_allow(&limit, seed, (struct sockaddr *)&other6, now_ns));
	other4.sin_addr.s_addr ^= htonl(1), other6.sin6_addr.s6_addr[7] ^= 1;
	assert_true(ratelimit_allow(&limit, seed, (struct sockaddr *)&other4, now_ns));
	assert_true(ratelimit_allow(&limit, seed, (struct sockaddr *)&other6, now_ns));
}

// Far more sources than there is room for: none gets more than its share, and a quiet quarter of a
// second makes room again.
static void the_table_of_sources_is_bounded(void **state)
{
	static struct ratelimit limit;
	const uint8_t seed[16] = {0};
	unsigned allowed = 0;

	(void)state;
	memset(&limit, 0, sizeof(limit));
	for (uint32_t round = 0; round < 2; round++, now_ns += NS_PER_S / 4) {
		allowed = 0;
		for (uint32_t i = 0; i < 100000; i++) {
			struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(i)}};
			allowed += ratelimit_allow(&limit, seed, (struct sockaddr *)&from, now_ns);
		}
		assert_in_range(allowed, RATELIMIT_SETS * RATELIMIT_WAYS * 9 / 10,
		                RATELIMIT_SETS * RATELIMIT_WAYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(mac1_is_as_the_paper_says, set_up),
	    cmocka_unit_test_setup(mac1_alone, set_up),
	    cmocka_unit_test_setup(mac2_is_bound_to_address_and_port, set_up),
	    cmocka_unit_test_setup(every_changed_byte_is_seen, set_up),
	    cmocka_unit_test_setup(every_changed_byte_of_a_reply_is_seen, set_up),
	    cmocka_unit_test_setup(a_reply_answers_the_last_message_once, set_up),
	    cmocka_unit_test_setup(a_cookie_is_used_for_115_seconds, set_up),
	    cmocka_unit_test_setup(the_secret_rotates_after_120_seconds, set_up),
	    cmocka_unit_test_setup(mac2_is_looked_at_only_on_demand, set_up),
	    cmocka_unit_test_setup(a_source_has_20_a_second_and_a_burst_of_5, set_up),
	    cmocka_unit_test_setup(sources_are_v4_addresses_and_v6_networks, set_up),
	    cmocka_unit_test_setup(the_table_of_sources_is_bounded, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
