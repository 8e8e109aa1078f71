// The window is a ring of words indexed by the counter itself. Moving it forward zeroes the words
// that it enters; the word of the highest counter is only partly used, hence 64 bits fewer.
#include "tunnel/replay.h"

enum { WORDS = REPLAY_BITS / 64 };

bool replay_accept(struct replay *r, uint64_t counter)
{
	uint64_t word = counter / 64, bit = 1ull << counter % 64;

	if (counter >= r->next) {
		uint64_t top = r->next ? (r->next - 1) / 64 : 0;
		uint64_t entered = word - top < WORDS ? word - top : WORDS;

		for (uint64_t i = 1; i <= entered; i++)
			r->bits[(top + i) % WORDS] = 0;
		r->next = counter + 1;
	} else if (r->next - 1 - counter > REPLAY_USABLE) {
		return false;
	}
	if (r->bits[word % WORDS] & bit)
		return false;
	r->bits[word % WORDS] |= bit;
	return true;
}
