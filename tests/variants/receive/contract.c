// Contract of the slot `receive`, for every variant, against a naive model of each lane: what was
// added, in order; how far it was handed over; which batches are held. Each batch's packets lie in
// memory of their own that goes with its release, so that the address sanitizer sees a late use.
#include "variants/receive/receive.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LANES = 5, PACKETS_MAX = 1536, BATCHES_MAX = 4096 };

struct test_batch {
	struct receive_held held;
	size_t first, end; // numbers of its packets in its lane
	uint8_t *memory;   // NULL: released
};

struct test_lane {
	struct receive *receive;
	size_t added, up; // packets
	size_t calls;     // hand-overs
	bool inside;      // a call of the contract
	size_t count, released;
	struct test_batch batch[BATCHES_MAX];
};

static struct test_lane lanes[LANES];

// What stands at a packet's begin.
struct mark {
	size_t lane, number;
	uint32_t length;
};

static void take(void *context, struct receive_packet *packets, size_t n)
{
	struct test_lane *lane = context;

	assert_true(lane->inside);
	assert_true(n >= 1 && n <= receive_budget);
	lane->calls++;
	for (size_t i = 0; i < n; i++) {
		struct mark mark;

		memcpy(&mark, packets[i].data, sizeof(mark));
		assert_ptr_equal(&lanes[mark.lane], lane);
		assert_int_equal(mark.number, lane->up++);
		assert_int_equal(mark.length, packets[i].length);
		assert_int_equal(packets[i].data[mark.length - 1], mark.number & 0xff);
		memset(packets[i].data, 0xa5, mark.length); // a merge would change it
	}
	assert_true(lane->up <= lane->added);
}

static void take_merged(void *context, struct receive_packet *packets, size_t n)
{
	assert_true(receive_tun.merges);
	take(context, packets, n);
}

static void release(void *context, struct receive_held *held)
{
	struct test_lane *lane = context;
	struct test_batch *b = (struct test_batch *)held;

	assert_true(lane->inside);
	assert_true(b >= lane->batch && b < lane->batch + lane->count);
	assert_non_null(b->memory);
	assert_true(b->end <= lane->up);
	free(b->memory);
	b->memory = NULL;
	lane->released++;
}

static const struct receive_hooks hooks = {take, take_merged, release};

static void open_lanes(void)
{
	for (size_t i = 0; i < LANES; i++) {
		lanes[i] = (struct test_lane){.receive = receive_new(&hooks, &lanes[i])};
		assert_non_null(lanes[i].receive);
	}
}

// Adds a batch of `n` packets of `length` bytes, or of random lengths.
static void add(struct test_lane *lane, size_t n, uint32_t length, struct support_random *r)
{
	static struct receive_packet packets[PACKETS_MAX];
	struct test_batch *b = &lane->batch[lane->count++];
	uint32_t bytes = 0;

	assert_true(lane->count <= BATCHES_MAX && n <= PACKETS_MAX);
	*b = (struct test_batch){.first = lane->added, .end = lane->added + n};
	for (size_t i = 0; i < n; i++) {
		packets[i].length =
		    length ? length
		           : 40 + support_random_below(r, 65536 / n > 41 ? 65536 / n - 40 : 1);
		bytes += packets[i].length;
	}
	b->memory = malloc(bytes);
	assert_non_null(b->memory);
	for (size_t i = 0, at = 0; i < n; at += packets[i++].length) {
		const struct mark mark = {lane - lanes, lane->added++, packets[i].length};

		packets[i].data = b->memory + at;
		memset(packets[i].data, mark.number & 0xff, mark.length);
		memcpy(packets[i].data, &mark, sizeof(mark));
	}
	lane->inside = true;
	receive_add(lane->receive, &b->held, packets, n);
	lane->inside = false;
	if (bytes > RECEIVE_LARGE_BYTES)
		assert_int_equal(lane->up, lane->added);
}

static void flush(struct test_lane *lane)
{
	lane->inside = true;
	receive_flush(lane->receive);
	lane->inside = false;
	assert_int_equal(lane->up, lane->added);
	assert_int_equal(lane->released, lane->count);
}

