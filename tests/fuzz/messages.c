// Datagrams into a device with two peers, and frames into its TUN. The other ends are real (see
// messages/remote.h) and time is the input's, so genuine messages reach every state, and the input
// says how they are damaged, repeated, put together and when they come. Nothing but genuine, new
// messages has an effect, these always have theirs, what the device sends is right, and after each
// step its tables agree with one another.
//
// The input: steps, each a byte that picks it and the bytes that it takes.
#include "tests/fuzz/messages/bed.h"

#include <sodium.h>

#include "tunnel/clock.h"
#include "tunnel/due.h"
#include "tunnel/interface.h"
#include "tunnel/queue.h"

enum { STEPS_MAX = 64 };

static struct bed fuzzed;
static uint64_t random_state;

// ---- time and chance are the same for the same input

static uint64_t now(void)
{
	return fuzzed.now_ns;
}

static uint64_t wall(void)
{
	return 1700000000 * NS_PER_S + fuzzed.now_ns;
}

static uint32_t random_word(void)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return random_state >> 32;
}

static void random_bytes(void *to, size_t bytes)
{
	for (uint8_t *p = to; bytes--;)
		*p++ = random_word() >> 24;
}

static const char *random_name(void)
{
	return "fuzz";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static randombytes_implementation chance = {
	    .implementation_name = random_name, .random = random_word, .buf = random_bytes};

	(void)argc;
	(void)argv;
	FUZZ_CHECK(!randombytes_set_implementation(&chance) && sodium_init() >= 0);
	clock_now_ns = now;
	clock_wall_ns = wall;
	for (int i = 0; i < REMOTES; i++)
		remote_open(&fuzzed.remotes[i], i + 1);
	return 0;
}

// ---- what else happens

static void reconfigure(struct bed *bed, struct remote *r, unsigned options)
{
	char text[256], public[65];

	sodium_bin2hex(public, sizeof(public), r->identity.public_key, NOISE_KEY_BYTES);
	switch (options & 3) {
	case 0:
		snprintf(text, sizeof(text), "set=1\npublic_key=%s\nremove=true\n\n", public);
		bed_configure(bed, text);
		remote_reset(r, bed->device->identity.public_key);
		break;
	case 1:
		if (!bed_peer(bed, r))
			bed_add_peer(bed, r);
		break;
	case 2:
		snprintf(text, sizeof(text),
		         "set=1\npublic_key=%s\nupdate_only=true\n"
		         "persistent_keepalive_interval=%u\n\n",
		         public, options >> 2);
		bed_configure(bed, text);
		break;
	default:
		FUZZ_CHECK(!interface_down(bed->device) && !interface_up(bed->device));
	}
	bed_handle_posted(bed);
}

static void pass(struct bed *bed, struct fuzz_input *in, unsigned options)
{
	uint64_t units[] = {NS_PER_MS, 20 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S};

	bed->now_ns += fuzz_byte(in) * units[options & 3];
	due_expire(bed->device, bed->now_ns);
	bed_handle_posted(bed);
}

static void step(struct bed *bed, struct fuzz_input *in)
{
	unsigned what = fuzz_byte(in), options = fuzz_byte(in);
	struct remote *r = &bed->remotes[what >> 4 & 1];

	switch (what & 15) {
	case 0:
	case 1:
		step_initiate(bed, in, r, options);
		break;
	case 2:
	case 3:
		step_respond(bed, in, r, options);
		break;
	case 4:
		step_cookie(bed, in, r, options);
		break;
	case 5:
	case 6:
	case 7:
		step_data(bed, in, options);
		break;
	case 8:
		step_raw(bed, in, options);
		break;
	case 9:
	case 10:
	case 11:
		step_frames(bed, in, options);
		break;
	case 12:
		reconfigure(bed, r, options);
		break;
	case 13:
		bed->device->load.until_ns = bed->now_ns + NS_PER_S;
		break;
	default:
		pass(bed, in, options);
	}
	bed_drain(bed);
	bed_check(bed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input in = {data, bytes};

	random_state = 1;
	bed_open(&fuzzed);
	bed_drain(&fuzzed);
	for (int i = 0; i < STEPS_MAX && in.left; i++)
		step(&fuzzed, &in);
	bed_close(&fuzzed);
	return 0;
}
