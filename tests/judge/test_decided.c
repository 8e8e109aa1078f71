// When a run with a budget may end, by what it was asked.
#include "harness/judge/decided.h"
#include "tests/support/synthetic.h"

static void begin_plan(struct plan *p, enum question question)
{
	plan_default(p);
	assert_int_equal(plan_add_tunnel(p, "default", false), 0);
	p->question = question;
}

// Tunnel 1's effect is `effect`, give or take `noise` in each other block.
static bool is_decided(enum question question, double effect, double noise)
{
	bool decided[RUN_WORKLOADS_MAX];
	struct synthetic s;
	struct plan p;

	begin_plan(&p, question);
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){
		                  .effect = {0, effect + (i % 2 ? noise : -noise) * (i + 1) / 8}});
	store_close(&s.store);
	assert_int_equal(store_open(&s.store, s.dir, false), 0);
	assert_int_equal(decided_by(&p, &s.store, decided), 0);
	synthetic_end(&s);
	return decided[0];
}

// CPU cost is the inverse: what is better in one is better in both.
static void each_question_has_its_end(void **state)
{
	(void)state;
	assert_true(is_decided(QUESTION_EFFECT, log(1.1), 0));
	assert_true(is_decided(QUESTION_REGRESSION, log(1.1), 0));
	assert_true(is_decided(QUESTION_EFFECT, log(0.9), 0));
	assert_true(is_decided(QUESTION_REGRESSION, log(0.9), 0));
	// No regression, but perhaps better.
	assert_false(is_decided(QUESTION_EFFECT, 0.03, 0.04));
	assert_true(is_decided(QUESTION_REGRESSION, 0.03, 0.04));
	// Perhaps worse.
	assert_false(is_decided(QUESTION_EFFECT, -0.03, 0.04));
	assert_false(is_decided(QUESTION_REGRESSION, -0.03, 0.04));
}

// A workload that has none of the metrics that decide ends with the others, not before.
static void a_workload_without_a_say_ends_with_the_others(void **state)
{
	bool decided[RUN_WORKLOADS_MAX];

	(void)state;
	for (int open = 0; open < 2; open++) {
		json_t *run = synthetic_run(2, 8);
		struct synthetic s;
		struct plan p;

		json_object_set_new(run, "decides", json_pack("[s]", "goodput_gbps"));
		begin_plan(&p, QUESTION_EFFECT);
		assert_int_equal(plan_add_workload(&p, "ping"), 0);
		synthetic_begin_with(&s, run);
		for (unsigned i = 0; i < 8; i++)
			synthetic_add(
			    &s, i, 0,
			    &(struct synthetic_block){.effect = {0, open && i % 2 ? -0.5 : 0.5}});
		store_close(&s.store);
		assert_int_equal(store_open(&s.store, s.dir, false), 0);
		assert_int_equal(decided_by(&p, &s.store, decided), 0);
		assert_int_equal(decided[0], !open);
		assert_int_equal(decided[1], !open);
		synthetic_end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_question_has_its_end),
	    cmocka_unit_test(a_workload_without_a_say_ends_with_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
