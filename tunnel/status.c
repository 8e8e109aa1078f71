#include "tunnel/status.h"

#include <inttypes.h>
#include <malloc.h>
#include <sys/socket.h>
#include "tunnel/batch.h"
#include "tunnel/counters.h"
#include "tunnel/feature.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"

static bool all_segment(struct device *d)
{
	bool all = d->udp.segment;

	for (struct peer *p = d->peers; p; p = p->next)
		all = all && feature_on(&p->segment);
	return all;
}

// The smallest of all sockets', as the kernel counts it: twice what was granted. 0: closed.
static int find_least_buffer(const struct device *d, int option)
{
	int bytes = 0;

	for (unsigned i = 0; i < 2 * d->queues; i++) {
		int fd = d->queue[i / 2].udp[i % 2], value;
		socklen_t length = sizeof(value);

		if (fd >= 0 && !getsockopt(fd, SOL_SOCKET, option, &value, &length) &&
		    (!bytes || value < bytes))
			bytes = value;
	}
	return bytes;
}

static void print_offloads(struct device *d, FILE *to)
{
	const struct {
		const char *name;
		bool on;
	} rows[] = {
	    {"tun-gso", d->tun.tso},
	    {"tun-uso", d->tun.uso},
	    {"udp-gso", all_segment(d)},
	    {"udp-gro", d->udp.gro},
	    {"handshake-socket", d->udp.handshake[0] >= 0 || d->udp.handshake[1] >= 0},
	    {"merge-tcp", feature_on(&d->tun.merge_tcp)},
	    {"merge-udp", feature_on(&d->tun.merge_udp)},
	    {"strict-checksum", d->switches.strict_checksum},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, "\"%s\": %s, ", rows[i].name, rows[i].on ? "true" : "false");
	fprintf(to, "\"queues\": %u, \"receive-buffer\": %d, \"send-buffer\": %d", d->queues,
	        find_least_buffer(d, SO_RCVBUF), find_least_buffer(d, SO_SNDBUF));
}

// What glibc's malloc takes for a block.
static size_t round_to_block(size_t bytes)
{
	return (bytes + sizeof(size_t) + 15) & ~(size_t)15;
}

// The heap's blocks that are in use, without those of the pools, and what the pools have grown to.
// A sanitizer's heap isn't told: 0.
static void print_memory(struct device *d, FILE *to)
{
	struct mallinfo2 heap = mallinfo2();
	unsigned buffers = atomic_load(&d->made.count[POOL_BUFFERS]);
	unsigned batches = atomic_load(&d->made.count[POOL_BATCHES]);
	size_t used = heap.uordblks + heap.hblkhd;
	size_t pools = buffers * round_to_block(sizeof(struct buffer)) +
	               batches * round_to_block(sizeof(struct batch));

	fprintf(to, "\"heap-bytes\": %zu, \"buffers\": %u, \"batches\": %u",
	        used > pools ? used - pools : 0, buffers, batches);
}

void status_print(struct device *d, FILE *to)
{
	const char *comma = "";

	fputs("{\"offloads\": {", to);
	print_offloads(d, to);
	fputs("}, \"memory\": {", to);
	print_memory(d, to);
	fputs("}, \"counters\": {", to);
#define X(name)                                                                                    \
	fprintf(to, "%s\"%s\": %" PRIu64, comma, #name, counters_sum(&d->counters, name));         \
	comma = ", ";
	COUNTERS(X)
#undef X
	fputs("}}\n", to);
	fflush(to);
}
