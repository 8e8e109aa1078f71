// A packet's way through the tunnel: every function that it crosses, in travel order, under the
// name of the file where it lives. Read this file first.
//
// What travels is a batch (batch.h), in the queue (queue.h) that it came in by, whose thread calls
// tun_read() and udp_receive(), and lanes_flush() after each. All of these run inside the path
// bracket: the device's path lock held shared. `work` functions run without it, on any thread;
// `finish` functions and what follows, on any thread but in the order of their lane, one at a time
// (variants/workers).
#ifndef WGBENCH_PIPELINE_H
#define WGBENCH_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct egress;
struct frame;
struct queue;
struct receive_hooks;
struct receive_packet;
struct workers_job;

// ---- TX: an inner packet on its way out

// tun_read.c: reads frames until there are no more or there is enough to be sent, and has each
// queued. How many were read, or -errno (-EBADFD: the device is gone).
int tun_read(struct queue *, uint64_t now_ns);

// egress.c: parses the inner header, once, and has the frame wait to be encrypted: variants/aqm
// decides what is dropped or marked and what is next.
void egress_take(struct egress *, struct frame *, uint64_t now_ns);

// gather.c: takes of it what makes a burst, unless the lower queue is full, and gathers the frames
// into batches by peer and outer TOS, order kept; of each, allowedips_lookup()
// (variants/allowedips) finds the peer by the inner destination. Where there is none, or no
// endpoint, icmp_reject() (icmp.c) tells the sender.
uint32_t gather_send(struct queue *, uint64_t now_ns);

// staging.c: gives the batch a key pair and a range of counters (output.c); without a usable one it
// waits in the peer's queue.
void staging_add(struct batch *, uint64_t now_ns);

// output.c, the work of a send lane: cuts super-packets, pads, encrypts into one contiguous buffer.
void output_encrypt(struct workers_job *);

// output.c, the finish of a send lane: counts, timers, and then
void output_finish(struct workers_job *);

// udp.c: one UDP_SEGMENT message for each run of equal sizes, all in one sendmmsg. How many of the
// batch's packets were sent: the first so many.
uint32_t udp_send(struct batch *);

// ---- RX: an outer datagram on its way in

// udp.c: one recvmmsg of one of the queue's sockets; handshake messages go to the control thread
// (which itself reads the sockets that are for them), data on to input.c. How many buffers came,
// or -errno. Raises *backlog when there may be more.
int udp_receive(struct queue *, int fd, uint64_t now_ns, bool *backlog);

// index.c: index_lookup() finds the key pair by the receiver index.

// input.c: makes batches of datagrams with one receiver index.
void input_batch(struct batch *, uint64_t now_ns);

// input.c, the work of a receive lane: decrypts in place.
void input_decrypt(struct workers_job *);

// input.c, the finish of a receive lane: replay_accept() (replay.c), endpoint, counts, timers,
// the inner source against the peer's allowed IPs, and then
void input_finish(struct workers_job *);

// variants/receive: receive_add() takes the packets and holds them, as it likes, until
// receive_flush(), which is the flush of a receive lane, in input.c:
void input_flush(void *up);

// It hands them over by its hooks, from input.c:
extern const struct receive_hooks input_hooks;

// tun_write.c: a write for each packet; or, merged by merge_packets() (merge.c), one for each flow.
void tun_write(void *queue, struct receive_packet *, size_t n);
void tun_write_merged(void *queue, struct receive_packet *, size_t n);

#endif
