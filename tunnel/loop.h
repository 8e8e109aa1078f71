// An epoll loop over whatever has a descriptor. One thread runs it; others wake, stop or fail it.
#ifndef WGBENCH_LOOP_H
#define WGBENCH_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct device;

struct loop_source {
	int fd;
	void (*ready)(struct device *, struct loop_source *, uint32_t epoll_events);
};

struct loop {
	int epoll;
	struct loop_source wake; // eventfd
	atomic_bool stop;
	atomic_int result; // of loop_run()
};

// `woken` is called after loop_wake(). 0 or -errno: then there is nothing to close.
int loop_init(struct loop *,
              void (*woken)(struct device *, struct loop_source *, uint32_t epoll_events));
void loop_close(struct loop *);

// Watches it, or from here on for other events (0: none), which can't fail. 0 or -errno.
int loop_watch(struct loop *, struct loop_source *, uint32_t epoll_events);
// Watches a new source for input. fd: may be the error of the call that made it, in errno. 0 or
// -errno.
int loop_open(struct loop *, struct loop_source *, int fd,
              void (*ready)(struct device *, struct loop_source *, uint32_t epoll_events));

// Runs until loop_stop() or a fatal error: 0 or -errno. `awake` is called whenever something is
// ready, before it is handled.
int loop_run(struct loop *, struct device *, void (*awake)(struct device *));

// Any thread.
void loop_wake(struct loop *);
void loop_stop(struct loop *);
// The interface is gone: loop_run() returns -EBADFD.
void loop_fail(struct loop *);

#endif
