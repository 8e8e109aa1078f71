// What other threads hand to the control thread: bits of peers, and a bounded queue of handshake
// messages.
#ifndef WGBENCH_MAILBOX_H
#define WGBENCH_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tunnel/endpoint.h"
#include "tunnel/messages.h"

struct counters;
struct loop;
struct peer;

enum { MAILBOX_MESSAGES_MAX = 4096 };

struct mailbox_message {
	uint16_t length;
	uint8_t bytes[MESSAGE_HANDSHAKE_MAX];
	struct endpoint from;
};

struct mailbox {
	struct loop *loop; // that is woken
	struct counters *counters;
	pthread_mutex_t lock;
	struct peer *first, **last;       // with events
	struct mailbox_message *messages; // a ring of MAILBOX_MESSAGES_MAX
	unsigned messages_first, messages_count;
};

// 0 or -ENOMEM: then there is nothing to destroy.
int mailbox_init(struct mailbox *, struct loop *, struct counters *);
void mailbox_destroy(struct mailbox *);

// Any thread: posts `events` (enum peer_event) of the peer; holds a reference until handled.
// Cheap when they are posted already.
void mailbox_post(struct peer *, unsigned events);
// Any thread: hands over a copy of a handshake or cookie message, or drops and counts it: false.
bool mailbox_put(struct mailbox *, const void *message, size_t bytes, const struct endpoint *from);
// Any thread: how many messages wait.
unsigned mailbox_waiting(struct mailbox *);

// Takes all peers, linked by next_event, with their references.
struct peer *mailbox_take_peers(struct mailbox *);
// false: there is no message.
bool mailbox_take(struct mailbox *, struct mailbox_message *);

#endif
