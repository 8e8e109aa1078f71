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
	struct tunnel_status status = {0};

	(void)state;
	assert_true(
	    tunnel_status_parse(&status, LINE(1, 2, 3, 4, 5, 6, 7, 8, 9) "warning: more\n"));
	assert_int_equal(status.counters, 9);
	assert_string_equal(status.counter[3].name, "udp_receives");
	assert_int_equal(status.counter[3].n, 4);
	assert_true(json_is_true(json_object_get(status.offloads, "udp-gso")));
	tunnel_status_free(&status);
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
	    "{\"offloads\": {}, \"counters\": {\"a\nb\": 1}}\n",
	    "[]\n",
	    "{\"offloads\": {}, \"counters\": {\"a\": 1}}",   // not whole yet
	    "{\"offloads\": {}, \"counters\": {\"a\": 1\n}}", // likewise
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tunnel_status status = {0};

		if (tunnel_status_parse(&status, texts[i]) || status.offloads || status.counters)
			fail_msg("taken: %s", texts[i]);
	}
}

static struct tunnel_status parse(const char *text)
{
	struct tunnel_status status = {0};

	if (!tunnel_status_parse(&status, text))
		fail_msg("not taken: %s", text);
	return status;
}

// The caller frees the trial, in whose first end it is.
static struct trial_end *difference(struct trial *t, const char *before, const char *after)
{
	struct tunnel_status earlier = parse(before), later = parse(after);

	trial_init(t);
	tunnel_status_difference(&t->end[0], &earlier, &later);
	tunnel_status_free(&earlier);
	tunnel_status_free(&later);
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
	assert_near(trial_end_count(d, "tun_reads"), 100);
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
		struct tunnel_status usual = parse(rows[i].usual), silent = {0};
		struct tunnel_status before = parse(rows[i].before), after = parse(rows[i].after);
		char reason[128] = "";

		assert_int_equal(
		    tunnel_status_changed(usual.offloads, &before, &after, reason, sizeof(reason)),
		    rows[i].reason != NULL);
		assert_string_equal(reason, rows[i].reason ? rows[i].reason : "");
		assert_false(tunnel_status_changed(NULL, &before, &after, reason, sizeof(reason)));
		assert_false(tunnel_status_changed(usual.offloads, &before, &silent, reason,
		                                   sizeof(reason)));
		tunnel_status_free(&usual);
		tunnel_status_free(&before);
		tunnel_status_free(&after);
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
	assert_int_equal(d->counters, 2);
	trial_free(&t);
}

static void backwards_or_missing_is_nothing(void **state)
{
	struct tunnel_status status = parse(LINE(1, 1, 1, 1, 1, 1, 1, 1, 1)), silent = {0};
	struct trial t;

	(void)state;
	assert_int_equal(
	    difference(&t, LINE(5, 1, 1, 1, 1, 1, 1, 1, 1), LINE(9, 9, 9, 9, 4, 9, 9, 9, 0))
	        ->counters,
	    0);
	assert_null(t.end[0].offloads);
	tunnel_status_difference(&t.end[1], &silent, &status);
	assert_int_equal(t.end[1].counters, 0);
	tunnel_status_difference(&t.end[1], &status, &silent);
	assert_int_equal(t.end[1].counters, 0);
	tunnel_status_free(&status);
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
