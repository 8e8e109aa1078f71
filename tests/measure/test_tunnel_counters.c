// What a tunnel says of itself, as text and as a difference.
#include "harness/measure/tunnel_counters.h"
#include "tests/support/support.h"

#include <math.h>

#define LINE(reads, writes, sends, receives, waits, tx_batches, tx, rx_batches, rx)                \
	"{\"offloads\": {\"udp-gso\": true, \"receive-buffer\": 9}, \"counters\": {"               \
	"\"tun_reads\": " #reads ", \"tun_writes\": " #writes ", \"udp_sends\": " #sends           \
	", \"udp_receives\": " #receives ", \"epoll_waits\": " #waits                              \
	", \"tx_batches\": " #tx_batches ", \"tx_packets\": " #tx ", \"rx_batches\": " #rx_batches \
	", \"rx_packets\": " #rx "}}\n"

static void lines_are_read(void **state)
{
	json_t *status = tunnel_status_parse(LINE(1, 2, 3, 4, 5, 6, 7, 8, 9) "warning: more\n");

	(void)state;
	assert_non_null(status);
	assert_int_equal(json_integer_value(
	                     json_object_get(json_object_get(status, "counters"), "udp_receives")),
	                 4);
	assert_true(json_is_true(json_object_get(json_object_get(status, "offloads"), "udp-gso")));
	json_decref(status);
}

static void other_lines_are_nothing(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\n",
	    "wgbench-tunnel: wg0: gone\n",
	    "{\"tun_reads\": 0}\n", // before there were offloads in it
	    "{\"offloads\": {}, \"counters\": {}}\n",
	    "{\"offloads\": [], \"counters\": {\"a\": 1}}\n",
	    "{\"offloads\": {}, \"counters\": {\"a\": -1}}\n",
	    "{\"offloads\": {}, \"counters\": {\"a\": \"1\"}}\n",
	    "{\"offloads\": {}, \"counters\": {\"a\": 1, \"a\": 2}}\n",
	    "{\"offloads\": {}, \"counters\": {\"a\": 1}}",   // not whole yet
	    "{\"offloads\": {}, \"counters\": {\"a\": 1\n}}", // likewise
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (tunnel_status_parse(texts[i]))
			fail_msg("taken: %s", texts[i]);
}

// The caller frees the trial, in whose first end it is.
static struct trial_end *difference(struct trial *t, const char *before, const char *after)
{
	json_t *earlier = tunnel_status_parse(before), *later = tunnel_status_parse(after);

	trial_init(t);
	tunnel_status_difference(&t->end[0], earlier, later);
	json_decref(earlier);
	json_decref(later);
	return &t->end[0];
}

static void assert_near(double is, double expected)
{
	if (isnan(expected) ? !isnan(is) : !(fabs(is - expected) < 1e-12))
		fail_msg("%g, not %g", is, expected);
}

static void quotients_by_hand(void **state)
{
	struct trial t;
	struct trial_end *d = difference(&t, LINE(10, 20, 30, 40, 50, 60, 70, 80, 90),
	                                 LINE(110, 25, 80, 65, 80, 80, 270, 90, 190));

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(d->counters, "tun_reads")), 100);
	assert_near(d->tun_reads, 100 / 200.0);
	assert_near(d->udp_sends, 50 / 200.0);
	assert_near(d->tun_writes, 5 / 100.0);
	assert_near(d->udp_receives, 25 / 100.0);
	assert_near(d->epoll_waits, 30 / 300.0);
	assert_near(d->tx_batch, 200 / 20.0);
	assert_near(d->rx_batch, 100 / 10.0);
	assert_near(trial_end_packets(d), 300);
	assert_int_equal(json_integer_value(json_object_get(d->offloads, "receive-buffer")), 9);
	trial_free(&t);
}

static void no_packets_no_quotient(void **state)
{
	struct trial t;
	struct trial_end *d =
	    difference(&t, LINE(1, 1, 1, 1, 1, 1, 1, 1, 1), LINE(9, 9, 9, 9, 9, 1, 1, 2, 3));

	(void)state;
	assert_near(d->tun_reads, NAN);
	assert_near(d->tx_batch, NAN);
	assert_near(d->tun_writes, 8 / 2.0);
	trial_free(&t);
}

