// Sealing and opening messages of one key: ns per message, bytes per second. Short messages go in
// batches as long as the tunnel's usual ones, 65,000 bytes one by one; source and target are apart,
// as when a super-packet is cut.
#include "workloads/micro/micro.h"
#include "variants/aead/aead.h"
#include "base/random.h"

#include <stdlib.h>

const char *const micro_slot = "aead", *const micro_variant = aead_variant;

enum { MESSAGES = 32, LONG_BYTES = 65000 };

static struct {
	struct aead *aead;
	uint8_t *plain, *sealed;
	struct aead_message message[MESSAGES];
	size_t n;
	uint32_t bytes;
} work;

static const uint8_t key[AEAD_KEY_BYTES] = {1, 2, 3};

static void aim(const uint8_t *source, size_t source_step, uint8_t *target, size_t target_step)
{
	for (size_t i = 0; i < work.n; i++)
		work.message[i] = (struct aead_message){.source = source + i * source_step,
		                                        .target = target + i * target_step,
		                                        .length = work.bytes,
		                                        .counter = i};
}

static void set_up(struct cbenchmark_state *state, void *context)
{
	uint64_t random = 1;

	(void)context;
	work.bytes = cbenchmark_argument(state, 0);
	work.n = work.bytes < LONG_BYTES ? MESSAGES : 1;
	work.aead = aead_new();
	work.plain = micro_allocate(work.n * work.bytes);
	work.sealed = micro_allocate(work.n * (work.bytes + AEAD_TAG_BYTES));
	for (size_t i = 0; i < work.n * work.bytes; i++)
		work.plain[i] = random_next(&random);
	if (!work.aead) {
		cbenchmark_skip(state, "aead_new: out of memory, or not for this CPU");
		return;
	}
	aim(work.plain, work.bytes, work.sealed, work.bytes + AEAD_TAG_BYTES);
	aead_seal(work.aead, key, work.message, work.n);
}

static void tear_down(struct cbenchmark_state *state, void *context)
{
	(void)state;
	(void)context;
	aead_free(work.aead);
	free(work.plain);
	free(work.sealed);
}

static void seal(struct cbenchmark_state *state, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(state, work.n))
		aead_seal(work.aead, key, work.message, work.n);
	cbenchmark_set_bytes(state, cbenchmark_iterations(state) * work.bytes);
}

static void open(struct cbenchmark_state *state, void *context)
{
	(void)context;
	aim(work.sealed, work.bytes + AEAD_TAG_BYTES, work.plain, work.bytes);
	while (cbenchmark_keep_running_batch(state, work.n))
		if (aead_open(work.aead, key, work.message, work.n) != work.n)
			cbenchmark_skip(state, "a message isn't authentic");
	cbenchmark_set_bytes(state, cbenchmark_iterations(state) * work.bytes);
}

void micro_register(void)
{
	static const int64_t bytes[] = {64, 256, 512, 1420, LONG_BYTES};
	struct cbenchmark entry = {.setup = set_up,
	                           .teardown = tear_down,
	                           .dimension = {CBENCHMARK_VALUES("bytes", bytes)}};

	entry.name = "seal";
	entry.run = seal;
	micro_add(&entry);
	entry.name = "open";
	entry.run = open;
	micro_add(&entry);
}
