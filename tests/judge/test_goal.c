// Goals: what a plan's line may say, and ratios worked out by hand.
#include "base/text.h"
#include "harness/judge/goal_judge.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

static const char *const specs[] = {"default",   "wireguard-go", "default@origin/main",
                                    "exec:/a/b", "twice",        "twice"};
enum { SPECS = sizeof(specs) / sizeof(specs[0]) };

static int parse(struct goal *g, const char *text, char fault[512])
{
	struct workload_use uses[2];

	assert_int_equal(workload_parse(&uses[0], "tcp"), 0);
	assert_int_equal(workload_parse(&uses[1], "tcp:flows=8"), 0);
	struct text said = {0};
	int ret = goal_parse(g, text, specs, SPECS, uses, 2, &said);
	snprintf(fault, 512, "%s", text_string(&said));
	text_free(&said);
	return ret;
}

static void a_line_is_read(void **state)
{
	char fault[512];
	struct goal g;

	(void)state;
	assert_int_equal(parse(&g, "tcp:flows=8 goodput_gbps default/wireguard-go >= 3.5", fault),
	                 0);
	assert_string_equal(g.workload, "tcp:flows=8");
	assert_string_equal(g.metric, "goodput_gbps");
	assert_string_equal(g.candidate, "default");
	assert_string_equal(g.baseline, "wireguard-go");
	assert_true(g.at_least && g.ratio == 3.5);
	assert_int_equal(parse(&g, "tcp cpu_machine_s_per_gbit wireguard-go/default <= .5", fault),
	                 -EINVAL);
	assert_int_equal(parse(&g, "tcp cpu_machine_s_per_gbit wireguard-go/default <= 0.5", fault),
	                 0);
	assert_true(!g.at_least && g.ratio == 0.5);
}

static void a_spec_may_hold_slashes(void **state)
{
	char fault[512];
	struct goal g;

	(void)state;
	assert_int_equal(parse(&g, "tcp goodput_gbps default@origin/main/exec:/a/b >= 1", fault),
	                 0);
	assert_string_equal(g.candidate, "default@origin/main");
	assert_string_equal(g.baseline, "exec:/a/b");
	assert_int_equal(parse(&g, "tcp goodput_gbps exec:/a/b/default >= 1", fault), 0);
	assert_string_equal(g.candidate, "exec:/a/b");
	assert_string_equal(g.baseline, "default");
}

static void bad_lines_name_the_word(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
	    {"", "'': expected goal WORKLOAD METRIC CANDIDATE/BASELINE"},
	    {"tcp goodput_gbps default/wireguard-go >=", "expected goal WORKLOAD"},
	    {"tcp goodput_gbps default/wireguard-go >= 3 4", "expected goal WORKLOAD"},
	    {"tcp  goodput_gbps default/wireguard-go >= 3", "expected goal WORKLOAD"},
	    {"ping p50_us default/wireguard-go <= 1",
	     "'ping' is no workload named above: one of tcp"},
	    {"tcp:flows=9 goodput_gbps default/wireguard-go >= 3", "'tcp:flows=9' is no workload"},
	    {"tcp speed default/wireguard-go >= 3", "'speed' is no metric of tcp: one of goodput"},
	    {"tcp goodput_gbps default >= 3", "'default': expected CANDIDATE/BASELINE"},
	    {"tcp goodput_gbps default/frob >= 3",
	     "'frob' is no tunnel named above: one of default"},
	    {"tcp goodput_gbps frob/default >= 3", "'frob' is no tunnel named above"},
	    {"tcp goodput_gbps default/ >= 3", "'' is no tunnel named above"},
	    {"tcp goodput_gbps default/twice >= 3", "'twice' is more than one tunnel named above"},
	    {"tcp goodput_gbps default/default >= 3", "compares a tunnel with itself"},
	    {"tcp goodput_gbps default/wireguard-go > 3", "'>': expected >= or <="},
	    {"tcp goodput_gbps default/wireguard-go == 3", "'==': expected >= or <="},
	    {"tcp goodput_gbps default/wireguard-go >= 0", "'0': expected a ratio above 0"},
	    {"tcp goodput_gbps default/wireguard-go >= -1", "'-1': expected a ratio"},
	    {"tcp goodput_gbps default/wireguard-go >= 3x", "'3x': expected a ratio"},
	    {"tcp goodput_gbps default/wireguard-go >= nan", "'nan': expected a ratio"},
	    {"tcp goodput_gbps default/wireguard-go >= 1e999", "'1e999': expected a ratio"},
	};
	char fault[512];
	struct goal g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(&g, cases[i].text, fault), -EINVAL);
		if (!strstr(fault, cases[i].said))
			fail_msg("'%s': no '%s' in: %s", cases[i].text, cases[i].said, fault);
	}
}

// ---- judging

static void judge(struct goal_result *r, struct synthetic *s, const char *metric, bool at_least,
                  double ratio, unsigned candidate, unsigned baseline)
{
	struct goal g = {.workload = "tcp", .at_least = at_least, .ratio = ratio};
	struct series_set set;
	struct store st;
	struct text fault = {0};

	strcpy(g.metric, metric);
	assert_int_equal(store_open(&st, s->dir, false), 0);
	assert_int_equal(series_gather(&set, &st, &fault), 0);
	goal_judge(r, &g, &set, candidate, baseline);
	r->unit = ""; // borrowed from the store
	series_free(&set);
	store_close(&st);
}

static void near(double got, double expected)
{
	if (!(fabs(got - expected) < 1e-9))
		fail_msg("%.12g, not %.12g", got, expected);
}

