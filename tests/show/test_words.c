// What a reader is told: names, effects and numbers in words, and a sentence for each comparison.
#include "harness/show/verdict/headline.h"
#include "harness/show/verdict/words.h"
#include "tests/support/capture.h"

#include <math.h>
#include <stdlib.h>

static void assert_workload(const char *workload, const char *expected)
{
	struct text t = {0};

	words_workload(&t, workload);
	assert_string_equal(text_string(&t), expected);
	text_free(&t);
}

static void workloads_by_what_they_do(void **state)
{
	(void)state;
	assert_workload("tcp", "TCP, 1 flow");
	assert_workload("tcp:flows=8", "TCP, 8 flows");
	assert_workload("tcp:flows=8,reverse=1", "TCP, 8 flows, reverse");
	assert_workload("tcp:family=6,outer=6", "TCP, 1 flow, IPv6 over IPv6");
	assert_workload("udp", "UDP at 100 Mbit/s");
	assert_workload("udp:rate=500", "UDP at 500 Mbit/s");
	assert_workload("ping:flows=1", "Ping, beside TCP");
	assert_workload("udp-max:size=64", "UDP, most packets, 64 B");
	assert_workload("tcp:frob=3", "TCP, 1 flow, frob=3");
	assert_workload("frob:flows=2", "frob:flows=2");
	assert_workload("tcpx", "tcpx");
	assert_workload("", "");
}

static void assert_effect(const char *metric, double percent, const char *expected)
{
	struct text t = {0};

	words_effect(&t, metric, percent);
	assert_string_equal(text_string(&t), expected);
	text_free(&t);
}

static void effects_in_plain_words(void **state)
{
	(void)state;
	assert_effect("goodput_gbps", 155.5, "2.6× the throughput");
	assert_effect("goodput_gbps", 49.4, "49 % more throughput");
	assert_effect("goodput_gbps", -12.34, "12 % less throughput");
	assert_effect("cpu_s_per_gbit", -3.21, "3.2 % less CPU");
	assert_effect("p50_us", -47, "47 % lower latency");
	assert_effect("p99_us", 20, "20 % higher tail latency");
	assert_effect("frob_ns", 20, "20 % more frob_ns");
	assert_effect("goodput_gbps", 1073, "12× the throughput");
}

static void numbers_with_what_is_known_of_them(void **state)
{
	struct text t = {0};

	(void)state;
	words_percent(&t, 155.49);
	text_add(&t, " ");
	words_percent(&t, -47.04);
	text_add(&t, " ");
	words_percent(&t, 0.126);
	text_add(&t, " ");
	words_value(&t, NAN);
	text_add(&t, " ");
	words_value(&t, 45824.4);
	text_add(&t, " ");
	words_value(&t, 1.23456);
	assert_string_equal(text_string(&t), "+155 % -47.0 % +0.13 % none 45824 1.235");
	text_free(&t);
}

static const struct series goodput = {.workload = "tcp",
                                      .metric = "goodput_gbps",
                                      .unit = "Gbit/s",
                                      .higher_is_better = true,
                                      .decides = true},
                           cpu = {.workload = "tcp",
                                  .metric = "cpu_s_per_gbit",
                                  .unit = "s/Gbit",
                                  .decides = true};

static struct verdict made(const struct series *s, enum verdict_word word, double effect)
{
	return (struct verdict){.series = s,
	                        .candidate = 1,
	                        .word = word,
	                        .regression_excluded =
	                            word == VERDICT_SAME || word == VERDICT_BETTER,
	                        .regression = word == VERDICT_WORSE,
	                        .clean = {.blocks = 8, .effect = effect}};
}

static void assert_told(struct verdict a, struct verdict b, const char *other, const char *expected)
{
	struct run_tunnel tunnels[] = {{.spec = (char *)"before"}, {.spec = (char *)other}};
	struct store store = {.run = {.tunnels = 2, .tunnel = tunnels}};
	struct verdict verdicts[] = {a, b};
	struct outcome o = {.store = &store,
	                    .verdicts = {.gate_percent = 2, .n = 2, .verdict = verdicts}};
	struct text t = {0};
	size_t n;
	struct summary *s = summaries_of(&o, &n);

	assert_int_equal(n, 1);
	headline_claim(&t, &o, s);
	text_add(&t, ": ");
	headline_effects(&t, &o, s);
	text_add(&t, ". ");
	headline_counts(&t, s);
	text_add(&t, " ");
	headline_answer(&t, &o);
	assert_string_equal(text_string(&t), expected);
	text_free(&t);
	free(s);
}

static void a_comparison_in_a_sentence(void **state)
{
	struct verdict more = made(&goodput, VERDICT_BETTER, 155),
	               less = made(&cpu, VERDICT_BETTER, -65),
	               worse = made(&cpu, VERDICT_WORSE, 12),
	               open = made(&cpu, VERDICT_UNDECIDED, 1),
	               same = made(&goodput, VERDICT_SAME, 0);

	(void)state;
	assert_told(more, less, "after",
	            "after is better than before: 2.5× the throughput, 65 % less CPU. 2 metrics: 2 "
	            "better. No regression: no metric is worse by "
	            "more than 2 %.");
	assert_told(more, worse, "after",
	            "after is better than before in some ways and worse in others: 2.5× the "
	            "throughput, 12 % more CPU. 2 metrics: 1 better, 1 worse. Regression: worse by "
	            "more than 2 %, and not by chance.");
	open.regression_excluded = true;
	assert_told(same, open, "after",
	            "after is not worse than before: . 2 metrics: 1 the same, 1 not worse. No "
	            "regression: no metric is worse by more than 2 %.");
	open.regression_excluded = false;
	assert_told(same, open, "before",
	            "No difference shown between the same tunnel again and before: . 2 metrics: 1 "
	            "the same, 1 undecided. Undecided: a "
	            "regression beyond 2 % is neither shown nor excluded.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(workloads_by_what_they_do),
	    cmocka_unit_test(effects_in_plain_words),
	    cmocka_unit_test(numbers_with_what_is_known_of_them),
	    cmocka_unit_test(a_comparison_in_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
