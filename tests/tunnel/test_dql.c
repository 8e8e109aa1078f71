// Dynamic queue limits over a lower queue that drains at a known rate and is looked at once a ms:
// it doesn't run dry, holds little more than that takes, and follows the rate up and down.
#include "tunnel/dql.h"
#include "tests/support/support.h"

#include "tunnel/clock.h"

enum { OBJECT = 65000, STEP_US = 10, LOOK_US = 1000 };

struct drain {
	struct dql dql;
	uint64_t now_ns;
	double below;       // bytes that really are
	double dry_us;      // for how long there were none although more waited above
	double largest;     // that there were
	uint64_t looked_at; // us
};

static void begin(struct drain *d)
{
	*d = (struct drain){.now_ns = NS_PER_S};
	dql_init(&d->dql, d->now_ns);
}

// For so long, with more than enough above.
static void run(struct drain *d, double bytes_per_us, unsigned ms, uint32_t object)
{
	d->dry_us = d->largest = 0;
	for (uint64_t us = 0; us < ms * 1000ull; us += STEP_US) {
		d->now_ns += STEP_US * 1000;
		// A thread that has nothing to do is woken once a ms.
		if (dql_room(&d->dql) || us % LOOK_US == 0) {
			if (dql_due(&d->dql, d->now_ns))
				dql_see(&d->dql, d->below, d->now_ns);
		}
		while (dql_room(&d->dql)) {
			dql_queue(&d->dql, object);
			d->below += object;
		}
		if (d->below > d->largest)
			d->largest = d->below;
		double leaves = bytes_per_us * STEP_US;
		if (d->below < leaves)
			d->dry_us += STEP_US * (1 - d->below / leaves);
		d->below = d->below > leaves ? d->below - leaves : 0;
		assert_true(d->dql.completed <= d->dql.queued);
	}
}

static void neither_dry_nor_long(void **state)
{
	// 10 Mbit/s to 10 Gbit/s
	static const double bytes_per_us[] = {1.25, 12.5, 125, 1250};
	static const uint32_t objects[] = {1500, 9000, OBJECT};
	struct drain d;

	(void)state;
	for (int r = 0; r < 4; r++)
		for (int o = 0; o < 3; o++) {
			double look = bytes_per_us[r] * LOOK_US;

			begin(&d);
			run(&d, bytes_per_us[r], 5000, objects[o]);
			run(&d, bytes_per_us[r], 5000, objects[o]);
			// At most 2 % of the time; what drains between two looks, and some objects.
			assert_true(d.dry_us < 5000 * 1000 * 0.02);
			if (3 * look < DQL_MAX)
				assert_true(d.largest < 3 * look + 3 * objects[o]);
		}
}

static void follows_the_rate(void **state)
{
	struct drain d;

	(void)state;
	begin(&d);
	run(&d, 250, 3000, OBJECT);
	uint64_t fast = d.dql.limit;
	// Each hold time takes the slack of the one before.
	// Also when the queue had been no bottleneck at all.
	run(&d, 1e5, 1000, OBJECT);
	run(&d, 5, 5000, OBJECT);
	run(&d, 5, 2000, OBJECT);
	assert_true(d.dql.limit < fast / 4);
	assert_true(d.largest < 3 * OBJECT);
	run(&d, 250, 1000, OBJECT);
	run(&d, 250, 3000, OBJECT);
	assert_true(d.dry_us < 3000 * 1000 * 0.02);
}

// A queue that is always found empty is no bottleneck: looks become rare.
static void leaves_alone_what_is_no_bottleneck(void **state)
{
	struct dql l;
	unsigned looks = 0;

	(void)state;
	dql_init(&l, NS_PER_S);
	for (unsigned i = 0; i < 10000; i++) {
		if (dql_due(&l, NS_PER_S + i * 1000ull)) {
			dql_see(&l, 0, NS_PER_S + i * 1000ull);
			looks++;
		}
		assert_true(dql_room(&l));
		dql_queue(&l, OBJECT);
	}
	assert_true(looks < 10000 / (DQL_MAX / OBJECT) + 20);
}

static void sees_more_below_than_it_put_there(void **state)
{
	struct dql l;

	(void)state;
	dql_init(&l, NS_PER_S);
	dql_queue(&l, 1000);
	dql_see(&l, 2000, NS_PER_S); // true sizes are larger than payloads
	assert_int_equal(l.completed, 0);
	assert_false(dql_room(&l));
	dql_see(&l, 0, NS_PER_S);
	assert_int_equal(l.completed, 1000);
	assert_true(dql_room(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(neither_dry_nor_long),
	    cmocka_unit_test(follows_the_rate),
	    cmocka_unit_test(leaves_alone_what_is_no_bottleneck),
	    cmocka_unit_test(sees_more_below_than_it_put_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