// Ratios of six blocks 2, 2.2, 2.4, 2.6, 2.8, 3: of n = 6 the 95 % interval is the whole range of
// Walsh averages, the extremes; the estimate is the median of the 21 geometric means of pairs.
static void ratios_by_hand(void **state)
{
	static const double ratio[] = {2, 2.2, 2.4, 2.6, 2.8, 3};
	struct goal_result r;
	struct synthetic s;

	(void)state;
	synthetic_begin(&s, 3, 6);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(
		    &s, i, 0,
		    &(struct synthetic_block){.effect = {0, log(10), log(ratio[i] * 10)}});
	judge(&r, &s, "goodput_gbps", true, 1.99, 2, 1);
	near(r.low, 2);
	near(r.high, 3);
	// The eleventh of sqrt(a b), a <= b: ten are below sqrt(2.2 * 2.8), ten above.
	near(r.ratio, sqrt(2.2 * 2.8));
	near(r.baseline_median, 40);
	near(r.candidate_median, 100);
	assert_int_equal(r.blocks, 6);
	assert_int_equal(r.word, GOAL_REACHED);
	judge(&r, &s, "goodput_gbps", true, 2.01, 2, 1);
	assert_int_equal(r.word, GOAL_REACHED_BARELY);
	judge(&r, &s, "goodput_gbps", true, 2.49, 2, 1);
	assert_int_equal(r.word, GOAL_NOT_REACHED);
	assert_string_equal(r.reason, "the interval holds the goal");
	judge(&r, &s, "goodput_gbps", true, 3.01, 2, 1);
	assert_int_equal(r.word, GOAL_NOT_REACHED);
	assert_string_equal(r.reason, "");
	// The other way round, and of the metric that is its inverse.
	judge(&r, &s, "goodput_gbps", false, 0.51, 1, 2);
	near(r.low, 1 / 3.0);
	near(r.high, 1 / 2.0);
	assert_int_equal(r.word, GOAL_REACHED);
	judge(&r, &s, "cpu_s_per_gbit", false, 0.45, 2, 1);
	assert_int_equal(r.word, GOAL_REACHED_BARELY);
	judge(&r, &s, "cpu_s_per_gbit", false, 0.4, 2, 1);
	assert_int_equal(r.word, GOAL_NOT_REACHED);
	synthetic_end(&s);
}

static void metrics_that_are_not_judged_have_goals_too(void **state)
{
	struct goal_result r;
	struct synthetic s;

	(void)state;
	synthetic_begin(&s, 3, 6);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.01});
	judge(&r, &s, "retransmits", true, 1.9, 2, 1); // 2 and 1
	near(r.ratio, 2);
	assert_int_equal(r.word, GOAL_REACHED);
	synthetic_end(&s);
}

// A trial of one side was contaminated: its block counts for neither.
static void one_sided_contamination(void **state)
{
	for (int side = 0; side < 2; side++) {
		struct synthetic_block bad = {.effect = {0, log(8)}};
		struct goal_result r;
		struct synthetic s;

		(void)state;
		bad.status[side] = TRIAL_CONTAMINATED;
		synthetic_begin(&s, 2, 8);
		for (unsigned i = 0; i < 8; i++)
			synthetic_add(&s, i, 0,
			              i < 2 ? &bad
			                    : &(struct synthetic_block){.effect = {0, log(2)}});
		judge(&r, &s, "goodput_gbps", true, 2.5, 1, 0);
		near(r.ratio, 2);
		near(r.high, 2);
		near(r.candidate_median, 8);
		assert_int_equal(r.blocks, 6);
		assert_int_equal(r.word, GOAL_NOT_REACHED);
		synthetic_end(&s);
	}
}

static void never_reached_from_too_little(void **state)
{
	struct synthetic_block good = {.effect = {0, log(4)}};
	struct synthetic_block failed = {.effect = {0, log(4)}, .status = {TRIAL_OK, TRIAL_FAILED}};
	struct goal_result r;
	struct synthetic s;

	(void)state;
	synthetic_fill(&s, 5, log(4), 0);
	judge(&r, &s, "goodput_gbps", true, 2, 1, 0);
	assert_int_equal(r.word, GOAL_UNDECIDED);
	assert_string_equal(r.reason, "5 clean blocks: at least 6 are needed");
	judge(&r, &s, "jitter_us", true, 2, 1, 0);
	assert_int_equal(r.word, GOAL_UNDECIDED);
	assert_string_equal(r.reason, "not measured");
	synthetic_end(&s);

	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, i == 7 ? &failed : &good);
	judge(&r, &s, "goodput_gbps", true, 2, 1, 0);
	assert_int_equal(r.word, GOAL_UNDECIDED);
	assert_string_equal(r.reason, "1 block failed: iperf3 said no");
	synthetic_end(&s);
}

// A generator that is too slow for a third tunnel is none of this pair's business.
static void other_tunnels_do_not_matter(void **state)
{
	struct goal_result r;
	struct synthetic s;

	(void)state;
	synthetic_begin(&s, 3, 6);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){
		                  .effect = {0, log(3)},
		                  .status = {TRIAL_OK, TRIAL_OK, TRIAL_GENERATOR_LIMITED}});
	judge(&r, &s, "goodput_gbps", true, 2, 1, 0);
	assert_int_equal(r.word, GOAL_REACHED);
	judge(&r, &s, "goodput_gbps", true, 2, 1, 2);
	assert_int_equal(r.word, GOAL_UNDECIDED);
	synthetic_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_read),
	    cmocka_unit_test(a_spec_may_hold_slashes),
	    cmocka_unit_test(bad_lines_name_the_word),
	    cmocka_unit_test(ratios_by_hand),
	    cmocka_unit_test(metrics_that_are_not_judged_have_goals_too),
	    cmocka_unit_test(one_sided_contamination),
	    cmocka_unit_test(never_reached_from_too_little),
	    cmocka_unit_test(other_tunnels_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
