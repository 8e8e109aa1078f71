#include "tunnel/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/counters.h"
#include "tunnel/loop.h"
#include "tunnel/peer.h"

int mailbox_init(struct mailbox *m, struct loop *loop, struct counters *counters)
{
	*m = (struct mailbox){.loop = loop, .counters = counters, .last = &m->first};
	m->messages = calloc(MAILBOX_MESSAGES_MAX, sizeof(*m->messages));
	if (!m->messages)
		return -ENOMEM;
	pthread_mutex_init(&m->lock, NULL);
	return 0;
}

void mailbox_destroy(struct mailbox *m)
{
	for (struct peer *p = m->first, *next; p; p = next) {
		next = p->next_event;
		peer_release(p);
	}
	free(m->messages);
	pthread_mutex_destroy(&m->lock);
}

void mailbox_post(struct peer *p, unsigned events)
{
	struct mailbox *m = p->mailbox;

	// While events are posted the peer is in the list, or on its way there with the poster of
	// the first of them. The barrier orders what the caller wrote before with what the control
	// thread reads after it has taken the events.
	if (atomic_fetch_or(&p->events, events))
		return;
	peer_hold(p);
	p->next_event = NULL;
	pthread_mutex_lock(&m->lock);
	bool first = !m->first;
	*m->last = p;
	m->last = &p->next_event;
	pthread_mutex_unlock(&m->lock);
	if (first)
		loop_wake(m->loop);
}

bool mailbox_put(struct mailbox *m, const void *message, size_t bytes, const struct endpoint *from)
{
	bool first = false, room = false;

	if (bytes > sizeof(m->messages->bytes)) {
		counters_add(m->counters, drop_rx_malformed, 1);
		return false;
	}
	pthread_mutex_lock(&m->lock);
	if (m->messages_count < MAILBOX_MESSAGES_MAX) {
		struct mailbox_message *to =
		    &m->messages[(m->messages_first + m->messages_count) % MAILBOX_MESSAGES_MAX];
		to->length = bytes;
		memcpy(to->bytes, message, bytes);
		to->from = *from;
		first = !m->messages_count++;
		room = true;
	}
	pthread_mutex_unlock(&m->lock);
	if (first)
		loop_wake(m->loop);
	if (!room)
		counters_add(m->counters, drop_handshake_queue, 1);
	return room;
}

unsigned mailbox_waiting(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	unsigned count = m->messages_count;
	pthread_mutex_unlock(&m->lock);
	return count;
}

struct peer *mailbox_take_peers(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct peer *p = m->first;
	m->first = NULL;
	m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
	return p;
}

bool mailbox_take(struct mailbox *m, struct mailbox_message *to)
{
	pthread_mutex_lock(&m->lock);
	bool any = m->messages_count;
	if (any) {
		*to = m->messages[m->messages_first];
		m->messages_first = (m->messages_first + 1) % MAILBOX_MESSAGES_MAX;
		m->messages_count--;
	}
	pthread_mutex_unlock(&m->lock);
	return any;
}
