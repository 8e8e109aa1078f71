// Cost of the primitives that a tunnel leans on. One program may be twice as fast as another on
// this machine and not on the next, since they spend their time on different ones (system calls,
// wake-ups, copies, the cipher).
#ifndef WGBENCH_MACHINE_PRIMITIVE_COSTS_H
#define WGBENCH_MACHINE_PRIMITIVE_COSTS_H

struct primitive_costs {
	double syscall_ns;       // a system call that does nothing
	double wakeup_same_us;   // a byte to another thread and back, both on one CPU
	double wakeup_across_us; // the same on two CPUs; 0: there is only one
	double copy_gbyte_per_s; // memcpy of 64 KB that is in the cache
};

// Medians of 21 short rounds, about 50 ms in all. What can't be measured is 0.
void primitive_costs_measure(struct primitive_costs *);

#endif
