// Folding of what `perf script` prints, and differences of folded stacks.
#include "base/text.h"
#include "harness/commands/profile/folded.h"
#include "tests/support/support.h"

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
	struct text text = {0};

	folded_print(f, &text);
	assert_string_equal(text_string(&text), expected);
	text_free(&text);
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
	struct text most = {0};

	(void)state;
	folded_read(parts, text, &ends);
	assert_true(folded_late_share(&parts[FOLDED_ALL], &most) == 0.75);
	assert_string_equal(text_string(&most), "pvm_irq_enable");
	assert_true(folded_late_share(&parts[FOLDED_RIGHT], &most) == 0);
	assert_string_equal(text_string(&most), "");
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

#define FRAME(symbol, dso) "t  10/1\n\t1 " symbol " (" dso ")\n\n"

// A frame's file says whether it is the kernel's, and names what has no symbol.
static void files_say_what_a_frame_is(void **state)
{
	static const struct {
		const char *frame, *folded;
	} frames[] = {
	    {FRAME("f", "/usr/lib/debug/boot/vmlinux-6.1.0-28-amd64"), "f_[k]"},
	    {FRAME("f", "/usr/lib/debug/lib/modules/6.1.0/vmlinux"), "f_[k]"},
	    {FRAME("f", "/boot/vmlinux.debug"), "f_[k]"},
	    {FRAME("f", "/proc/kcore"), "f_[k]"},
	    {FRAME("f", "/root/.debug/[kernel.kallsyms]/0123/kallsyms"), "f_[k]"},
	    {FRAME("f", "[guest.kernel.kallsyms]"), "f_[k]"},
	    {FRAME("f", "/lib/modules/6.1.0/kernel/wireguard.ko"), "f_[k]"},
	    {FRAME("f", "/lib/modules/6.1.0/kernel/wireguard.ko.gz"), "f_[k]"},
	    {FRAME("f", "/lib/modules/6.1.0/kernel/wireguard.ko.xz"), "f_[k]"},
	    {FRAME("f", "/lib/modules/6.1.0/kernel/wireguard.ko.zst"), "f_[k]"},
	    {FRAME("f", "/usr/lib/debug/wireguard.ko.debug"), "f_[k]"},
	    {FRAME("f", "/usr/lib/debug/wireguard.ko.xz.debug"), "f_[k]"},
	    {FRAME("f", "/lib/modules/6.1.0/wireguard.ko (deleted)"), "f_[k]"},
	    {FRAME("f", "[nf_tables]"), "f_[k]"},
	    {FRAME("[unknown]", "[nf_tables]"), "[nf_tables]_[k]"},
	    {FRAME("[unknown]", "/lib/modules/6.1.0/wireguard.ko.xz"), "[wireguard.ko.xz]_[k]"},
	    {FRAME("bpf_prog_2b95_x", "bpf_prog_2b95_x"), "bpf_prog_2b95_x_[k]"},
	    {FRAME("f", "bpf_trampoline_1"), "f_[k]"},
	    // The process' own.
	    {FRAME("f", "[vdso]"), "f"},
	    {FRAME("f", "[vsyscall]"), "f"},
	    {FRAME("f", "[heap]"), "f"},
	    {FRAME("f", "[stack:12]"), "f"},
	    {FRAME("f", "[JIT app cache]"), "f"},
	    {FRAME("f", "/usr/bin/vmlinux-to-elf"), "f"},
	    {FRAME("f", "/usr/bin/a.ko.d/tool"), "f"},
	    {FRAME("f", "/home/bpf_prog_x"), "f"},
	    // A file that was replaced, blanks, brackets and parentheses in names.
	    {FRAME("encrypt", "/build/wgbench-tunnel (deleted)"), "encrypt"},
	    {FRAME("[unknown]", "/memfd:jit code (deleted)"), "[memfd:jit code]"},
	    {FRAME("[unknown]", "/opt/a (b)/c d"), "[c d]"},
	    {FRAME("[unknown]", "[JIT] tid 123"), "[JIT] tid_123"},
	    {FRAME("void f<void (*)(int)>(void (*)(int))", "/usr/bin/a b"),
	     "void f<void (*)(int)>(void (*)(int))"},
	    {FRAME("operator()(int) const", "/x (y)"), "operator()(int) const"},
	    {FRAME("operator() (int)", "/x"), "operator() (int)"},
	    {FRAME("a;b [c] d", "/x"), "a:b [c] d"},
	    {FRAME("sum 12", "/x"), "sum_12"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct folded parts[FOLDED_PARTS];
		char wanted[128];

		folded_read(parts, frames[i].frame, &ends);
		snprintf(wanted, sizeof(wanted), "t;%s 1\n", frames[i].folded);
		assert_lines(&parts[FOLDED_LEFT], wanted);
		for (int p = 0; p < FOLDED_PARTS; p++)
			folded_free(&parts[p]);
	}
}

// A kernel's symbol may be longer than a frame: it is still the kernel's.
static void long_symbols_keep_their_mark(void **state)
{
	struct folded parts[FOLDED_PARTS];
	char text[700], symbol[500];

	(void)state;
	memset(symbol, 'r', sizeof(symbol) - 1);
	symbol[sizeof(symbol) - 1] = 0;
	snprintf(text, sizeof(text), "t  10/1\n\t1 %s ([kernel.kallsyms])\n\n", symbol);
	folded_read(parts, text, &ends);
	const char *folded = parts[FOLDED_LEFT].stack[0].text;
	assert_string_equal(folded + strlen(folded) - 4, "_[k]");
	for (int p = 0; p < FOLDED_PARTS; p++)
		folded_free(&parts[p]);
}

static void nothing_is_nothing(void **state)
{
	static const char *const texts[] = {"", "\n\n", "no header\n\tffff x (y)\n",
	                                    "name  x/1\n\tffff x (y)\n", "\tffff x (y)\n"};
	struct folded parts[FOLDED_PARTS];
	struct text most = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		folded_read(parts, texts[i], &ends);
		assert_int_equal(parts[FOLDED_ALL].n, 0);
		assert_true(folded_late_share(&parts[FOLDED_ALL], &most) == 0);
	}
}

// Stacks of one side only get a zero on the other.
static void differences_hold_both_sides(void **state)
{
	static const char before[] = "a  1/1\n\t1 x (d)\n\na  1/1\n\t1 y (d)\n\n",
	                  after[] = "a  1/1\n\t1 y (d)\n\na  1/1\n\t1 y (d)\n\na  1/1\n\t1 z (d)\n";
	struct folded b[FOLDED_PARTS], a[FOLDED_PARTS];
	struct text text = {0};

	(void)state;
	folded_read(b, before, &ends);
	folded_read(a, after, &ends);
	folded_print_difference(&b[FOLDED_ALL], 10, &a[FOLDED_ALL], 0.5, &text);
	assert_string_equal(text_string(&text),
	                    "a;x 10.000 0.000\na;y 10.000 1.000\na;z 0.000 0.500\n");
	text_free(&text);
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
	    cmocka_unit_test(stacks_are_folded_by_end),
	    cmocka_unit_test(late_samples_are_told),
	    cmocka_unit_test(ends_without_the_rest),
	    cmocka_unit_test(files_say_what_a_frame_is),
	    cmocka_unit_test(long_symbols_keep_their_mark),
	    cmocka_unit_test(nothing_is_nothing),
	    cmocka_unit_test(differences_hold_both_sides),
	    cmocka_unit_test(large_and_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
