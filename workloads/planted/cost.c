// A cost planted into a tunnel, to prove that what measures tunnels sees it: linked in where a SPEC
// says `plant=`, before the work on each batch, encrypting and decrypting alike. One of these is
// defined:
//
// PLANT_INSTRUCTIONS  so many for each packet, and five for each batch.
// PLANT_NS            so long for each packet, by the clock. It's read every 20 to 50 ns, so that
//                     a batch takes up to as much too long, which its thread's next batches are
//                     shorter by: the mean is exact. What the system takes away meanwhile counts
//                     as burned, but isn't made good by the next batches.
#include <stdint.h>
#include <time.h>
#include "tunnel/batch.h"
#include "tunnel/clock.h"
#include "tunnel/pipeline.h"

#ifdef PLANT_NS
#define CREDIT_MAX_NS 1000

static int64_t read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}

static void burn(uint32_t packets)
{
	static _Thread_local int64_t owed_ns;

	owed_ns += (int64_t)packets * PLANT_NS;
	if (owed_ns <= 0)
		return;
	int64_t now_ns = read_clock(), until_ns = now_ns + owed_ns;
	while (now_ns < until_ns)
		now_ns = read_clock();
	owed_ns = until_ns - now_ns;
	if (owed_ns < -CREDIT_MAX_NS)
		owed_ns = 0;
}
#else
// A turn of the loop is two instructions: a subtraction and a jump. The compiler must not know the
// counter, or it puts two turns into one (gcc 14 at -O2).
static void burn(uint32_t packets)
{
	for (uint64_t turns = (uint64_t)packets * PLANT_INSTRUCTIONS / 2; turns; turns--)
		__asm__ volatile("" : "+r"(turns));
}
#endif

// The linker's --wrap leads from the stages' names to the first two, and from there to the stages.
void __wrap_output_encrypt(struct workers_job *);
void __wrap_input_decrypt(struct workers_job *);
void __real_output_encrypt(struct workers_job *);
void __real_input_decrypt(struct workers_job *);

void __wrap_output_encrypt(struct workers_job *job)
{
	burn(batch_of(job)->packets);
	__real_output_encrypt(job);
}

void __wrap_input_decrypt(struct workers_job *job)
{
	burn(batch_of(job)->packets);
	__real_input_decrypt(job);
}
