// CoDel's times (RFC 8289): when it begins, how its drops follow each other, how it begins again,
// and that it marks instead where it may.
#include "variants/aqm/codel.h"
#include "tests/support/support.h"

#include <string.h>

#define MS 1000000ull

enum { PACKETS = 1024, STANDING = 20, SIGNALS_MAX = 4096 };

static struct aqm_packet packets[PACKETS], *unused;
static struct aqm *aqm;
static uint64_t now_ns, signal_ns[SIGNALS_MAX];
static size_t signals, marks;

static void give_back(struct aqm_packet *p)
{
	p->next = unused;
	unused = p;
}

static void drop(void *context, struct aqm_packet *p)
{
	(void)context;
	assert_false(p->ect);
	signal_ns[signals++] = now_ns;
	give_back(p);
}

static int set_up(void **state)
{
	(void)state;
	unused = NULL;
	for (size_t i = 0; i < PACKETS; i++)
		give_back(&packets[i]);
	now_ns = 5000 * MS;
	signals = marks = 0;
	aqm = aqm_new(&(struct aqm_hooks){drop, NULL});
	return !aqm;
}

static void put(bool ect)
{
	struct aqm_packet *p = unused;

	assert_non_null(p);
	unused = p->next;
	*p = (struct aqm_packet){.bytes = 1000, .ect = ect};
	aqm_enqueue(aqm, p, now_ns);
}

static bool take(void)
{
	struct aqm_packet *p = aqm_dequeue(aqm, now_ns);

	if (!p)
		return false;
	if (p->marked) {
		marks++;
		signal_ns[signals++] = now_ns;
	}
	give_back(p);
	return true;
}

static void drain(void)
{
	while (take())
		;
}

static int tear_down(void **state)
{
	(void)state;
	drain();
	aqm_free(aqm);
	return 0;
}

// A queue of `standing` packets of which one leaves each ms, for so long: an unresponsive sender.
static void stand(size_t standing, unsigned ms, bool ect)
{
	for (unsigned i = 0; i < ms; i++) {
		while (aqm_packets(aqm) < standing)
			put(ect);
		now_ns += MS;
		take();
	}
}

// The signal comes with the first packet that leaves when it is due: at most 1 ms late.
static void assert_due(uint64_t signal, double due_ns)
{
	assert_true(signal + 1 >= (uint64_t)due_ns);
	assert_true(signal <= (uint64_t)due_ns + MS);
}

static void signals_follow_the_control_law(bool ect)
{
	uint64_t begun_ns = now_ns;

	stand(STANDING, 2000, ect);
	assert_true(signals > 20);
	// Above target from the first packet that has waited for it: the one that leaves after 5
	// ms.
	assert_due(signal_ns[0], begun_ns + CODEL_TARGET_NS + CODEL_INTERVAL_NS);
	double due_ns = signal_ns[0];
	for (size_t i = 1; i < signals; i++) {
		due_ns += CODEL_INTERVAL_NS / sqrt(i);
		assert_due(signal_ns[i], due_ns);
	}
	assert_int_equal(marks, ect ? signals : 0);
}

static void drops_follow_the_control_law(void **state)
{
	(void)state;
	signals_follow_the_control_law(false);
}

static void marks_follow_the_control_law(void **state)
{
	(void)state;
	signals_follow_the_control_law(true);
}

static void a_burst_shorter_than_an_interval_is_left_alone(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		stand(STANDING, 95, false);
		drain();
		now_ns += MS;
	}
	assert_int_equal(signals, 0);
}

static void a_queue_below_target_is_left_alone(void **state)
{
	(void)state;
	stand(4, 3000, false);
	assert_int_equal(signals, 0);
}

// The time from the first to the second signal of another standing queue.
static uint64_t second_after(unsigned pause_ms)
{
	drain();
	now_ns += pause_ms * MS;
	signals = 0;
	stand(STANDING, 400, false);
	assert_true(signals >= 2);
	return signal_ns[1] - signal_ns[0];
}

// Section 5.6: within 16 intervals it goes on with about the rate that it had come to.
static void it_resumes(void **state)
{
	(void)state;
	stand(STANDING, 1500, false);
	double count = signals;
	assert_true(count > 10);
	uint64_t resumed = second_after(100);
	assert_true(resumed >= CODEL_INTERVAL_NS / sqrt(count) - MS);
	assert_true(resumed <= CODEL_INTERVAL_NS / sqrt(count - 2) + 2 * MS);
	uint64_t anew = second_after(16 * 100 + 200);
	assert_true(anew >= CODEL_INTERVAL_NS && anew <= CODEL_INTERVAL_NS + MS);
}

static void the_last_packet_is_kept(void **state)
{
	(void)state;
	stand(STANDING, 1000, false);
	drain();
	size_t before = signals;
	for (int i = 0; i < 100; i++) {
		put(false);
		now_ns += 50 * MS;
		assert_true(take());
	}
	assert_int_equal(signals, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    TEST(drops_follow_the_control_law),
	    TEST(marks_follow_the_control_law),
	    TEST(a_burst_shorter_than_an_interval_is_left_alone),
	    TEST(a_queue_below_target_is_left_alone),
	    TEST(it_resumes),
	    TEST(the_last_packet_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