#define STATE(tcp, changes)                                                                        \
	"{\"offloads\": {\"merge-tcp\": " #tcp ", \"queues\": 1}, "                                \
	"\"counters\": {\"offload_changes\": " #changes "}}\n"
// As a revision says that doesn't count them.
#define OLD(tcp) "{\"offloads\": {\"merge-tcp\": " #tcp "}, \"counters\": {\"udp_sends\": 1}}\n"

static void changed_offloads_are_told(void **state)
{
	static const struct {
		const char *usual, *before, *after, *reason;
	} rows[] = {
	    {STATE(true, 0), STATE(true, 0), STATE(true, 0), NULL},
	    {STATE(true, 0), STATE(true, 4), STATE(true, 4), NULL},
	    {STATE(false, 0), STATE(false, 0), STATE(false, 0), NULL},
	    {OLD(true), OLD(true), OLD(true), NULL},
	    {STATE(true, 0), STATE(true, 0), STATE(false, 1),
	     "merge-tcp changed from true to false"},
	    {STATE(true, 0), STATE(false, 1), STATE(true, 2),
	     "merge-tcp changed from true to false"},
	    // Before this trial.
	    {STATE(true, 0), STATE(false, 1), STATE(false, 1),
	     "merge-tcp changed from true to false"},
	    {STATE(false, 0), STATE(true, 1), STATE(true, 1),
	     "merge-tcp changed from false to true"},
	    {STATE(true, 0), STATE(true, 1), STATE(true, 3), "an offload changed and changed back"},
	    {OLD(true), OLD(true), OLD(false), "merge-tcp changed from true to false"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *usual = tunnel_status_parse(rows[i].usual);
		json_t *before = tunnel_status_parse(rows[i].before);
		json_t *after = tunnel_status_parse(rows[i].after);
		char reason[128] = "";

		assert_int_equal(tunnel_status_changed(json_object_get(usual, "offloads"), before,
		                                       after, reason, sizeof(reason)),
		                 rows[i].reason != NULL);
		assert_string_equal(reason, rows[i].reason ? rows[i].reason : "");
		assert_false(tunnel_status_changed(NULL, before, after, reason, sizeof(reason)));
		assert_false(tunnel_status_changed(json_object_get(usual, "offloads"), before, NULL,
		                                   reason, sizeof(reason)));
		json_decref(usual);
		json_decref(before);
		json_decref(after);
	}
}

static void untold_counters_have_no_quotient(void **state)
{
	static const char less[] = "{\"offloads\": {\"a\": true}, \"counters\": "
	                           "{\"tx_packets\": 10, \"rx_packets\": 10}}\n";
	static const char other[] = "{\"offloads\": {\"a\": true}, \"counters\": "
	                            "{\"tx_packets\": 30, \"rx_packets\": 30, \"tun_reads\": 9}}\n";
	struct trial t;
	struct trial_end *d = difference(&t, less, other);

	(void)state;
	assert_near(d->tun_reads, NAN);
	assert_near(d->udp_sends, NAN);
	assert_near(d->tx_batch, NAN);
	assert_int_equal(json_object_size(d->counters), 2);
	trial_free(&t);
}

static void backwards_or_missing_is_nothing(void **state)
{
	json_t *status = tunnel_status_parse(LINE(1, 1, 1, 1, 1, 1, 1, 1, 1));
	struct trial t;

	(void)state;
	assert_null(difference(&t, LINE(5, 1, 1, 1, 1, 1, 1, 1, 1), LINE(4, 9, 9, 9, 9, 9, 9, 9, 9))
	                ->counters);
	tunnel_status_difference(&t.end[1], NULL, status);
	assert_null(t.end[1].counters);
	tunnel_status_difference(&t.end[1], status, NULL);
	assert_null(t.end[1].counters);
	json_decref(status);
	trial_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_read),
	    cmocka_unit_test(other_lines_are_nothing),
	    cmocka_unit_test(quotients_by_hand),
	    cmocka_unit_test(no_packets_no_quotient),
	    cmocka_unit_test(changed_offloads_are_told),
	    cmocka_unit_test(untold_counters_have_no_quotient),
	    cmocka_unit_test(backwards_or_missing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
