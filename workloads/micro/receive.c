// Decrypted packets on their way to the TUN, run by run: ns a packet, and writes. The hooks are the
// tunnel's own tun_write() and tun_write_merged(), with a device that has no TUN: what they write
// goes to /dev/null. So every write is a real system call and every merge is done, but what the
// kernel's TUN driver and stack do with a write isn't in the time, nor is a merge of theirs, which
// is the point of `tun-napi`: here it does what `direct` does.
//
// A run is one batch with its flush, as when one UDP buffer has come. Before each run the packets'
// headers are put back, since a merge rewrites them; that is in the time of every variant (some ns
// a packet).
//
// needs: tunnel
#include "workloads/micro/micro.h"
#include "tunnel/device.h"
#include "tunnel/queue.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"
#include "tunnel/pipeline.h"
#include "variants/receive/receive.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

const char *const micro_slot = "receive", *const micro_variant = receive_variant;

enum {
	BATCH_MAX = 45, // full segments in the largest UDP buffer
	PACKET_BYTES = 1420,
	SMALL_BYTES = 64,
	HEADER_BYTES = sizeof(struct iphdr) + sizeof(struct tcphdr),
};

// What a sweep is about; the context of its entries.
struct mix {
	const char *name;
	uint8_t protocol;
	uint32_t bytes; // of a packet
	size_t flows;   // whose packets alternate
};
static const struct mix mixes[] = {
    {"tcp_1420", IPPROTO_TCP, PACKET_BYTES, 1},
    {"tcp_1420_2_flows", IPPROTO_TCP, PACKET_BYTES, 2},
    {"udp_64", IPPROTO_UDP, SMALL_BYTES, 1},
};

static struct {
	struct device *device;
	struct queue queue;
	struct receive *receive;
	struct receive_held batch;
	size_t n, releases;
	struct receive_packet packet[BATCH_MAX];
	uint8_t data[BATCH_MAX][PACKET_BYTES];
	uint8_t header[BATCH_MAX][HEADER_BYTES]; // as it came
} work;

// ---- packets

static void put_checksum(uint8_t *packet, uint32_t length, uint8_t protocol, uint16_t *checksum)
{
	struct inner ip;
	uint32_t transport = length - sizeof(struct iphdr);

	inner_parse(&ip, packet, length);
	*checksum = ~checksum_fold(checksum_add(inner_pseudo_sum(&ip, packet, protocol, transport),
	                                        packet + sizeof(struct iphdr), transport));
}

// The packet numbered `i` in its flow.
static void build(uint8_t *packet, const struct mix *mix, size_t flow, size_t i)
{
	struct iphdr *ip = (struct iphdr *)packet;
	struct tcphdr *tcp = (struct tcphdr *)(ip + 1);
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	memset(packet, 0, HEADER_BYTES);
	*ip = (struct iphdr){.version = 4,
	                     .ihl = sizeof(*ip) / 4,
	                     .tot_len = htons(mix->bytes),
	                     .frag_off = htons(IP_DF),
	                     .ttl = 64,
	                     .protocol = mix->protocol,
	                     .saddr = htonl(0x0a000001),
	                     .daddr = htonl(0x0a000002)};
	ip->check = ~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	if (mix->protocol == IPPROTO_UDP) {
		*udp = (struct udphdr){.source = htons(5000 + flow),
		                       .dest = htons(5201),
		                       .len = htons(mix->bytes - sizeof(*ip))};
		put_checksum(packet, mix->bytes, IPPROTO_UDP, &udp->check);
		return;
	}
	*tcp = (struct tcphdr){.source = htons(5000 + flow),
	                       .dest = htons(5201),
	                       .seq = htonl(i * (mix->bytes - HEADER_BYTES)),
	                       .doff = sizeof(*tcp) / 4,
	                       .ack = 1,
	                       .window = htons(500)};
	put_checksum(packet, mix->bytes, IPPROTO_TCP, &tcp->check);
}

static void build_all(const struct mix *mix)
{
	uint64_t random = 1;

	for (size_t i = 0; i < work.n; i++) {
		for (size_t at = 0; at < mix->bytes; at++)
			work.data[i][at] = random_next(&random);
		build(work.data[i], mix, i % mix->flows, i / mix->flows);
		memcpy(work.header[i], work.data[i], HEADER_BYTES);
		work.packet[i] = (struct receive_packet){work.data[i], mix->bytes};
	}
}

// ---- the tunnel's side

static void release(void *queue, struct receive_held *batch)
{
	(void)queue;
	(void)batch;
	work.releases++;
}

static const struct receive_hooks hooks = {tun_write, tun_write_merged, release};

static void set_up(struct cbenchmark_state *state, void *context)
{
	struct switches switches;

	work.n = cbenchmark_argument(state, 0);
	work.releases = 0;
	build_all(context);
	switches_parse(&switches, NULL);
	work.queue.tun = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (work.queue.tun < 0 || device_create(&work.device, "micro", &switches)) {
		cbenchmark_skip(state, "/dev/null can't be opened or the device not be made");
		return;
	}
	work.device->tun.merge_tcp = work.device->tun.merge_udp = FEATURE(receive_tun.merges);
	work.queue.device = work.device;
	work.queue.counters = &work.device->counters;
	work.receive = receive_new(&hooks, &work.queue);
	if (!work.receive)
		cbenchmark_skip(state, "receive_new: out of memory");
}

static void tear_down(struct cbenchmark_state *state, void *context)
{
	(void)state;
	(void)context;
	if (work.receive)
		receive_free(work.receive);
	if (work.device)
		device_free(work.device);
	if (work.queue.tun >= 0)
		close(work.queue.tun);
	work.receive = NULL;
	work.device = NULL;
}

static void run(struct cbenchmark_state *state, void *context)
{
	size_t runs = 0;

	(void)context;
	while (cbenchmark_keep_running_batch(state, work.n)) {
		for (size_t i = 0; i < work.n; i++)
			memcpy(work.data[i], work.header[i], HEADER_BYTES);
		receive_add(work.receive, &work.batch, work.packet, work.n);
		receive_flush(work.receive);
		runs++;
	}
	if (work.releases != runs)
		cbenchmark_skip(state, "a batch wasn't released once");
	if (counters_sum(&work.device->counters, drop_rx_tun))
		cbenchmark_skip(state, "a write failed");
	cbenchmark_set_counter(state, "writes", counters_sum(&work.device->counters, tun_writes),
	                       CBENCHMARK_AVERAGE_ITERATIONS);
}

void micro_register(void)
{
	static const int64_t batches[] = {1, 8, BATCH_MAX};

	for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
		micro_add(&(struct cbenchmark){.name = mixes[i].name,
		                               .run = run,
		                               .context = (void *)&mixes[i],
		                               .setup = set_up,
		                               .teardown = tear_down,
		                               .dimension = {CBENCHMARK_VALUES("batch", batches)}});
}
