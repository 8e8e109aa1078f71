/*
 * variants/ring/vyukov.c, each access to shared memory a step of its own.
 */
#include "judge.inc"

byte sequence[SLOTS], item[SLOTS];
byte tail, head;

/* Counts the run of slots from `at` that are `lead` ahead of their positions. `seen`: what the
   first that isn't was at. */
inline count_run(lead, most)
{
	run_length = 0;
	do
	:: run_length < most ->
		d_step {
			seen = sequence[(at + run_length) % SLOTS];
			ready = (seen == at + run_length + lead);
			run_length = run_length + ready
		};
		if
		:: ready
		:: else -> break
		fi
	:: else -> break
	od
}

inline write()
{
	item[(at + i) % SLOTS] = me * EACH + next + i + 1
}

inline hand_over()
{
	sequence[(at + i) % SLOTS] = at + i + 1
}

inline read()
{
	taken = item[(at + i) % SLOTS]
}

inline free_slot()
{
	sequence[(at + i) % SLOTS] = at + i + SLOTS
}

proctype producer(byte me)
{
	byte next, at, run_length, seen, want, i;
	bool ready;

	do
	:: next < EACH ->
		enter();
		want = (WANT > EACH - next -> EACH - next : WANT);
reserve:
		at = tail;
		count_run(0, want);
		if
		:: run_length == 0 && seen < at ->
			leave();
			/* full: until that changes, another push would be the same */
			sequence[at % SLOTS] != seen || tail != at
		:: run_length == 0 && seen > at -> goto reserve
		:: else ->
			atomic {
				if
				:: tail == at -> tail = at + run_length
				:: else -> goto reserve
				fi
			};
			MAY_STOP(PRODUCER, me == 0);
			i = run_length;
			do
			:: i > 0 ->
				i--;
				write();
				hand_over();
			:: else -> break
			od;
			atomic {
				next = next + run_length;
				returned[me] = next;
				leave();
				at = 0;
				run_length = 0;
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
	byte at, run_length, seen, want, i, taken;
	bool ready;
	byte expected[BATCH];

	do
	:: true ->
		enter();
		want = WANT;
claim:
		at = head;
		count_run(1, want);
		if
		:: run_length == 0 && seen < at + 1 ->
			leave();
			sequence[at % SLOTS] != seen || head != at
		:: run_length == 0 && seen > at + 1 -> goto claim
		:: else ->
			/* What is in the slots at the claim is what the read must find. */
			atomic {
				if
				:: head == at ->
					head = at + run_length;
					for (i : 0 .. run_length - 1) {
						expected[i] = item[(at + i) % SLOTS];
						pop_item(expected[i])
					}
					i = 0
				:: else -> goto claim
				fi
			};
			MAY_STOP(CONSUMER, me == 0);
			i = run_length;
			do
			:: i > 0 ->
				i--;
				read();
				free_slot();
				assert(taken == expected[i]);
			:: else -> break
			od;
			atomic {
				leave();
				at = 0;
				run_length = 0;
				seen = 0;
				want = 0;
				taken = 0;
				expected[0] = 0;
				expected[1] = 0
			}
		fi
	od;
halt:	skip
}

init {
	byte i;

	atomic {
		for (i : 0 .. SLOTS - 1) {
			sequence[i] = i
		};
		run producer(0);
		run producer(1);
		run consumer(0);
		run consumer(1)
	}
}
