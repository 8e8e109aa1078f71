// The timers of the WireGuard paper, section 6. The data path only writes timestamps; the control
// thread looks at a peer when the earliest of its deadlines has come. A deadline that moved later
// costs nothing until then; one that is new and earlier posts PEER_EVENT_TIMER.
#ifndef WGBENCH_TIMERS_H
#define WGBENCH_TIMERS_H

#include <stddef.h>
#include <stdint.h>
#include "tunnel/keypair.h"
#include "tunnel/loop.h"

struct peer;

#define TIMERS_ZERO_KEYS_NS (3 * REJECT_AFTER_TIME_NS)

struct timers {
	struct loop_source source; // timerfd
	// Min-heap of peers by armed_at.
	struct peer **heap;
	size_t heap_count, heap_capacity;
	// Beside it; 0: never. Whoever changes them calls timers_set().
	uint64_t listen_again_at;  // while the link is up and its port isn't to be had
	uint64_t sockets_again_at; // what was refused the sockets in doubt
};

// Data path, any thread. `now_ns` is clock_now_ns() of about now.
void timers_data_sent(struct peer *, uint64_t now_ns);     // data with a payload
void timers_data_received(struct peer *, uint64_t now_ns); // likewise
void timers_any_sent(struct peer *, uint64_t now_ns);      // any authenticated packet
void timers_any_received(struct peer *, uint64_t now_ns);  // likewise

// Control thread.
void timers_initiation_sent(struct peer *, uint64_t now_ns);
void timers_handshake_complete(struct peer *);
void timers_session_derived(struct peer *, uint64_t now_ns);
// A keepalive found no memory: tries again, unless something else is sent before.
void timers_keepalive_again(struct peer *, uint64_t now_ns);
// The interval was switched on (then a keepalive is sent at once), off or changed.
void timers_persistent_changed(struct peer *, uint64_t now_ns);
void timers_stop(struct peer *);
// Clears what the data path has set.
void timers_clear_path(struct peer *);

// Makes the heap's room for so many peers, so that to enter one never fails. 0 or -ENOMEM.
int timers_reserve(struct timers *, size_t peers);
// The heap: (re)enters the peer by its deadline (UINT64_MAX: takes it out).
void timers_arm(struct peer *, uint64_t deadline_ns);
void timers_disarm(struct peer *);
// The one whose deadline came first, or NULL: none has come.
struct peer *timers_due(const struct timers *, uint64_t now_ns);
// Of a deadline and one that may not be set.
static inline uint64_t timers_earlier(uint64_t a_ns, uint64_t b_ns)
{
	return b_ns && b_ns < a_ns ? b_ns : a_ns;
}
// Sets the timerfd for the earliest deadline.
void timers_set(struct timers *);

// ready: of the timerfd. 0 or -errno.
int timers_open(struct timers *, struct loop *,
                void (*ready)(struct device *, struct loop_source *, uint32_t epoll_events));
void timers_close(struct timers *);

#endif
