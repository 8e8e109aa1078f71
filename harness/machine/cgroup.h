// What the control groups above this process grant it, of either version.
#ifndef WGBENCH_MACHINE_CGROUP_H
#define WGBENCH_MACHINE_CGROUP_H

struct cgroup {
	double cpus;         // the tightest quota, in CPUs; infinite without one
	double memory_bytes; // the tightest limit, likewise
	unsigned cpu_weight; // of the nearest group whose weight isn't the default; 0: none
};

// Reads it below `root`, "" for this machine: /proc/self there names mounts and groups.
void cgroup_read(struct cgroup *, const char *root);

#endif
