/*
 * variants/ring/lockfree.c, each access to shared memory a step of its own.
 */
#include "judge.inc"

byte slots[SLOTS];
byte producer_head, producer_tail, consumer_head;

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
	byte next, head, used, count, i;

	do
	:: next < EACH ->
		enter();
		head = producer_head;
reserve:
		atomic {
			used = head - consumer_head;
			count = (used > SLOTS -> 0 : SLOTS - used);
			count = (count > WANT -> WANT : count);
			count = (count > EACH - next -> EACH - next : count)
		};
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
				count = 0
			}
		fi
	:: else -> break
	od;
halt:	skip
}

proctype consumer(byte me)
{
	byte head, count, i;
	byte copy[BATCH];

	do
	:: true ->
		enter();
		head = consumer_head;
claim:
		atomic {
			count = producer_tail - head;
			assert(count <= SLOTS || consumer_head != head);
			count = (count > WANT -> WANT : count)
		};
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
