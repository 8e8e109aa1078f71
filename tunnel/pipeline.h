// A packet's way through the tunnel: every function that it crosses, in travel order, under the
// name of the file where it lives. Read this file first.
//
// What travels is a batch (batch.h). All of these run inside the path bracket: the device's path
// lock held shared. `work` functions run without it, on any thread (variants/workers).
#ifndef WGBENCH_PIPELINE_H
#define WGBENCH_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct device;
struct keypair;
struct peer;
struct workers_job;

// ---- TX: an inner packet on its way out

// tun.c: reads frames until there are no more or the budget is spent, and passes each on. How many
// frames were read, or -errno (-EBADFD: the device is gone). Raises *backlog when there may be
// more.
int tun_read(struct device *, uint64_t now_ns, bool *backlog);

// variants/allowedips: allowedips_lookup() finds the peer by the inner destination.

// send.c: gathers frames into batches by peer and outer TOS, order kept, and closes them with the
// burst; a batch without a usable key pair waits in the peer's staged queue.
void peer_stage(struct device *, struct batch *, uint64_t now_ns);

// send.c, the work of a send lane: cuts super-packets, pads, encrypts into one contiguous buffer.
void encrypt(struct workers_job *);

// send.c, the finish of a send lane: counts, timers, and then
void send_finish(struct workers_job *);

// udp.c: one UDP_SEGMENT message for each run of equal sizes, all in one sendmmsg. 0 or -errno.
int udp_send(struct device *, struct batch *);

// ---- RX: an outer datagram on its way in

// udp.c: one recvmmsg; handshake messages go to the control thread, data on to receive.c. How many
// buffers came, or -errno. Raises *backlog when there may be more.
int udp_receive(struct device *, int family, uint64_t now_ns, bool *backlog);

// index.c: index_lookup() finds the key pair by the receiver index.

// receive.c: makes batches of datagrams with one receiver index.
void receive_batch(struct device *, struct batch *, uint64_t now_ns);

// receive.c, the work of a receive lane: decrypts in place.
void decrypt(struct workers_job *);

// receive.c, the finish of a receive lane: replay_accept() (replay.c), endpoint, counts, timers,
// the inner source against the peer's allowed IPs, and then
void receive_finish(struct workers_job *);

// merge.c and tun.c: offload_merge() and tun_write_frame(), one write for each merged flow.
void tun_write(struct device *, struct batch *);

#endif
