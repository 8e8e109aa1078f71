// The parser: a table of keys for the interface and one for its peers, each with what reads the
// value; and the buffer that answers are printed to.
#include "tunnel/uapi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 128, FIRST_CAPACITY = 16, FIRST_BUFFER = 4096 };

void *uapi_grow(void *old, size_t old_bytes, size_t new_bytes)
{
	void *new = malloc(new_bytes);

	if (!new)
		return NULL;
	if (old) {
		memcpy(new, old, old_bytes);
		explicit_bzero(old, old_bytes);
		free(old);
	}
	return new;
}

// ---- values

struct word {
	const char *at;
	size_t length;
};

static bool is_word(struct word w, const char *text)
{
	return strlen(text) == w.length && memcmp(w.at, text, w.length) == 0;
}

static bool parse_number(struct word w, uint64_t max, uint64_t *n)
{
	*n = 0;
	for (size_t i = 0; i < w.length; i++) {
		if (w.at[i] < '0' || w.at[i] > '9')
			return false;
		*n = *n * 10 + (w.at[i] - '0');
		if (*n > max)
			return false;
	}
	return w.length;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct word w, uint8_t key[NOISE_KEY_BYTES])
{
	if (w.length != 2 * NOISE_KEY_BYTES)
		return false;
	for (size_t i = 0; i < NOISE_KEY_BYTES; i++) {
		int high = hex_digit(w.at[2 * i]), low = hex_digit(w.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = high << 4 | low;
	}
	return true;
}

static bool copy_host(char host[HOST_MAX], const char *at, size_t length)
{
	if (length == 0 || length >= HOST_MAX)
		return false;
	memcpy(host, at, length);
	host[length] = 0;
	return true;
}

static bool parse_scope(const char *text, uint32_t *scope)
{
	uint64_t n;

	if (parse_number((struct word){text, strlen(text)}, UINT32_MAX, &n))
		*scope = n;
	else
		*scope = if_nametoindex(text);
	return *scope;
}

// 1.2.3.4:51820, [::1]:51820 or [fe80::1%eth0]:51820
static bool parse_endpoint(struct word w, union endpoint_address *to)
{
	const char *colon = memrchr(w.at, ':', w.length);
	char host[HOST_MAX];
	uint64_t port;

	if (!colon ||
	    !parse_number((struct word){colon + 1, w.at + w.length - colon - 1}, UINT16_MAX,
	                  &port) ||
	    !port)
		return false;
	memset(to, 0, sizeof(*to));
	size_t length = colon - w.at;
	if (w.at[0] != '[') {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(port);
		return copy_host(host, w.at, length) &&
		       inet_pton(AF_INET, host, &to->v4.sin_addr) == 1;
	}
	if (length < 2 || colon[-1] != ']' || !copy_host(host, w.at + 1, length - 2))
		return false;
	char *scope = strchr(host, '%');
	if (scope) {
		*scope++ = 0;
		if (!parse_scope(scope, &to->v6.sin6_scope_id))
			return false;
	}
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(port);
	return inet_pton(AF_INET6, host, &to->v6.sin6_addr) == 1;
}

// 10.0.0.0/8 or fd00::/64; with a '-' before it: to be removed.
static bool parse_prefix(struct word w, struct uapi_allowed_ip *to)
{
	const char *slash = memchr(w.at, '/', w.length);
	char host[HOST_MAX];
	uint64_t length;

	memset(to, 0, sizeof(*to));
	if (!slash)
		return false;
	to->remove = w.at[0] == '-';
	const char *at = w.at + to->remove;
	if (!copy_host(host, at, slash - at))
		return false;
	to->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (!parse_number((struct word){slash + 1, w.at + w.length - slash - 1},
	                  to->family == AF_INET6 ? 128 : 32, &length))
		return false;
	to->length = length;
	return inet_pton(to->family, host, to->address) == 1;
}

// ---- keys; each takes the value and returns 0 or -errno

static struct uapi_peer *last_peer(struct uapi_request *r)
{
	return &r->peers[r->peer_count - 1];
}

static int take_value(bool good, bool *has)
{
	*has |= good;
	return good ? 0 : -EINVAL;
}

static int parse_private_key(struct uapi_request *r, struct word w)
{
	return take_value(parse_hex(w, r->private_key), &r->has_private_key);
}

static int parse_listen_port(struct uapi_request *r, struct word w)
{
	uint64_t n;
	bool good = parse_number(w, UINT16_MAX, &n);

	r->listen_port = n;
	return take_value(good, &r->has_listen_port);
}

static int parse_fwmark(struct uapi_request *r, struct word w)
{
	uint64_t n;
	bool good = parse_number(w, UINT32_MAX, &n);

	r->fwmark = n;
	return take_value(good, &r->has_fwmark);
}

static int parse_replace_peers(struct uapi_request *r, struct word w)
{
	return take_value(is_word(w, "true"), &r->replace_peers);
}

static int public_key(struct uapi_request *r, struct word w)
{
	if (r->peer_count == r->peer_capacity) {
		size_t capacity = r->peer_capacity ? 2 * r->peer_capacity : FIRST_CAPACITY;
		void *new = uapi_grow(r->peers, r->peer_count * sizeof(*r->peers),
		                      capacity * sizeof(*r->peers));
		if (!new)
			return -ENOMEM;
		r->peers = new;
		r->peer_capacity = capacity;
	}
	struct uapi_peer *p = &r->peers[r->peer_count];
	memset(p, 0, sizeof(*p));
	p->allowed_ips_first = r->allowed_ip_count;
	if (!parse_hex(w, p->public_key))
		return -EINVAL;
	r->peer_count++;
	return 0;
}

static int parse_remove(struct uapi_request *r, struct word w)
{
	return take_value(is_word(w, "true"), &last_peer(r)->remove);
}

static int parse_update_only(struct uapi_request *r, struct word w)
{
	return take_value(is_word(w, "true"), &last_peer(r)->update_only);
}

static int parse_preshared_key(struct uapi_request *r, struct word w)
{
	struct uapi_peer *p = last_peer(r);

	return take_value(parse_hex(w, p->preshared_key), &p->has_preshared_key);
}

static int parse_peer_endpoint(struct uapi_request *r, struct word w)
{
	struct uapi_peer *p = last_peer(r);

	return take_value(parse_endpoint(w, &p->endpoint), &p->has_endpoint);
}

static int parse_keepalive(struct uapi_request *r, struct word w)
{
	struct uapi_peer *p = last_peer(r);
	uint64_t n;
	bool good = parse_number(w, UINT16_MAX, &n);

	p->keepalive_s = n;
	return take_value(good, &p->has_keepalive);
}

static int parse_replace_allowed_ips(struct uapi_request *r, struct word w)
{
	return take_value(is_word(w, "true"), &last_peer(r)->replace_allowed_ips);
}

static int parse_allowed_ip(struct uapi_request *r, struct word w)
{
	if (r->allowed_ip_count == r->allowed_ip_capacity) {
		size_t capacity =
		    r->allowed_ip_capacity ? 2 * r->allowed_ip_capacity : FIRST_CAPACITY;
		void *new = uapi_grow(r->allowed_ips, r->allowed_ip_count * sizeof(*r->allowed_ips),
		                      capacity * sizeof(*r->allowed_ips));
		if (!new)
			return -ENOMEM;
		r->allowed_ips = new;
		r->allowed_ip_capacity = capacity;
	}
	if (!parse_prefix(w, &r->allowed_ips[r->allowed_ip_count]))
		return -EINVAL;
	r->allowed_ip_count++;
	last_peer(r)->allowed_ips_count++;
	return 0;
}

static int parse_protocol_version(struct uapi_request *r, struct word w)
{
	(void)r;
	return is_word(w, "1") ? 0 : -EINVAL;
}

static const struct key {
	const char *name;
	bool of_peer;
	int (*parse)(struct uapi_request *, struct word value);
} keys[] = {
    {"private_key", false, parse_private_key},
    {"listen_port", false, parse_listen_port},
    {"fwmark", false, parse_fwmark},
    {"replace_peers", false, parse_replace_peers},
    {"remove", true, parse_remove},
    {"update_only", true, parse_update_only},
    {"preshared_key", true, parse_preshared_key},
    {"endpoint", true, parse_peer_endpoint},
    {"persistent_keepalive_interval", true, parse_keepalive},
    {"replace_allowed_ips", true, parse_replace_allowed_ips},
    {"allowed_ip", true, parse_allowed_ip},
    {"protocol_version", true, parse_protocol_version},
};

static int parse_line(struct uapi_request *r, struct word line)
{
	const char *equals = memchr(line.at, '=', line.length);

	if (!equals)
		return -EPROTO;
	struct word name = {line.at, equals - line.at};
	struct word value = {equals + 1, line.length - name.length - 1};

	if (is_word(name, "public_key"))
		return public_key(r, value);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].of_peer == (r->peer_count > 0) && is_word(name, keys[i].name))
			return keys[i].parse(r, value);
	return -EINVAL;
}

