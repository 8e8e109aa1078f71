// The packet mixes: what a local sender's kernel hands to the TUN, checksums left to be completed.
#include "workloads/replay/replay.h"

#include "base/random.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"
#include "tunnel/offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOWS = 4, PORT = 1024 };

struct mix {
	const char *name;
	uint8_t protocol;
	uint16_t segment; // payload bytes of a packet that a super-packet is cut into; 0: none is
	uint16_t frames;  // of a burst
	uint16_t sizes;   // how many sizes take turns before they are shuffled
	uint16_t size[12];
};

static const struct mix mixes[] = {
    {"64", IPPROTO_UDP, 0, 32, 1, {64}},
    // The simple IMIX, 7:4:1, its largest as the tunnel's MTU has it.
    {"imix", IPPROTO_UDP, 0, 36, 12, {64, 64, 64, 64, 64, 64, 64, 576, 576, 576, 576, 1420}},
    {"1420", IPPROTO_TCP, 0, 32, 1, {1420}},
    {"gso", IPPROTO_TCP, 1380, 2, 1, {40 + 45 * 1380}},
};
enum { MIXES = sizeof(mixes) / sizeof(mixes[0]) };

static const struct mix *find(const char *name)
{
	for (size_t i = 0; i < MIXES; i++)
		if (!strcmp(mixes[i].name, name))
			return &mixes[i];
	fprintf(stderr, "wgbench-replay: unknown mix '%s': one of", name);
	for (size_t i = 0; i < MIXES; i++)
		fprintf(stderr, " %s", mixes[i].name);
	fprintf(stderr, "\n");
	return NULL;
}

uint32_t replay_random(void)
{
	static uint64_t state;

	return random_next(&state) >> 32;
}

static void make_ip(struct iphdr *ip, const struct mix *m, unsigned peer, unsigned flow,
                    uint16_t length)
{
	uint32_t network = 10u << 24 | peer << 16, prefix = flow * 2 << 12;

	*ip = (struct iphdr){.version = 4,
	                     .ihl = 5,
	                     .tot_len = htons(length),
	                     .frag_off = htons(IP_DF),
	                     .ttl = 64,
	                     .protocol = m->protocol,
	                     .saddr = htonl(network | prefix | 1),
	                     .daddr = htonl(network | prefix | 1 << 12 | 2)};
	ip->check = ~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
}

// sequence: of the flow so far, bytes.
static uint16_t make_transport(uint8_t *to, const struct mix *m, unsigned flow, uint16_t bytes,
                               uint32_t sequence, uint16_t pseudo)
{
	uint16_t source = htons(PORT + flow), destination = htons(PORT + FLOWS + flow);

	if (m->protocol == IPPROTO_UDP) {
		*(struct udphdr *)to = (struct udphdr){
		    .source = source, .dest = destination, .len = htons(bytes), .check = pseudo};
		return sizeof(struct udphdr);
	}
	*(struct tcphdr *)to = (struct tcphdr){.source = source,
	                                       .dest = destination,
	                                       .seq = htonl(sequence),
	                                       .ack_seq = htonl(1),
	                                       .doff = 5,
	                                       .ack = 1,
	                                       .window = htons(1000),
	                                       .check = pseudo};
	return sizeof(struct tcphdr);
}

static int make_frame(struct replay_burst *b, const struct mix *m, unsigned peer, unsigned flow,
                      uint16_t length, uint32_t *sequence)
{
	struct replay_frame *f = &b->frame[b->frames++];
	struct inner parsed;

	f->packet = malloc(length);
	if (!f->packet)
		return -ENOMEM;
	f->length = length;
	make_ip((struct iphdr *)f->packet, m, peer, flow, length);
	int ret = inner_parse(&parsed, f->packet, length);
	if (ret)
		return ret;
	uint16_t bytes = length - sizeof(struct iphdr),
	         pseudo = checksum_fold(inner_pseudo_sum(&parsed, f->packet, m->protocol, bytes)),
	         headers = make_transport(f->packet + sizeof(struct iphdr), m, flow, bytes,
	                                  *sequence, pseudo) +
	                   sizeof(struct iphdr);
	*sequence += length - headers;
	for (uint16_t i = headers; i < length; i++)
		f->packet[i] = replay_random();
	f->header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	                                    .csum_start = sizeof(struct iphdr),
	                                    .csum_offset = m->protocol == IPPROTO_UDP
	                                                       ? offsetof(struct udphdr, check)
	                                                       : offsetof(struct tcphdr, check)};
	if (m->segment) {
		f->header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		f->header.gso_size = m->segment;
		f->header.hdr_len = headers;
	}
	uint32_t segments = offload_segments(&f->header, f->packet, length);
	b->packets += segments;
	b->bytes += length + (segments - 1) * headers;
	return 0;
}

static void shuffle(uint16_t *size, size_t n)
{
	for (size_t i = n - 1; i > 0; i--) {
		size_t j = replay_random() % (i + 1);
		uint16_t kept = size[i];

		size[i] = size[j];
		size[j] = kept;
	}
}

int replay_bursts(struct replay_burst bursts[REPLAY_PEERS], const char *mix)
{
	const struct mix *m = find(mix);
	int ret = m ? 0 : -EINVAL;

	for (unsigned peer = 0; peer < REPLAY_PEERS && !ret; peer++) {
		uint32_t sequence[FLOWS] = {0};
		uint16_t size[REPLAY_FRAMES_MAX];

		for (size_t i = 0; i < m->frames; i++)
			size[i] = m->size[i % m->sizes];
		shuffle(size, m->frames);
		bursts[peer] = (struct replay_burst){0};
		for (size_t i = 0; i < m->frames && !ret; i++)
			ret = make_frame(&bursts[peer], m, peer, i % FLOWS, size[i],
			                 &sequence[i % FLOWS]);
	}
	return ret;
}
