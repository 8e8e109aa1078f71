// The configuration protocol of user-space WireGuard (wireguard.com/xplatform): lines of key=value,
// closed by an empty one. A request is read and checked as a whole (uapi.c) before any of it is
// carried out (uapi_device.c), so that one which is unfinished or wrong changes nothing;
// uapi_socket.c holds the clients, uapi_file.c makes the socket's file.
#ifndef WGBENCH_UAPI_H
#define WGBENCH_UAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tunnel/endpoint.h"
#include "tunnel/messages.h"

struct uapi_allowed_ip {
	uint8_t address[16]; // network order; the first 4 for AF_INET
	uint8_t family;
	uint8_t length;
	bool remove;
};

// A section of a set request that starts with public_key.
struct uapi_peer {
	uint8_t public_key[NOISE_KEY_BYTES];
	bool remove, update_only, replace_allowed_ips;
	bool has_preshared_key, has_endpoint, has_keepalive;
	uint8_t preshared_key[NOISE_KEY_BYTES];
	union endpoint_address endpoint;
	uint16_t keepalive_s;
	size_t allowed_ips_first, allowed_ips_count; // in the request's
};

struct uapi_request {
	bool get; // else set
	bool has_private_key, has_listen_port, has_fwmark, replace_peers;
	uint8_t private_key[NOISE_KEY_BYTES];
	uint16_t listen_port;
	uint32_t fwmark;
	struct uapi_peer *peers; // in the order of the text
	size_t peer_count, peer_capacity;
	struct uapi_allowed_ip *allowed_ips; // likewise
	size_t allowed_ip_count, allowed_ip_capacity;
};

// Text on its way out. Holds private keys: uapi_buffer_free() wipes it.
struct uapi_buffer {
	char *text;
	size_t length, capacity;
	bool failed; // out of memory: what was printed since is lost
};

// One whole request, with the empty line that ends it. Looks at nothing but the text, and the names
// of interfaces in scope ids. 0, -EINVAL (a key or value), -EPROTO (not lines of key=value, an
// unknown operation, no end) or -ENOMEM; the request is to be freed in any case.
int uapi_parse(struct uapi_request *, const char *text, size_t bytes);
// Wipes and frees.
void uapi_request_free(struct uapi_request *);

void uapi_print(struct uapi_buffer *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void uapi_buffer_free(struct uapi_buffer *);

// As realloc(), and wipes what it leaves behind. NULL: out of memory, and nothing has changed.
void *uapi_grow(void *old, size_t old_bytes, size_t new_bytes);

#endif
