// What a finished run becomes when blocks or time are added to it.
#include "harness/plan/extension.h"
#include "harness/plan/plan.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

static void add_blocks(struct synthetic *s, unsigned from, unsigned to)
{
	for (unsigned block = from; block < to; block++)
		for (unsigned i = 0; i < 4; i++) {
			struct trial t = synthetic_trial(block, 0, i, i % 2);

			assert_int_equal(store_append(&s->store, &t), 0);
			trial_free(&t);
		}
}

static void begin_finished(struct synthetic *s, unsigned blocks, enum end_reason end)
{
	synthetic_begin(s, 2, blocks);
	add_blocks(s, 0, blocks);
	run_set_end(&s->store.run, "tcp", end);
	s->store.run.trials = s->store.trials;
}

static void read_again(struct synthetic *s)
{
	char dir[96];

	assert_int_equal(store_write_run(&s->store), 0);
	snprintf(dir, sizeof(dir), "%s", s->dir);
	store_close(&s->store);
	assert_int_equal(store_open(&s->store, dir, true), 0);
}

static void blocks_are_added(void **state)
{
	const struct extension by = {.blocks = 8};
	struct synthetic s;
	struct plan p;

	(void)state;
	begin_finished(&s, 8, END_BLOCKS);
	assert_int_equal(extension_add(&s.store, &by), 0);
	read_again(&s);
	const struct run *r = &s.store.run;
	assert_int_equal(r->blocks, 8); // as it was begun
	assert_int_equal(r->times_extended, 1);
	assert_int_equal(run_extended_at(&r->extension[0], "tcp"), 8);
	assert_int_equal(run_extended_at(&r->extension[0], "ping"), 0);
	assert_int_equal(run_blocks(r), 16);
	assert_int_equal(run_end_of(r, "tcp"), END_NONE);
	assert_int_equal(plan_from_run(&p, r, s.dir), 0);
	assert_int_equal(p.blocks, 16);
	assert_true(p.budget_s == 0);
	synthetic_end(&s);
}

// Of a run that had a time already, from then on.
static void time_is_added(void **state)
{
	const struct extension by = {.budget_s = 60};
	struct synthetic s;
	struct plan p;

	(void)state;
	begin_finished(&s, 9, END_BUDGET);
	s.store.run.budget_s = 40;
	assert_int_equal(extension_add(&s.store, &by), 0);
	read_again(&s);
	assert_int_equal(plan_from_run(&p, &s.store.run, s.dir), 0);
	assert_true(fabs(p.budget_s - (9 * 4 + 60)) < 1e-6);
	assert_int_equal(p.blocks, RUN_BLOCKS_MAX);
	assert_false(interim_due(&p.analyses, 12));
	synthetic_end(&s);
}

static void refused(struct synthetic *s, struct extension by, const char *why)
{
	struct capture c;
	size_t before = s->store.run.times_extended;

	capture_begin(&c, STDERR_FILENO);
	int ret = extension_add(&s->store, &by);
	capture_end(&c);
	assert_int_equal(ret, -EINVAL);
	if (!strstr(c.text, why) || strchr(c.text, '\n')[1])
		fail_msg("%s", c.text);
	assert_int_equal(s->store.run.times_extended, before);
	synthetic_end(s);
}

static void what_cannot_be_extended_says_why(void **state)
{
	const struct extension by = {.blocks = 8};
	struct synthetic s;

	(void)state;
	begin_finished(&s, 8, END_NONE);
	refused(&s, by, "isn't finished");
	begin_finished(&s, 8, END_DECIDED);
	refused(&s, by, "is decided");
	begin_finished(&s, 8, END_FAILED);
	refused(&s, by, "is decided");
	begin_finished(&s, 8, END_BLOCKS);
	s.store.run.between = 1;
	refused(&s, by, "bisect");
	begin_finished(&s, 8, END_BLOCKS);
	s.store.run.trials++;
	refused(&s, by, "lost trials");
	begin_finished(&s, 8, END_BLOCKS);
	refused(&s, (struct extension){.blocks = RUN_BLOCKS_MAX}, "at most 500");
	begin_finished(&s, 1, END_BLOCKS);
	refused(&s, (struct extension){.blocks = 1}, "too little of its 5 % of error");
}

static void three_times_at_most(void **state)
{
	const struct extension by = {.blocks = 8};
	struct synthetic s;

	(void)state;
	begin_finished(&s, 8, END_BLOCKS);
	for (unsigned i = 1; i <= RUN_EXTENSIONS_MAX; i++) {
		assert_int_equal(extension_add(&s.store, &by), 0);
		add_blocks(&s, 8 * i, 8 * (i + 1));
		run_set_end(&s.store.run, "tcp", END_BLOCKS);
		s.store.run.trials = s.store.trials;
	}
	read_again(&s);
	assert_int_equal(run_extended_at(&s.store.run.extension[2], "tcp"), 24);
	refused(&s, by, "three times");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_are_added),
	    cmocka_unit_test(time_is_added),
	    cmocka_unit_test(what_cannot_be_extended_says_why),
	    cmocka_unit_test(three_times_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
