// Keeps a WireGuard interface under load, until it is ended itself: twice a second it sends a burst
// of initiations that pass the check of mac1 and no other. Their average is low, since whoever is
// under load doesn't send cookie replies without limit. Prints `loaded` when the first one comes.
//
//   flood ADDRESS PORT PUBLIC-KEY BURST
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/noise.h"

#define INTERVAL_NS (500 * NS_PER_MS)

static int connect_to(const char *address, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
	                               .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *to;
	int error = getaddrinfo(address, port, &hints, &to);

	if (error) {
		fprintf(stderr, "flood: %s %s: %s\n", address, port, gai_strerror(error));
		return -1;
	}
	int fd = socket(to->ai_family, SOCK_DGRAM, 0);
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		perror("flood");
	freeaddrinfo(to);
	return fd;
}

// An answer of "port unreachable" or a full queue on the way ends nothing.
static int send_burst(int fd, struct cookie_peer *peer, long count)
{
	struct message_initiation m = {.type = htole32(MESSAGE_INITIATION)};

	for (; count > 0; count--) {
		randombytes_buf(&m.sender_index,
		                offsetof(struct message_initiation, macs) -
		                    offsetof(struct message_initiation, sender_index));
		cookie_add_macs(peer, &m, sizeof(m), clock_now_ns());
		if (send(fd, &m, sizeof(m), 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS) {
			perror("flood: send");
			return -1;
		}
	}
	return 0;
}

static bool has_cookie(int fd)
{
	struct message_cookie reply;
	ssize_t bytes;
	bool has = false;

	while ((bytes = recv(fd, &reply, sizeof(reply), MSG_DONTWAIT)) >= 0 ||
	       errno == ECONNREFUSED)
		has |= bytes == sizeof(reply) && reply.type == htole32(MESSAGE_COOKIE);
	return has;
}

int main(int argc, char **argv)
{
	uint8_t key[NOISE_KEY_BYTES];
	struct cookie_peer peer;
	const struct timespec pause = {.tv_nsec = INTERVAL_NS};
	size_t key_bytes;
	char *end = NULL;
	bool loaded = false;
	long burst = argc == 5 ? strtol(argv[4], &end, 10) : 0;

	if (noise_init())
		return 1;
	if (argc != 5 || *end || burst < 1 || burst > 100000 ||
	    sodium_base642bin(key, sizeof(key), argv[3], strlen(argv[3]), NULL, &key_bytes, NULL,
	                      sodium_base64_VARIANT_ORIGINAL) ||
	    key_bytes != sizeof(key)) {
		fputs("Usage: flood ADDRESS PORT PUBLIC-KEY BURST\n", stderr);
		return 2;
	}
	int fd = connect_to(argv[1], argv[2]);
	if (fd < 0)
		return 1;
	cookie_peer_init(&peer, key);
	while (!send_burst(fd, &peer, burst)) {
		nanosleep(&pause, NULL);
		if (has_cookie(fd) && !loaded) {
			loaded = true;
			puts("loaded");
			fflush(stdout);
		}
	}
	close(fd);
	return 1;
}
