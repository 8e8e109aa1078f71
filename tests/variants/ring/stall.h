// A thread stopped in the middle of a ring's operation, at each of its instructions in turn: the
// CPU is put into single-step mode, and the handler of its trap stops the thread where the count
// says. Meanwhile others push and pop, until their operation ends or has run BOUND instructions,
// which is counted as waiting; then the stopped thread goes on, and everything must be there, in
// order, once. x86-64, and not under ThreadSanitizer, whose own code would be what is stepped
// through.
#ifndef WGBENCH_TESTS_VARIANTS_RING_STALL_H
#define WGBENCH_TESTS_VARIANTS_RING_STALL_H

void survives_a_producer_stopped_anywhere(void **state);
void survives_a_consumer_stopped_anywhere(void **state);

#endif
