/*
 * variants/ring/spinlock.c, each access to shared memory a step of its own.
 */
#define SLOTS 4
#define EACH 3
#define ZERO_BATCH 2
#include "judge.inc"

byte slots[SLOTS];
bool producer_locked, consumer_locked;
byte tail, head, zeroed;

inline lock(locked)
{
	atomic { !locked -> locked = true }
}

inline unlock(locked)
{
	locked = false
}

inline zero_consumed()
{
	z = head;
	do
	:: z != zeroed ->
		z--;
		slots[z % SLOTS] = 0
	:: else -> break
	od;
	zeroed = head;
	z = 0
}

proctype producer(byte me)
{
	byte next, at, done, z;

	do
	:: next < EACH ->
		enter();
		lock(producer_locked);
		MAY_STOP(PRODUCER, me == 0);
		at = tail;
		do
		:: done == WANT || next + done == EACH -> break
		:: else ->
			if
			:: slots[at % SLOTS] == 0 ->
				slots[at % SLOTS] = me * EACH + next + done + 1;
				at++;
				done++
			:: else ->
				if
				:: at - head >= SLOTS -> break
				:: else ->
					lock(consumer_locked);
					zero_consumed();
					unlock(consumer_locked)
				fi
			fi
		od;
		tail = at;
		unlock(producer_locked);
		atomic {
			next = next + done;
			returned[me] = next;
			done = 0;
			at = 0;
			leave()
		};
		/* full: until that changes, another push would be the same */
		tail - head < SLOTS
	:: else -> break
	od;
halt:	skip
}

proctype consumer(byte me)
{
	byte at, done, most, taken, z;

	do
	:: true ->
		enter();
		lock(consumer_locked);
		MAY_STOP(CONSUMER, me == 0);
		at = head;
		most = SLOTS - (at - zeroed);
		most = (most > WANT -> WANT : most);
		do
		:: done == most -> break
		:: else ->
			taken = slots[at % SLOTS];
			if
			:: taken == 0 -> break
			:: else ->
				pop_item(taken);
				at++;
				done++
			fi
		od;
		head = at;
		if
		:: at - zeroed >= ZERO_BATCH -> zero_consumed()
		:: else
		fi;
		unlock(consumer_locked);
		atomic {
			at = 0;
			done = 0;
			most = 0;
			taken = 0;
			leave()
		};
		/* empty: until that changes, another pop would be the same */
		slots[head % SLOTS] != 0 && head - zeroed < SLOTS
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
