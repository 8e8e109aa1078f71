// The timers of the WireGuard paper, section 6. The data path only writes timestamps; the control
// thread looks at a peer when the earliest of its deadlines has come. A deadline that moved later
// costs nothing until then; one that is new and earlier posts PEER_EVENT_TIMER.
#ifndef WGBENCH_TIMERS_H
#define WGBENCH_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct device;
struct peer;

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

// Does what is due of this peer, and returns its next deadline (UINT64_MAX: none), with which the
// caller calls timers_arm() at once: in between, armed_at is UINT64_MAX.
uint64_t timers_run(struct peer *, uint64_t now_ns);

// Makes the heap's room for so many peers, so that to enter one never fails. 0 or -ENOMEM.
int timers_reserve(struct device *, size_t peers);
// The heap: (re)enters the peer by its deadline, takes it out, runs all that is due and sets the
// timerfd for the next.
void timers_arm(struct peer *, uint64_t deadline_ns);
void timers_disarm(struct peer *);
void timers_expire(struct device *, uint64_t now_ns);
// Beside the heap: calls device_up() then.
void timers_listen_again(struct device *, uint64_t deadline_ns);
// Likewise: minds d->udp.again_at_ns, for udp_try_again().
void timers_sockets_changed(struct device *);

#endif
