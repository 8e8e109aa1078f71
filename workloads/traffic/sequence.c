#include "workloads/traffic/sequence.h"

#include <string.h>

static uint64_t *word_of(struct sequence *s, uint64_t number)
{
	return &s->seen[number % SEQUENCE_WINDOW / 64];
}

static uint64_t bit_of(uint64_t number)
{
	return UINT64_C(1) << number % 64;
}

// Forgets what the places of the numbers up to `number` held a window ago.
static void advance(struct sequence *s, uint64_t number)
{
	if (number - s->next >= SEQUENCE_WINDOW)
		memset(s->seen, 0, sizeof(s->seen));
	else
		for (uint64_t n = s->next; n <= number; n++)
			*word_of(s, n) &= ~bit_of(n);
	s->next = number + 1;
}

void sequence_add(struct sequence *s, uint64_t number)
{
	if (number >= s->next) {
		advance(s, number);
	} else if (s->next - number > SEQUENCE_WINDOW) {
		s->stale++;
		return;
	} else if (*word_of(s, number) & bit_of(number)) {
		s->duplicates++;
		return;
	} else {
		s->reordered++;
	}
	*word_of(s, number) |= bit_of(number);
	s->received++;
}
