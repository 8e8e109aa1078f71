// The picture of a run's verdicts: what is drawn where, on which side, and what isn't drawn.
#include "harness/show/forest.h"
#include "tests/support/capture.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct series series[] = {
    {.workload = "tcp", .metric = "goodput_gbps", .unit = "Gbit/s", .higher_is_better = true},
    {.workload = "tcp", .metric = "cpu_s_per_gbit", .unit = "s/Gbit"},
};

// A verdict of B against A: an effect in percent with its interval.
static struct verdict made(const struct series *s, enum verdict_word word, double low,
                           double effect, double high)
{
	return (struct verdict){
	    .series = s,
	    .candidate = 1,
	    .word = word,
	    .baseline_median = 2,
	    .candidate_value = 2 + effect / 50,
	    .clean = {.blocks = 8, .effect = effect, .low = low, .high = high},
	};
}

static double gate_percent = 2;

static char *draw(struct verdict *verdict, size_t n)
{
	struct run_tunnel tunnel[2] = {{.spec = "<A>"}, {.spec = "B"}};
	const struct store st = {.run = {.tunnels = 2, .tunnel = tunnel}};
	const struct outcome o = {
	    .store = &st, .verdicts = {.gate_percent = gate_percent, .n = n, .verdict = verdict}};

	return forest_draw(&o);
}

// The n-th point's place.
static double point(const char *svg, unsigned n)
{
	const char *at = svg;
	double x = NAN;

	for (; n-- && at; at++)
		at = strstr(at, "<circle cx=");
	at = at ? strstr(at, "<circle cx=") : NULL;
	if (at)
		assert_int_equal(sscanf(at, "<circle cx=\"%lf\"", &x), 1);
	return x;
}

static void right_is_better(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_BETTER, 90, 100, 110),
	                      made(&series[1], VERDICT_BETTER, -55, -50, -45),
	                      made(&series[1], VERDICT_WORSE, 90, 100, 110),
	                      made(&series[0], VERDICT_SAME, -1, 0, 1)};
	char *svg = draw(v, 4);

	(void)state;
	// Twice as much goodput is worth as much as half the cost; twice the cost is as far off.
	assert_float_equal(point(svg, 0), point(svg, 1), 0.11);
	assert_float_equal(point(svg, 0) - point(svg, 3), point(svg, 3) - point(svg, 2), 0.11);
	assert_true(point(svg, 0) > point(svg, 3) + 10);
	assert_non_null(strstr(svg, ">4× better<"));
	assert_non_null(strstr(svg, ">▲ better<"));
	assert_non_null(strstr(svg, ">▼ worse<"));
	assert_non_null(strstr(svg, ">= same<"));
	free(svg);
}

// The n-th row's band.
static void find_band(const char *svg, unsigned n, double *left, double *right)
{
	double width = NAN;

	for (; n; svg++)
		if (!strncmp(svg, "<rect x=", 8) && !--n)
			break;
	assert_int_equal(sscanf(svg, "<rect x=\"%lf\" y=\"%*f\" width=\"%lf\"", left, &width), 2);
	*right = *left + width;
}

// An effect at the threshold lies on the band's edge, whichever direction is better.
static void a_band_is_where_the_threshold_is(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_SAME, -50, -50, -50),
	                      made(&series[0], VERDICT_SAME, 50, 50, 50),
	                      made(&series[1], VERDICT_SAME, -50, -50, -50),
	                      made(&series[1], VERDICT_SAME, 50, 50, 50)};
	double left[4], right[4];
	char *svg;

	(void)state;
	gate_percent = 50;
	svg = draw(v, 4);
	gate_percent = 2;
	for (unsigned i = 0; i < 4; i++)
		find_band(svg, i + 1, &left[i], &right[i]);
	assert_float_equal(point(svg, 0), left[0], 0.11);
	assert_float_equal(point(svg, 1), right[1], 0.11);
	assert_float_equal(point(svg, 2), right[2], 0.11);
	assert_float_equal(point(svg, 3), left[3], 0.11);
	free(svg);
}

static void an_axis_is_as_wide_as_its_effects(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_UNDECIDED, -4, 1, 6)};
	char *svg = draw(v, 1);

	(void)state;
	assert_non_null(strstr(svg, ">10 % better<"));
	assert_non_null(strstr(svg, ">? undecided<"));
	assert_non_null(strstr(svg, ">+1.0 %</tspan> [-4, +6]<"));
	free(svg);
}

static void what_lies_beyond_is_an_arrow(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_BETTER, 5000, 9900, 20000)};
	char *svg = draw(v, 1);

	(void)state;
	assert_null(strstr(svg, "<circle"));
	assert_non_null(strstr(svg, "l5 -5z\" class=\"better\"/>"));
	free(svg);
}

static void what_is_missing_is_not_drawn(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_UNDECIDED, -INFINITY, 3, INFINITY),
	                      made(&series[1], VERDICT_UNDECIDED, 0, 0, 0)};
	char *svg;

	(void)state;
	v[1].clean = (struct verdict_effect){.effect = NAN, .low = -INFINITY, .high = INFINITY};
	v[1].candidate_value = NAN;
	svg = draw(v, 2);
	assert_null(strstr(svg, "class=\"mark"));
	assert_non_null(strstr(svg, ">+3.0 %</tspan></text>"));
	assert_true(isfinite(point(svg, 0)) && isnan(point(svg, 1)));
	assert_non_null(strstr(svg, "none</tspan> s/Gbit"));
	assert_null(strstr(svg, "nan"));
	assert_null(strstr(svg, "inf"));
	free(svg);
	assert_null(draw(NULL, 0));
}

static void names_are_quoted(void **state)
{
	struct verdict v[] = {made(&series[0], VERDICT_SAME, -1, 0, 1)};
	char *svg = draw(v, 1);

	(void)state;
	assert_non_null(strstr(svg, "against &lt;A&gt;"));
	assert_null(strstr(svg, "<A>"));
	free(svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right_is_better),
	    cmocka_unit_test(a_band_is_where_the_threshold_is),
	    cmocka_unit_test(an_axis_is_as_wide_as_its_effects),
	    cmocka_unit_test(what_lies_beyond_is_an_arrow),
	    cmocka_unit_test(what_is_missing_is_not_drawn),
	    cmocka_unit_test(names_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
