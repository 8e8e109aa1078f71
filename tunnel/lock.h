// The path lock: held shared by whoever moves packets, for one batch at a time (the path bracket);
// exclusively by the control thread for each change of what the path reads. A waiting writer goes
// first: else a busy path would keep the control thread out for ever.
#ifndef WGBENCH_LOCK_H
#define WGBENCH_LOCK_H

#include <pthread.h>

struct lock {
	pthread_rwlock_t rwlock;
};

// 0 or -errno.
int lock_init(struct lock *);
void lock_destroy(struct lock *);

void lock_share(struct lock *);
void lock_exclude(struct lock *);
// Of either.
void lock_release(struct lock *);

#endif
