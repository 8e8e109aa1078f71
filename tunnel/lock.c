#include "tunnel/lock.h"

int lock_init(struct lock *l)
{
	pthread_rwlockattr_t attributes;
	int ret = pthread_rwlockattr_init(&attributes);

	if (ret)
		return -ret;
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	ret = pthread_rwlock_init(&l->rwlock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return -ret;
}

void lock_destroy(struct lock *l)
{
	pthread_rwlock_destroy(&l->rwlock);
}

void lock_share(struct lock *l)
{
	pthread_rwlock_rdlock(&l->rwlock);
}

void lock_exclude(struct lock *l)
{
	pthread_rwlock_wrlock(&l->rwlock);
}

void lock_release(struct lock *l)
{
	pthread_rwlock_unlock(&l->rwlock);
}