static void close_lanes(void)
{
	for (size_t i = 0; i < LANES; i++) {
		flush(&lanes[i]);
		receive_free(lanes[i].receive);
	}
}

static void loses_and_repeats_nothing(void **state)
{
	(void)state;
	struct support_random r;

	support_random_init(&r, support_seed());
	for (int round = 0; round < 200; round++) {
		open_lanes();
		for (int i = 0; i < 400; i++) {
			struct test_lane *lane = &lanes[support_random_below(&r, LANES)];
			size_t most = support_random_below(&r, 8) ? 12 : PACKETS_MAX;

			if (support_random_below(&r, 6))
				add(lane, 1 + support_random_below(&r, most), 0, &r);
			else
				flush(lane);
		}
		close_lanes();
	}
}

// The edges of the budget: where a context that isn't armed anew, or is so too early, would keep
// what comes next for ever.
static void holds_nothing_after_a_flush(void **state)
{
	(void)state;
	const size_t budget = receive_budget;

	open_lanes();
	flush(&lanes[0]);
	for (size_t n = budget > 2 ? budget - 2 : 1; n <= 2 * budget + 2; n++) {
		for (size_t again = 1; again <= 3; again++) {
			for (size_t k = 0; k < again; k++)
				add(&lanes[0], n, 64, NULL);
			flush(&lanes[0]);
			flush(&lanes[0]);
			add(&lanes[0], 1, 64, NULL);
			flush(&lanes[0]);
		}
	}
	close_lanes();
}

static void hands_over_a_budget_at_once(void **state)
{
	(void)state;
	const size_t budget = receive_budget;

	assert_true(budget >= 1 && budget <= RECEIVE_BUDGET_MAX);
	open_lanes();
	for (size_t i = 0; i < budget; i++)
		add(&lanes[0], 1, 64, NULL);
	assert_int_equal(lanes[0].up, budget);
	assert_int_equal(lanes[0].calls, 1);
	flush(&lanes[0]);
	assert_int_equal(lanes[0].calls, 1);
	// And what doesn't fill one, by the flush.
	for (size_t i = 0; i + 1 < budget; i++)
		add(&lanes[1], 1, 64, NULL);
	assert_int_equal(lanes[1].calls, 0);
	flush(&lanes[1]);
	assert_int_equal(lanes[1].calls, budget > 1);
	close_lanes();
}

// ---- what a variant wants of the TUN, with a folder in place of a sysfs

static void skip_without_settings(void)
{
	if (receive_tun.opened)
		return;
	print_message("# %s sets nothing of the interface\n", receive_variant);
	skip();
}

static int open_folder(char *path)
{
	char inner[128];

	assert_non_null(mkdtemp(path));
	snprintf(inner, sizeof(inner), "%s/class", path);
	assert_int_equal(mkdir(inner, 0700), 0);
	snprintf(inner, sizeof(inner), "%s/class/net", path);
	assert_int_equal(mkdir(inner, 0700), 0);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	return fd;
}

static void a_missing_setting_is_an_error(void **state)
{
	(void)state;
	char path[] = "/tmp/wgbench-receive-XXXXXX";

	skip_without_settings();
	int sysfs = open_folder(path), real = dup(STDERR_FILENO),
	    null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	int missing = receive_tun.opened("wgbtest", sysfs),
	    none = receive_tun.opened("wgbtest", -EPERM);
	dup2(real, STDERR_FILENO);
	close(null);
	close(real);
	assert_int_equal(missing, -ENOENT);
	assert_int_equal(none, -EPERM);
	assert_int_equal(unlinkat(sysfs, "class/net", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(sysfs, "class", AT_REMOVEDIR), 0);
	assert_int_equal(rmdir(path), 0);
	close(sysfs);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loses_and_repeats_nothing),
	    cmocka_unit_test(holds_nothing_after_a_flush),
	    cmocka_unit_test(hands_over_a_budget_at_once),
	    cmocka_unit_test(a_missing_setting_is_an_error),
	};

	support_seed();
	return cmocka_run_group_tests_name(receive_variant, tests, NULL, NULL);
}
