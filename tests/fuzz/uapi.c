// Requests of the configuration protocol, one after another, as a client would send them. A request
// that is refused changes nothing. After one that isn't, what a get prints is a configuration that
// a fresh device takes and prints again letter by letter, and the table of allowed IPs answers as
// a naive search of the printed ones does.
//
// The input is the text; requests end with an empty line.
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <sodium.h>
#include "tunnel/device.h"
#include "tunnel/uapi.h"
#include "tunnel/peers.h"
#include "tunnel/uapi_device.h"

// The second takes what the first one printed. Both stay down: no sockets.
static struct device *device, *copy;

static const char nothing[] = "set=1\nprivate_key="
                              "00000000000000000000000000000000"
                              "00000000000000000000000000000000"
                              "\nlisten_port=0\nfwmark=0\nreplace_peers=true\n\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct switches s;

	(void)argc;
	(void)argv;
	FUZZ_CHECK(!switches_parse(&s, "queues=1"));
	FUZZ_CHECK(!device_create(&device, "fuzz", &s));
	FUZZ_CHECK(!device_create(&copy, "fuzz", &s));
	return 0;
}

static int run(struct device *d, const char *text, size_t bytes)
{
	struct uapi_request request;
	// Nothing behind the request may be read.
	char *exactly = fuzz_exactly(text, bytes);
	int ret = uapi_parse(&request, exactly, bytes);

	if (!ret && !request.get)
		ret = uapi_device_set(d, &request);
	uapi_request_free(&request);
	free(exactly);
	return ret;
}

static char *get(struct device *d)
{
	struct uapi_buffer out = {0};

	uapi_print(&out, "%s", "");
	uapi_device_get(d, &out);
	FUZZ_CHECK(!out.failed && strlen(out.text) == out.length);
	char *text = strdup(out.text);
	FUZZ_CHECK(text);
	uapi_buffer_free(&out);
	return text;
}

static bool starts(const char *line, const char *key)
{
	return !strncmp(line, key, strlen(key));
}

// What was printed as a request that replaces everything, without what is only shown.
static char *as_set(const char *printed)
{
	static const char *const shown[] = {"last_handshake_time", "tx_bytes=", "rx_bytes="};
	char *text = malloc(strlen(printed) + 64), *to = text;
	bool replaced = false;

	FUZZ_CHECK(text);
	to = stpcpy(to, "set=1\n");
	for (const char *line = printed, *end; *line; line = end) {
		bool skip = false;

		end = strchr(line, '\n') + 1;
		if (!replaced && starts(line, "public_key=")) {
			to = stpcpy(to, "replace_peers=true\n");
			replaced = true;
		}
		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			skip |= starts(line, shown[i]);
		if (!skip)
			to = mempcpy(to, line, end - line);
	}
	strcpy(to, "\n");
	return text;
}

// ---- the table against the printed text

enum { PREFIXES_MAX = 512 };

struct prefix {
	int family;
	unsigned length, owner;
	uint8_t address[16];
};

static bool holds(const struct prefix *p, int family, const uint8_t *address)
{
	if (p->family != family)
		return false;
	for (unsigned bit = 0; bit < p->length; bit++)
		if ((p->address[bit / 8] ^ address[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static void check_lookups(struct device *d, const char *text)
{
	static struct prefix prefixes[PREFIXES_MAX];
	struct peer *owners[PREFIXES_MAX];
	unsigned peers = 0, n = 0;

	for (const char *line = text; *line && n < PREFIXES_MAX; line = strchr(line, '\n') + 1) {
		char host[64];
		uint8_t key[NOISE_KEY_BYTES];
		struct prefix *p = &prefixes[n];

		if (starts(line, "public_key=") && peers < PREFIXES_MAX) {
			FUZZ_CHECK(
			    !sodium_hex2bin(key, sizeof(key), line + 11, 64, NULL, NULL, NULL));
			owners[peers] = peers_find(d, key);
			FUZZ_CHECK(owners[peers] && !owners[peers]->removed &&
			           !owners[peers]->older);
			FUZZ_CHECK(!d->identity.has_key ||
			           memcmp(key, d->identity.public_key, sizeof(key)));
			peers++;
		}
		if (sscanf(line, "allowed_ip=%63[^/]/%u", host, &p->length) != 2)
			continue;
		p->family = strchr(host, ':') ? AF_INET6 : AF_INET;
		p->owner = peers - 1;
		FUZZ_CHECK(inet_pton(p->family, host, p->address) == 1);
		n++;
	}
	FUZZ_CHECK(peers == d->peer_count || peers == PREFIXES_MAX);
	for (unsigned i = 0; i < n; i++) {
		const struct prefix *best = &prefixes[i];

		for (unsigned j = 0; j < n; j++) {
			const struct prefix *p = &prefixes[j];

			FUZZ_CHECK(
			    i == j || p->family != prefixes[i].family ||
			    p->length != prefixes[i].length ||
			    memcmp(p->address, prefixes[i].address, p->family == AF_INET ? 4 : 16));
			if (holds(p, prefixes[i].family, prefixes[i].address) &&
			    p->length > best->length)
				best = p;
		}
		FUZZ_CHECK(allowedips_lookup(d->tables.allowed_ips, prefixes[i].family,
		                             prefixes[i].address) ==
		           &owners[best->owner]->allowed_ips);
	}
}

static void check_printed(const char *printed)
{
	char *set = as_set(printed), *again;

	FUZZ_CHECK(!run(copy, nothing, sizeof(nothing) - 1));
	FUZZ_CHECK(!run(copy, set, strlen(set)));
	again = get(copy);
	FUZZ_CHECK(!strcmp(again, printed));
	free(again);
	// Nor does it change anything where it is in force already.
	FUZZ_CHECK(!run(device, set, strlen(set)));
	again = get(device);
	FUZZ_CHECK(!strcmp(again, printed));
	free(again);
	free(set);
	check_lookups(device, printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *text = (const char *)data;
	char *before, *after;

	FUZZ_CHECK(!run(device, nothing, sizeof(nothing) - 1));
	before = get(device);
	FUZZ_CHECK(!*before);
	while (bytes) {
		const char *end = memmem(text, bytes, "\n\n", 2);
		size_t length = end ? (size_t)(end + 2 - text) : bytes;
		int ret = run(device, text, length);

		after = get(device);
		FUZZ_CHECK(ret <= 0);
		if (ret)
			FUZZ_CHECK(!strcmp(before, after));
		else
			check_printed(after);
		free(before);
		before = after;
		text += length;
		bytes -= length;
	}
	free(before);
	return 0;
}
