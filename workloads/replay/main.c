#include "workloads/replay/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/standard.h"
#include "tunnel/device.h"
#include "tunnel/index.h"
#include "tunnel/peers.h"
#include "tunnel/session.h"
#include "variants/receive/receive.h"

static const char *random_name(void)
{
	return "fixed";
}

static void random_fill(void *to, const size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = replay_random();
}

// One queue, and at most one thread of the workers, on any machine.
static int create_device(struct device **d, const char *text)
{
	static randombytes_implementation fixed = {
	    .implementation_name = random_name, .random = replay_random, .buf = random_fill};
	struct switches s;
	char all[256];

	snprintf(all, sizeof(all), "%s%squeues=1,threads=1", text, *text ? "," : "");
	if (switches_parse(&s, all))
		return -EINVAL;
	randombytes_set_implementation(&fixed);
	clock_now_ns = clock_wall_ns = replay_clock;
	int ret = device_create(d, "replay", &s);
	if (ret)
		return ret;
	// What the kernels that this was made for take.
	(*d)->tun = (struct tun){
	    .tso = s.tun_gso,
	    .uso = s.tun_gso && s.tun_uso,
	    .merge_tcp = FEATURE(receive_tun.merges && s.tun_gso && s.merge_tcp),
	    .merge_udp = FEATURE(receive_tun.merges && s.tun_gso && s.tun_uso && s.merge_udp),
	    .mtu = TUN_MTU_DEFAULT};
	(*d)->udp.segment = s.udp_gso;
	(*d)->udp.gro = s.udp_gro;
	(*d)->up = true;
	return 0;
}

// A peer with prefixes and a session, to which what it sends comes back.
static int add_peer(struct device *d, uint8_t n)
{
	uint8_t key[NOISE_KEY_BYTES] = {n + 1};
	struct noise_session session = {.initiator = true};
	struct peer *p = peers_new(d, key);
	int ret = p ? 0 : -ENOMEM;

	for (unsigned i = 0; i < REPLAY_PREFIXES && !ret; i++)
		ret = allowedips_insert(d->tables.allowed_ips, AF_INET,
		                        (const uint8_t[]){10, n, i * 16, 0}, 20, &p->allowed_ips);
	struct index_entry *entry = ret ? NULL : index_new(d->tables.by_index, p);
	if (!entry)
		return -ENOMEM;
	p->endpoint = (struct endpoint){.remote.v4 = {.sin_family = AF_INET,
	                                              .sin_port = htons(51820),
	                                              .sin_addr.s_addr = htonl(0xc0000201)},
	                                .local.v4.s_addr = htonl(0xc0000202)};
	p->armed_at = 1; // the control thread needn't be told of any deadline
	session.local_index = session.remote_index = entry->index;
	memset(session.send_key, n + 1, sizeof(session.send_key));
	memcpy(session.receive_key, session.send_key, sizeof(session.receive_key));
	return session_install(p, &session, clock_now_ns());
}

static void print(const struct replay_count counts[REPLAY_SIDES])
{
	for (int side = 0; side < REPLAY_SIDES; side++)
		printf("%s packets=%" PRIu64 " bytes=%" PRIu64 " calls=%" PRIu64 "\n",
		       replay_sides[side], counts[side].packets, counts[side].bytes,
		       counts[side].calls);
}

static int replay_mix(int argc, char **argv)
{
	static struct replay_burst bursts[REPLAY_PEERS];
	struct replay_count counts[REPLAY_SIDES];
	struct device *d;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: wgbench-replay MIX [SWITCH=VALUE,...]\n");
		return 2;
	}
	int ret = replay_bursts(bursts, argv[1]);
	if (ret)
		return 2;
	if (create_device(&d, argc > 2 ? argv[2] : ""))
		return 2;
	for (unsigned n = 0; n < REPLAY_PEERS && !ret; n++)
		ret = add_peer(d, n);
	if (!ret) {
		replay_attach(d, bursts);
		ret = replay_run(counts);
	} else {
		fprintf(stderr, "wgbench-replay: no session: %s\n", strerror(-ret));
	}
	replay_detach();
	device_free(d);
	for (unsigned n = 0; n < REPLAY_PEERS; n++)
		for (size_t i = 0; i < bursts[n].frames; i++)
			free(bursts[n].frame[i].packet);
	if (ret)
		return 1;
	print(counts);
	return 0;
}

int main(int argc, char **argv)
{
	standard_open();
	return standard_close("wgbench-replay", replay_mix(argc, argv));
}
