#include "tests/fuzz/messages/bed.h"

#include <arpa/inet.h>

#include "tunnel/batch.h"
#include "tunnel/lanes.h"
#include "tunnel/pool.h"
#include "tunnel/pipeline.h"
#include "tunnel/queue.h"

struct endpoint datagrams_source(const struct bed *bed, const struct remote *r, unsigned which)
{
	struct endpoint e = {.remote = r->address};

	if (which == 1)
		e.remote = bed->remotes[r == bed->remotes].address;
	else if (which >= 2)
		e.remote.v4.sin_port = htons(9);
	return e;
}

static uint64_t accounted(const struct bed *bed)
{
	return counters_sum(&bed->device->counters, rx_packets) +
	       counters_sum(&bed->device->counters, drop_rx_malformed) +
	       counters_sum(&bed->device->counters, drop_rx_index) +
	       counters_sum(&bed->device->counters, drop_rx_expired) +
	       counters_sum(&bed->device->counters, drop_rx_lane) +
	       counters_sum(&bed->device->counters, drop_rx_authentication) +
	       counters_sum(&bed->device->counters, drop_rx_replay) +
	       counters_sum(&bed->device->counters, drop_memory) +
	       counters_sum(&bed->device->counters, drop_handshake_queue) +
	       bed->device->mailbox.messages_count;
}

void datagrams_receive(struct bed *bed, const uint8_t *bytes, size_t n, size_t datagram_bytes,
                       const struct endpoint *from, uint8_t tos)
{
	struct batch *b = pool_get_batch(&bed->device->queue[0].pool);
	uint64_t before = accounted(bed);

	FUZZ_CHECK(b && n <= BATCH_FRAME_BYTES);
	b->in = pool_get_buffer(&b->queue->pool);
	FUZZ_CHECK(b->in);
	memcpy(b->in->item.bytes, bytes, n);
	b->in_bytes = n;
	b->datagram_bytes = datagram_bytes;
	b->source = *from;
	b->tos = tos;
	lock_share(&bed->device->lock);
	input_batch(b, bed->now_ns);
	lanes_flush(&bed->device->queue[0]);
	lock_release(&bed->device->lock);
	FUZZ_CHECK(accounted(bed) - before == (n + datagram_bytes - 1) / datagram_bytes);
}

struct damage damage_read(struct fuzz_input *in, bool any)
{
	struct damage d = {0};

	if (any) {
		d.at = fuzz_u16(in);
		d.bits = fuzz_byte(in);
	}
	return d;
}

void damage_inflict(const struct damage *d, uint8_t *bytes, size_t n)
{
	bytes[d->at % n] ^= d->bits;
}