static bool next_line(const char **text, size_t *bytes, struct word *line)
{
	const char *end = memchr(*text, '\n', *bytes);

	if (!end)
		return false;
	*line = (struct word){*text, end - *text};
	*bytes -= line->length + 1;
	*text = end + 1;
	return true;
}

int uapi_parse(struct uapi_request *r, const char *text, size_t bytes)
{
	struct word line;
	int ret;

	memset(r, 0, sizeof(*r));
	if (!next_line(&text, &bytes, &line))
		return -EPROTO;
	r->get = is_word(line, "get=1");
	if (!r->get && !is_word(line, "set=1"))
		return -EPROTO;
	while (next_line(&text, &bytes, &line)) {
		if (!line.length)
			return bytes ? -EPROTO : 0;
		if (r->get || memchr(line.at, 0, line.length))
			return -EINVAL;
		ret = parse_line(r, line);
		if (ret)
			return ret;
	}
	return -EPROTO;
}

void uapi_request_free(struct uapi_request *r)
{
	if (r->peers)
		explicit_bzero(r->peers, r->peer_count * sizeof(*r->peers));
	free(r->peers);
	free(r->allowed_ips);
	explicit_bzero(r, sizeof(*r));
}

// ---- the buffer

void uapi_print(struct uapi_buffer *b, const char *format, ...)
{
	for (;;) {
		size_t room = b->capacity - b->length;
		va_list arguments;

		if (b->failed)
			return;
		va_start(arguments, format);
		int n = vsnprintf(room ? b->text + b->length : NULL, room, format, arguments);
		va_end(arguments);
		if (n >= 0 && (size_t)n < room) {
			b->length += n;
			return;
		}
		size_t capacity = b->capacity ? 2 * b->capacity : FIRST_BUFFER;
		// The whole of it: what didn't fit has been written in part.
		char *text = n < 0 ? NULL : uapi_grow(b->text, b->capacity, capacity);
		b->failed = !text;
		if (text) {
			b->text = text;
			b->capacity = capacity;
		}
	}
}

void uapi_buffer_free(struct uapi_buffer *b)
{
	if (b->text)
		explicit_bzero(b->text, b->capacity);
	free(b->text);
	memset(b, 0, sizeof(*b));
}
