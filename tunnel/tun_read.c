// The first stage on the way out: frames of the TUN, one behind the other in buffers.
#include <errno.h>
#include "tunnel/batch.h"
#include "tunnel/counters.h"
#include "tunnel/egress.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/tun.h"

enum { READ_BYTES = 16 * 65536 }; // in a row, where all that waits is to be seen

// Room for one more frame, in a buffer that other frames may live in. NULL when out of memory.
static struct frame *find_room(struct queue *q)
{
	const uint32_t needed = sizeof(struct frame) + BATCH_FRAME_BYTES + BATCH_SLACK;

	if (q->reading && atomic_load_explicit(&q->reading->references, memory_order_acquire) == 1)
		q->read_at = 0; // they have gone: it is warm in the cache
	if (q->reading && q->read_at + needed > BUFFER_BYTES) {
		pool_put_buffer(q->reading);
		q->reading = NULL;
	}
	if (!q->reading) {
		q->reading = pool_get_buffer(&q->pool);
		q->read_at = 0;
	}
	if (!q->reading) {
		counters_add(q->counters, drop_memory, 1);
		q->starved = true;
		return NULL;
	}
	return (struct frame *)(q->reading->item.bytes + q->read_at);
}

int tun_read(struct queue *q, uint64_t now_ns)
{
	const uint32_t enough = q->egress.all ? READ_BYTES : GATHER_BYTES;
	uint32_t frames = 0, bytes = 0;
	int n = 0;

	while (frames < GATHER_FRAMES && bytes < enough) {
		struct frame *f = find_room(q);
		if (!f)
			break;
		n = tun_get_frame(q->tun, &f->header, f->packet, BATCH_FRAME_BYTES);
		counters_add(q->counters, tun_reads, 1);
		if (n < 0)
			break;
		frames++;
		if (!n)
			continue;
		bytes += n;
		f->queued.bytes = n;
		f->buffer = pool_hold_buffer(q->reading);
		// The next one begins in a cache line of its own.
		q->read_at += (sizeof(*f) + n + BATCH_SLACK + 63) & ~63u;
		egress_take(&q->egress, f, now_ns);
	}
	return n < 0 && n != -EAGAIN && n != -EIO ? n : (int)frames;
}
