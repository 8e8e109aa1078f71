// Folding of what `perf script` prints, and differences of folded stacks.
#include "harness/folded.h"
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

static const struct folded_ends ends = {.pids = {1, 1}, .pid = {{10}, {20}}};

static const char script[] =
    "wgbench-tunnel    10/11   \n"
    "\t    55d0c0de1234 encrypt (/build/tunnels/default/wgbench-tunnel)\n"
    "\t    55d0c0de1000 path (/build/tunnels/default/wgbench-tunnel)\n"
    "\n"
    "wgbench-tunnel    10/11   \n"
    "\t    55d0c0de1234 encrypt (/build/tunnels/default/wgbench-tunnel)\n"
    "\t    55d0c0de1000 path (/build/tunnels/default/wgbench-tunnel)\n"
    "\n"
    "two words; three  20/20   \n"
    "\tffffffff81000001 tun_get_user ([kernel.kallsyms])\n"
    "\tffffffff81000002 veth_xmit ([veth].ko)\n"
    "\t    55d0c0de1000 device.(*Device).Write[go.shape.int; x] (/bin/go)\n"
    "\t    7f0000001000 [unknown] (/usr/lib/libc.so.6)\n"
    "\t               0 [unknown] ([unknown])\n"
    "\n"
    "iperf3  30/30   \n"
    "\tffffffff81000001 tun_get_user ([kernel.kallsyms])\n"
    "\n"
    "swapper     0/0     \n"
    "\tffffffff81000003 default_idle ([kernel.kallsyms])\n"
    "\n"
    "swapper     0/0     \n"
    "\tffffffff81000004 net_rx_action ([kernel.kallsyms])\n"
    "\tffffffff81000005 __do_softirq ([kernel.kallsyms])\n"
    "\n"
    "a/b  40/40  \n"
    "\n"; // a sample without frames

static void assert_lines(const struct folded *f, const char *expected)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	folded_print(f, to);
	fclose(to);
	assert_string_equal(text, expected);
	free(text);
}

static void stacks_are_folded_by_end(void **state)
{
	struct folded parts[FOLDED_PARTS];

	(void)state;
	folded_read(parts, script, &ends);
	assert_lines(&parts[FOLDED_LEFT], "wgbench-tunnel;path;encrypt 2\n");
	assert_lines(&parts[FOLDED_RIGHT],
	             "two words: three;[unknown];[libc.so.6];"
	             "device.(*Device).Write[go.shape.int: x];veth_xmit_[k];tun_get_user_[k] 1\n");
	assert_lines(&parts[FOLDED_ALL],
	             "iperf3;tun_get_user_[k] 1\n"
	             "left end;wgbench-tunnel;path;encrypt 2\n"
	             "right end;two words: three;[unknown];[libc.so.6];"
	             "device.(*Device).Write[go.shape.int: x];veth_xmit_[k];tun_get_user_[k] 1\n"
	             "swapper;__do_softirq_[k];net_rx_action_[k] 1\n");
	assert_true(parts[FOLDED_ALL].samples == 5);
	for (int i = 0; i < FOLDED_PARTS; i++)
		folded_free(&parts[i]);
}

#define KERNEL(name) "t  10/1\n\tffffffff81000001 " name " ([kernel.kallsyms])\n\n"

static void late_samples_are_told(void **state)
{
	static const char text[] = KERNEL("pvm_irq_enable") KERNEL("_raw_spin_unlock_irqrestore")
	    KERNEL("pvm_irq_enable") KERNEL("memcpy") "t  10/1\n\t1 irq_enable (user)\n\n";
	struct folded parts[FOLDED_PARTS];
	char most[64];

	(void)state;
	folded_read(parts, text, &ends);
	assert_true(folded_late_share(&parts[FOLDED_ALL], most, sizeof(most)) == 0.75);
	assert_string_equal(most, "pvm_irq_enable");
	assert_true(folded_late_share(&parts[FOLDED_RIGHT], most, sizeof(most)) == 0);
	assert_string_equal(most, "");
	for (int i = 0; i < FOLDED_PARTS; i++)
		folded_free(&parts[i]);
}

static void ends_without_the_rest(void **state)
{
	struct folded parts[FOLDED_PARTS], only;

	(void)state;
	folded_read(parts, script, &ends);
	folded_ends_only(&only, &parts[FOLDED_ALL]);
	assert_int_equal(only.n, 2);
	assert_true(only.samples == 3);
	folded_free(&only);
	folded_ends_only(&only, &parts[FOLDED_LEFT]); // names no end: all of it
	assert_int_equal(only.n, parts[FOLDED_LEFT].n);
	folded_free(&only);
	for (int i = 0; i < FOLDED_PARTS; i++)
		folded_free(&parts[i]);
}

static void nothing_is_nothing(void **state)
{
	static const char *const texts[] = {"", "\n\n", "no header\n\tffff x (y)\n",
	                                    "name  x/1\n\tffff x (y)\n", "\tffff x (y)\n"};
	struct folded parts[FOLDED_PARTS];
	char most[8];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		folded_read(parts, texts[i], &ends);
		assert_int_equal(parts[FOLDED_ALL].n, 0);
		assert_true(folded_late_share(&parts[FOLDED_ALL], most, sizeof(most)) == 0);
	}
}

// Stacks of one side only get a zero on the other.
static void differences_hold_both_sides(void **state)
{
	static const char before[] = "a  1/1\n\t1 x (d)\n\na  1/1\n\t1 y (d)\n\n",
	                  after[] = "a  1/1\n\t1 y (d)\n\na  1/1\n\t1 y (d)\n\na  1/1\n\t1 z (d)\n";
	struct folded b[FOLDED_PARTS], a[FOLDED_PARTS];
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	(void)state;
	folded_read(b, before, &ends);
	folded_read(a, after, &ends);
	folded_print_difference(&b[FOLDED_ALL], 10, &a[FOLDED_ALL], 0.5, to);
	fclose(to);
	assert_string_equal(text, "a;x 10.000 0.000\na;y 10.000 1.000\na;z 0.000 0.500\n");
	free(text);
	for (int i = 0; i < FOLDED_PARTS; i++) {
		folded_free(&b[i]);
		folded_free(&a[i]);
	}
}

// More than the arrays' first sizes, and deeper and longer than a frame may be.
static void large_and_deep(void **state)
{
	enum { SAMPLES = 5000, DEPTH = 400 };
	struct folded parts[FOLDED_PARTS];
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	(void)state;
	for (int i = 0; i < SAMPLES; i++)
		fprintf(to, "t  10/%d\n\t1 f%d (d)\n\n", i, i % 1000);
	fprintf(to, "t  10/1\n");
	for (int i = 0; i < DEPTH; i++)
		fprintf(to, "\t1 %0300d (d)\n", i);
	fclose(to);
	folded_read(parts, text, &ends);
	assert_int_equal(parts[FOLDED_LEFT].n, 1001);
	assert_true(parts[FOLDED_LEFT].samples == SAMPLES + 1);
	free(text);
	for (int i = 0; i < FOLDED_PARTS; i++)
		folded_free(&parts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stacks_are_folded_by_end),    cmocka_unit_test(late_samples_are_told),
	    cmocka_unit_test(ends_without_the_rest),       cmocka_unit_test(nothing_is_nothing),
	    cmocka_unit_test(differences_hold_both_sides), cmocka_unit_test(large_and_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
