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
	byte next, head, used, count, i, seen;

	do
	:: next < EACH ->
		atomic { enter(); head = producer_head };
reserve:
		atomic {
			used = head - seen_head;
			count = (WANT > EACH - next -> EACH - next : WANT);
			if
			:: used <= SLOTS && SLOTS - used >= count -> goto exchange
			:: else
			fi
		};
		seen = consumer_head;
		atomic {
			seen_head = seen;
			used = head - seen;
			seen = 0;
			if
			:: used > SLOTS -> count = 0
			:: used <= SLOTS && SLOTS - used < count -> count = SLOTS - used
			:: else
			fi
		};
exchange:
		if
		:: count == 0 && used <= SLOTS ->
			atomic { leave(); used = 0 };
			/* full: until that changes, another push would be the same */
			consumer_head + SLOTS != head || producer_head != head
		:: else ->
			atomic {
				used = 0;
				if
				:: producer_head == head -> producer_head = head + count
				:: else -> head = producer_head; count = 0; goto reserve
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
				count = 0
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
		atomic { enter(); head = consumer_head };
claim:
		atomic {
			seen = seen_tail;
			if
			:: seen >= head + WANT -> count = WANT; seen = 0; goto copy_out
			:: else
			fi
		};
		atomic {
			seen = producer_tail;
			assert(seen - head <= SLOTS || consumer_head != head)
		};
		atomic {
			seen_tail = seen;
			count = (seen - head > WANT -> WANT : seen - head);
			seen = 0
		};
copy_out:
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
				:: else ->
					head = consumer_head;
					count = 0;
					copy[0] = 0;
					copy[1] = 0;
					i = 0;
					goto claim
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
