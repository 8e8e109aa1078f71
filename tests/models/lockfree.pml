/*
 * variants/ring/lockfree.c, each access to shared memory a step of its own. Its bounded wait before
 * it reserves is a delay like any other, so it has no step here.
 */
#include "judge.inc"

byte slots[SLOTS];
byte producer_head, producer_tail, consumer_head;
byte seen_head, seen_tail;

inline write()
{
	do
	:: i < count -> d_step { slots[(head + i) % SLOTS] = me * EACH + next + i + 1; i++ }
	:: else -> i = 0; break
	od
}

inline wait_for_turn()
{
	producer_tail == head
}

inline publish()
{
	producer_tail = head + count
}

proctype producer(byte me)
{
	byte next, head, used, count, i, seen, want;

	do
	:: next < EACH ->
		enter();
		want = (WANT > EACH - next -> EACH - next : WANT);
		head = producer_head;
reserve:
		used = head - seen_head;
		if
		:: used > SLOTS || SLOTS - used < want ->
			seen = consumer_head;
			seen_head = seen;
			used = head - seen
		:: else
		fi;
		count = (used > SLOTS -> 0 : SLOTS - used);
		count = (count > want -> want : count);
		if
		:: count == 0 && used <= SLOTS ->
			leave();
			/* full: until that changes, another push would be the same */
			consumer_head + SLOTS != head || producer_head != head
		:: else ->
			atomic {
				if
				:: producer_head == head -> producer_head = head + count
				:: else -> head = producer_head; goto reserve
				fi
			};
			MAY_STOP(PRODUCER, me == 0);
			write();
			wait_for_turn();
			publish();
			atomic {
				next = next + count;
				returned[me] = next;
				leave();
				head = 0;
				used = 0;
				count = 0;
				seen = 0;
				want = 0
			}
		fi
	:: else -> break
	od;
halt:	skip
}

proctype consumer(byte me)
{
	byte head, count, i, seen;
	byte copy[BATCH];

	do
	:: true ->
		enter();
		head = consumer_head;
claim:
		seen = seen_tail;
		if
		:: seen < head + WANT ->
			atomic {
				seen = producer_tail;
				assert(seen - head <= SLOTS || consumer_head != head)
			};
			seen_tail = seen
		:: else
		fi;
		count = (seen - head > WANT -> WANT : seen - head);
		if
		:: count == 0 ->
			leave();
			producer_tail != head || consumer_head != head
		:: else ->
			do
			:: i < count -> d_step { copy[i] = slots[(head + i) % SLOTS]; i++ }
			:: else -> i = 0; break
			od;
			MAY_STOP(CONSUMER, me == 0);
			atomic {
				if
				:: consumer_head == head ->
					consumer_head = head + count;
					for (i : 0 .. count - 1) {
						pop_item(copy[i])
					}
					i = 0
				:: else -> head = consumer_head; goto claim
				fi;
				leave();
				head = 0;
				count = 0;
				seen = 0;
				copy[0] = 0;
				copy[1] = 0
			}
		fi
	od;
halt:	skip
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run consumer(0);
		run consumer(1)
	}
}
