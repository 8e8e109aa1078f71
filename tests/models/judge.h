/*
 * What every ring's model shares: the items, and who judges. Spin explores every interleaving of
 * single steps, in sequential consistency: the algorithm is what is checked, not its memory orders
 * (those are ThreadSanitizer's and the contract test's).
 *
 * Item number n (from 0) of producer p is p * EACH + n + 1; 0 is an empty slot.
 *
 * STOP: NOBODY; or PRODUCER, CONSUMER: the first of these may stop for ever in the middle of any of
 * its operations, after reserving, locking or claiming and before handing over.
 * PROPERTY, of all that hasn't stopped:
 *   RETURNS  no operation waits for ever
 *   VISIBLE  everything whose push has returned is popped
 *   ROOM     every push finds room in the end
 *   ALL      the three of them
 * Always: what is popped is what was pushed, each item once, each producer's in order.
 */
#define NOBODY 0
#define PRODUCER 1
#define CONSUMER 2

#define RETURNS 1
#define VISIBLE 2
#define ROOM 4
#define ALL 7

#ifndef STOP
#define STOP NOBODY
#endif
#ifndef PROPERTY
#define PROPERTY ALL
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef EACH
#define EACH 2 /* items that a producer pushes */
#endif
#define BATCH 2
#define PRODUCERS 2
#define CONSUMERS 2

byte returned[PRODUCERS]; /* items whose push has returned */
byte popped[PRODUCERS];   /* the number that must come next */
byte inside;              /* operations that have begun and neither returned nor stopped */
bool stopped;

/* At the step that decides who has the item: all pops are in one order there. */
inline pop_item(item)
{
	assert(item != 0);
	assert((item - 1) % EACH == popped[(item - 1) / EACH]);
	popped[(item - 1) / EACH]++
}

/* Process 0 of each kind works in batches, process 1 one by one. */
#define WANT (me == 0 -> BATCH : 1)

#define enter() inside++
#define leave() inside--

/* `first`: whether this process is the one that may stop. */
#define MAY_STOP(kind, first)                                                                      \
	if                                                                                         \
	:: STOP == kind && first -> atomic { inside--; stopped = true; goto halt }                 \
	:: true                                                                                    \
	fi

active proctype judge()
{
	byte p;

	timeout; /* nobody can take another step */
	if
	:: PROPERTY & RETURNS -> assert(inside == 0)
	:: else
	fi;
	for (p : 0 .. PRODUCERS - 1) {
		if
		:: PROPERTY & VISIBLE -> assert(popped[p] >= returned[p])
		:: else
		fi;
		if
		:: PROPERTY & ROOM && !(STOP == PRODUCER && stopped && p == 0) ->
			assert(returned[p] == EACH)
		:: else
		fi
	}
}
