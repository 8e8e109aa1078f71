// What this machine asks for what a tunnel does most: the same program is another one's multiple on
// one machine and not on the next, since the two pay in different coin (system calls, wake-ups,
// copies, cipher).
#ifndef WGBENCH_MACHINE_PRIMITIVE_COSTS_H
#define WGBENCH_MACHINE_PRIMITIVE_COSTS_H

struct prices {
	double syscall_ns;       // the emptiest system call
	double wakeup_same_us;   // a byte to another thread and back, both on one CPU
	double wakeup_across_us; // the same on two CPUs; 0: there is one only
	double copy_gbyte_per_s; // memcpy of 64 KB that is in the cache
};

// Medians of some tens of short rounds; about 50 ms. What can't be measured is 0.
void prices_measure(struct prices *);

#endif
