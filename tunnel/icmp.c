// ICMP errors for packets from the TUN that have no peer, or whose peer has no endpoint, so that
// programs fail at once instead of waiting for a timeout.
//
// An error comes from the address that can't be reached: our own addresses aren't known here, and
// the kernel drops what comes in from one of its own, while to this one there is a route through
// the TUN, so reverse path filters let it pass.
#include "tunnel/icmp.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include "tunnel/checksum.h"
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/inner.h"
#include "tunnel/queue.h"
#include "tunnel/ratelimit.h"
#include "tunnel/tun.h"

// As Linux limits its own (icmp_msgs_per_sec, icmp_msgs_burst), for each queue.
#define INTERVAL_NS (NS_PER_S / 1000)

enum {
	BURST = 50,
	V4_BYTES_MAX = 576, // RFC 1812, section 4.3.2.3
	HOPS = 64,
};

static bool may_answer_v4(const struct iphdr *h, uint32_t length)
{
	const uint8_t *transport = (const uint8_t *)h + 4 * h->ihl;
	uint32_t source = ntohl(h->saddr), destination = ntohl(h->daddr);

	if (IN_MULTICAST(destination) || IN_BADCLASS(destination) || IN_BADCLASS(source) ||
	    IN_MULTICAST(source) || source >> 24 == 0 || source >> 24 == IN_LOOPBACKNET)
		return false;
	if (ntohs(h->frag_off) & IP_OFFMASK)
		return false;
	if (h->protocol != IPPROTO_ICMP)
		return true;
	if (4u * h->ihl >= length)
		return false;
	switch (*transport) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return false;
	default:
		return true;
	}
}

static bool may_answer_v6(const struct ip6_hdr *h, uint32_t length)
{
	const struct icmp6_hdr *icmp = (const struct icmp6_hdr *)(h + 1);

	if (IN6_IS_ADDR_MULTICAST(&h->ip6_dst) || IN6_IS_ADDR_MULTICAST(&h->ip6_src) ||
	    IN6_IS_ADDR_UNSPECIFIED(&h->ip6_src))
		return false;
	switch (h->ip6_nxt) {
	case IPPROTO_ICMPV6:
		return length > sizeof(*h) && (icmp->icmp6_type & ICMP6_INFOMSG_MASK) &&
		       icmp->icmp6_type != ND_REDIRECT;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
		// There may be an error of ICMPv6 behind it.
		return false;
	default:
		return true;
	}
}

static uint32_t make_v4(uint8_t *to, const uint8_t *packet, uint32_t length)
{
	const struct iphdr *cause = (const struct iphdr *)packet;
	const uint32_t headers = sizeof(struct iphdr) + sizeof(struct icmphdr);
	uint32_t quoted = length < V4_BYTES_MAX - headers ? length : V4_BYTES_MAX - headers;
	struct icmphdr icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH};
	struct iphdr ip = {.version = 4,
	                   .ihl = sizeof(ip) / 4,
	                   .tos = IPTOS_PREC_INTERNETCONTROL,
	                   .tot_len = htons(headers + quoted),
	                   .ttl = HOPS,
	                   .protocol = IPPROTO_ICMP,
	                   .saddr = cause->daddr,
	                   .daddr = cause->saddr};

	ip.check = ~checksum_fold(checksum_add(0, &ip, sizeof(ip)));
	icmp.checksum =
	    ~checksum_fold(checksum_add(checksum_add(0, &icmp, sizeof(icmp)), packet, quoted));
	memcpy(to, &ip, sizeof(ip));
	memcpy(to + sizeof(ip), &icmp, sizeof(icmp));
	memcpy(to + headers, packet, quoted);
	return headers + quoted;
}

static uint32_t make_v6(uint8_t *to, const struct inner *cause, const uint8_t *packet)
{
	const struct ip6_hdr *inner = (const struct ip6_hdr *)packet;
	const uint32_t headers = sizeof(struct ip6_hdr) + sizeof(struct icmp6_hdr);
	uint32_t length = cause->length;
	uint32_t quoted = length < ICMP_BYTES_MAX - headers ? length : ICMP_BYTES_MAX - headers;
	struct icmp6_hdr icmp = {.icmp6_type = ICMP6_DST_UNREACH,
	                         .icmp6_code = ICMP6_DST_UNREACH_ADDR};
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28),
	                     .ip6_plen = htons(sizeof(icmp) + quoted),
	                     .ip6_nxt = IPPROTO_ICMPV6,
	                     .ip6_hlim = HOPS,
	                     .ip6_src = inner->ip6_dst,
	                     .ip6_dst = inner->ip6_src};
	// The addresses change places, which their sum doesn't show.
	uint64_t sum = inner_pseudo_sum(cause, packet, IPPROTO_ICMPV6, sizeof(icmp) + quoted);

	icmp.icmp6_cksum =
	    ~checksum_fold(checksum_add(checksum_add(sum, &icmp, sizeof(icmp)), packet, quoted));
	memcpy(to, &ip, sizeof(ip));
	memcpy(to + sizeof(ip), &icmp, sizeof(icmp));
	memcpy(to + headers, packet, quoted);
	return headers + quoted;
}

uint32_t icmp_unreachable(uint8_t to[ICMP_BYTES_MAX], const struct inner *ip, const uint8_t *packet)
{
	if (ip->family == AF_INET)
		return may_answer_v4((const struct iphdr *)packet, ip->length)
		           ? make_v4(to, packet, ip->length)
		           : 0;
	return may_answer_v6((const struct ip6_hdr *)packet, ip->length) ? make_v6(to, ip, packet)
	                                                                 : 0;
}

void icmp_reject(struct queue *q, const struct inner *ip, const uint8_t *packet, uint64_t now_ns)
{
	static const struct virtio_net_hdr plain;
	uint8_t answer[ICMP_BYTES_MAX];
	uint32_t bytes = icmp_unreachable(answer, ip, packet);

	if (!bytes || !ratelimit_take(&q->icmp_full_at_ns, now_ns, INTERVAL_NS, BURST))
		return;
	struct iovec iov[] = {{0}, {answer, bytes}};
	if (tun_put_frame(q->tun, &plain, iov, 2))
		counters_add(q->counters, drop_rx_tun, 1);
	else
		counters_add(q->counters, icmp_errors, 1);
}
