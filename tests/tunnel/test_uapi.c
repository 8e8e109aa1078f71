// The configuration protocol: what is refused, that nothing of a refused request takes effect, and
// random configurations against a naive model of what they mean.
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/device.h"
#include "tunnel/index.h"
#include "tunnel/interface.h"
#include "tunnel/peers.h"
#include "tunnel/session.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define PEER_A "public_key=" KEY_A "\n"
#define PEER_B "public_key=" KEY_B "\n"

static struct device *device;

// Takes the place of the C library's and remembers how much was wiped last.
static size_t wiped_bytes;

void explicit_bzero(void *at, size_t bytes)
{
	wiped_bytes = bytes;
	sodium_memzero(at, bytes);
}

static int set_up(void **state)
{
	struct switches switches;

	(void)state;
	if (switches_parse(&switches, NULL))
		return -1;
	return device_create(&device, "wgbtest", &switches);
}

static int tear_down(void **state)
{
	(void)state;
	device_free(device);
	return 0;
}

static int run(const char *text)
{
	struct uapi_request request;
	int ret = uapi_parse(&request, text, strlen(text));

	if (!ret && !request.get)
		ret = uapi_device_set(device, &request);
	uapi_request_free(&request);
	return ret;
}

static char *get(void)
{
	struct uapi_buffer out = {0};

	uapi_print(&out, "%s", "");
	uapi_device_get(device, &out);
	assert_false(out.failed);
	char *text = strndup(out.text, out.length);
	uapi_buffer_free(&out);
	return text;
}

static void expect(const char *text)
{
	char *is = get();

	assert_string_equal(is, text);
	free(is);
}

// ---- the parser

static void test_everything_is_taken(void **state)
{
	(void)state;
	assert_int_equal(
	    run("set=1\n"
	        "private_key=" KEY_C "\n"
	        "listen_port=65535\n"
	        "fwmark=4294967295\n"
	        "replace_peers=true\n" PEER_A "preshared_key=" KEY_C "\n"
	        "endpoint=1.2.3.4:51820\n"
	        "persistent_keepalive_interval=65535\n"
	        "replace_allowed_ips=true\n"
	        "allowed_ip=10.1.2.3/8\n"
	        "allowed_ip=0.0.0.0/0\n"
	        "allowed_ip=1.2.3.4/32\n"
	        "allowed_ip=fd00::1/16\n"
	        "allowed_ip=::/0\n"
	        "allowed_ip=::1/128\n"
	        "protocol_version=1\n"
	        "public_key=BbBBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0\n"
	        "endpoint=[fe80::1%1]:1\n"
	        "\n"),
	    0);
	// The private key's clamping shows: c8...4c is how the paper has it stored.
	expect("private_key=c8cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc4c\n"
	       "listen_port=65535\n"
	       "fwmark=4294967295\n" PEER_A "preshared_key=" KEY_C "\n"
	       "protocol_version=1\n"
	       "endpoint=1.2.3.4:51820\n"
	       "last_handshake_time_sec=0\n"
	       "last_handshake_time_nsec=0\n"
	       "tx_bytes=0\n"
	       "rx_bytes=0\n"
	       "persistent_keepalive_interval=65535\n"
	       "allowed_ip=0.0.0.0/0\n"
	       "allowed_ip=1.2.3.4/32\n"
	       "allowed_ip=10.0.0.0/8\n"
	       "allowed_ip=::/0\n"
	       "allowed_ip=::1/128\n"
	       "allowed_ip=fd00::/16\n" PEER_B
	       "preshared_key=0000000000000000000000000000000000000000000000000000000000000000\n"
	       "protocol_version=1\n"
	       "endpoint=[fe80::1%1]:1\n"
	       "last_handshake_time_sec=0\n"
	       "last_handshake_time_nsec=0\n"
	       "tx_bytes=0\n"
	       "rx_bytes=0\n"
	       "persistent_keepalive_interval=0\n");
}

static void test_read_only_values_are_shown(void **state)
{
	(void)state;
	assert_int_equal(run("set=1\n" PEER_A "\n"), 0);
	device->peers->handshake_wall_ns = 1700000000123456789;
	device->peers->tx_bytes = UINT64_MAX;
	device->peers->rx_bytes = 148;
	char *text = get();
	assert_non_null(strstr(text, "last_handshake_time_sec=1700000000\n"
	                             "last_handshake_time_nsec=123456789\n"
	                             "tx_bytes=18446744073709551615\nrx_bytes=148\n"));
	free(text);
}

// Also the part of a line that was written before there turned out to be no room for the rest.
static void test_text_is_wiped_whole(void **state)
{
	struct uapi_buffer b = {0};
	size_t capacity;

	(void)state;
	uapi_print(&b, "%s", "");
	capacity = b.capacity;
	while (b.length + sizeof(KEY_A) < capacity)
		uapi_print(&b, "%s", KEY_A);
	wiped_bytes = 0;
	uapi_print(&b, "%s%s", KEY_A, KEY_B);
	assert_true(b.capacity > capacity);
	assert_int_equal(wiped_bytes, capacity);
	capacity = b.capacity;
	uapi_buffer_free(&b);
	assert_int_equal(wiped_bytes, capacity);
}

static void test_bad_requests(void **state)
{
	(void)state;
	static const struct {
		int error;
		const char *text;
	} bad[] = {
	    {-EPROTO, ""},
	    {-EPROTO, "\n"},
	    {-EPROTO, "\n\n"},
	    {-EPROTO, "set=2\n\n"},
	    {-EPROTO, "set=11\n\n"},
	    {-EPROTO, "set\n\n"},
	    {-EPROTO, "get=2\n\n"},
	    {-EPROTO, "put=1\n\n"},
	    {-EPROTO, "set=1\r\n\r\n"},
	    {-EPROTO, "set=1\n\nset=1\n\n"},
	    {-EPROTO, "set=1\nfwmark\n\n"},
	    {-EPROTO, "set=1\n" PEER_A "remove\n\n"},
	    {-EINVAL, "get=1\nfwmark=1\n\n"},
	    {-EINVAL, "set=1\n=\n\n"},
	    {-EINVAL, "set=1\n=1\n\n"},
	    {-EINVAL, "set=1\nnonsense=1\n\n"},
	    {-EINVAL, "set=1\nfwmarks=1\n\n"},
	    {-EINVAL, "set=1\n fwmark=1\n\n"},
	    {-EINVAL, "set=1\nfwmark=\n\n"},
	    {-EINVAL, "set=1\nfwmark=-1\n\n"},
	    {-EINVAL, "set=1\nfwmark=+1\n\n"},
	    {-EINVAL, "set=1\nfwmark= 1\n\n"},
	    {-EINVAL, "set=1\nfwmark=1 \n\n"},
	    {-EINVAL, "set=1\nfwmark=0x1\n\n"},
	    {-EINVAL, "set=1\nfwmark=4294967296\n\n"},
	    {-EINVAL, "set=1\nfwmark=18446744073709551616\n\n"},
	    {-EINVAL, "set=1\nlisten_port=65536\n\n"},
	    {-EINVAL, "set=1\nlisten_port=\n\n"},
	    {-EINVAL, "set=1\nreplace_peers=false\n\n"},
	    {-EINVAL, "set=1\nreplace_peers=true \n\n"},
	    {-EINVAL, "set=1\nprivate_key=\n\n"},
	    {-EINVAL, "set=1\nprivate_key=" KEY_C "0\n\n"},
	    {-EINVAL, "set=1\nprivate_key=" KEY_C "00\n\n"},
	    {-EINVAL, "set=1\npublic_key=" KEY_C "c\n\n"},
	    {-EINVAL, "set=1\npublic_key=\n\n"},
	    {-EINVAL, "set=1\npublic_key=g" KEY_C "\n\n"},
	    {-EINVAL, "set=1\npublic_key=gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	              "aaaaaaaaaaaaa\n\n"},
	    {-EINVAL, "set=1\npublic_key=:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	              "aaaaaaaaaaaaa\n\n"},
	    // A peer's key without a peer, and an interface's after one.
	    {-EINVAL, "set=1\npreshared_key=" KEY_C "\n\n"},
	    {-EINVAL, "set=1\nallowed_ip=10.0.0.0/8\n\n"},
	    {-EINVAL, "set=1\nremove=true\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "listen_port=1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "replace_peers=true\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "private_key=" KEY_C "\n\n"},
	    // What only get has.
	    {-EINVAL, "set=1\n" PEER_A "rx_bytes=1\n\n"},
	    {-EINVAL, "set=1\nerrno=0\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "preshared_key=00\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "remove=1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "update_only=yes\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "replace_allowed_ips=\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "protocol_version=2\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "protocol_version=\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "persistent_keepalive_interval=65536\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "persistent_keepalive_interval=off\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3.4\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3.4:\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3.4:0\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3.4:65536\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3.256:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=1.2.3:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=host.example:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=::1:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[]:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[::1:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[::1]\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[::1]1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[1.2.3.4]:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[::g]:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[fe80::1%]:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "endpoint=[fe80::1%no-such-link]:1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=-\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=/8\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=-/8\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0.0\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0.0/\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0.0/33\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0.0/-1\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0.0/255.0.0.0\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=10.0.0/8\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=--10.0.0.0/8\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=fd00::/129\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=fd00:::/16\n\n"},
	    {-EINVAL, "set=1\n" PEER_A "allowed_ip=fe80::1%1/128\n\n"},
	};
	char *before;

	assert_int_equal(run("set=1\nfwmark=5\n" PEER_B "allowed_ip=10.0.0.0/8\n\n"), 0);
	before = get();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int ret = run(bad[i].text);

		if (ret != bad[i].error)
			fail_msg("%d, not %d, of: %s", ret, bad[i].error, bad[i].text);
		expect(before);
	}
	free(before);

	static const char nul[] = "set=1\nfwmark=1\0\n\n", name[] = "set=1\nfwmark\0=1\n\n",
	                  long_host[] = "set=1\n" PEER_A "endpoint=1.2.3.4\0.:1\n\n";
	struct uapi_request r;
	assert_int_equal(uapi_parse(&r, nul, sizeof(nul) - 1), -EINVAL);
	uapi_request_free(&r);
	assert_int_equal(uapi_parse(&r, name, sizeof(name) - 1), -EINVAL);
	uapi_request_free(&r);
	assert_int_equal(uapi_parse(&r, long_host, sizeof(long_host) - 1), -EINVAL);
	uapi_request_free(&r);
}

static void test_cut_off_at_every_byte(void **state)
{
	(void)state;
	static const char text[] =
	    "set=1\nlisten_port=51820\nfwmark=77\nreplace_peers=true\n" PEER_A
	    "endpoint=[::1]:51820\nallowed_ip=10.0.0.0/8\n" PEER_B "remove=true\n\n";

	for (size_t bytes = 0; bytes < sizeof(text) - 1; bytes++) {
		char *exact = malloc(bytes + 1); // so that a sanitizer sees a read beyond
		struct uapi_request r;

		assert_non_null(exact);
		memcpy(exact, text, bytes);
		if (!uapi_parse(&r, exact, bytes))
			fail_msg("%zu bytes were taken for a whole request", bytes);
		uapi_request_free(&r);
		free(exact);
	}
	assert_int_equal(run(text), 0);
}

static void test_host_of_any_length(void **state)
{
	(void)state;
	for (size_t length = 1; length < 300; length++) {
		char host[300], text[512];

		memset(host, '1', length);
		host[length] = 0;
		snprintf(text, sizeof(text), "set=1\n" PEER_A "endpoint=%s:1\n\n", host);
		assert_int_equal(run(text), -EINVAL);
		snprintf(text, sizeof(text), "set=1\n" PEER_A "allowed_ip=%s/1\n\n", host);
		assert_int_equal(run(text), -EINVAL);
	}
}

// ---- what a request means

static void test_own_key_is_skipped(void **state)
{
	(void)state;
	struct noise_identity self;
	char own[65], text[512];

	memset(self.private_key, 0x42, sizeof(self.private_key));
	noise_identity_set(&self, self.private_key);
	sodium_bin2hex(own, sizeof(own), self.public_key, sizeof(self.public_key));

	// Known only by the key that the same request brings.
	snprintf(text, sizeof(text),
	         "set=1\nprivate_key="
	         "4242424242424242424242424242424242424242424242424242424242424242\n"
	         "public_key=%s\nallowed_ip=10.0.0.0/8\n" PEER_A "\n",
	         own);
	assert_int_equal(run(text), 0);
	assert_int_equal(device->peer_count, 1);
	snprintf(text, sizeof(text), "set=1\npublic_key=%s\nremove=true\n\n", own);
	assert_int_equal(run(text), 0);

	// A peer whose key becomes our own goes.
	assert_int_equal(run("set=1\nprivate_key=" KEY_C "\n\n"), 0);
	snprintf(text, sizeof(text), "set=1\npublic_key=%s\n\n", own);
	assert_int_equal(run(text), 0);
	assert_int_equal(device->peer_count, 2);
	assert_int_equal(
	    run("set=1\nprivate_key="
	        "4242424242424242424242424242424242424242424242424242424242424242\n\n"),
	    0);
	assert_int_equal(device->peer_count, 1);
}

static void install_session(struct peer *p)
{
	struct noise_session session = {.initiator = true};

	session.local_index = index_new(device->tables.by_index, p)->index;
	assert_int_equal(session_install(p, &session, clock_now_ns()), 0);
}

static void test_sessions_end_only_where_they_must(void **state)
{
	(void)state;
	assert_int_equal(run("set=1\nprivate_key=" KEY_C "\n" PEER_A "allowed_ip=10.0.0.0/8\n\n"),
	                 0);
	install_session(device->peers);

	// As `wg syncconf` does.
	assert_int_equal(run("set=1\nprivate_key=" KEY_C "\n" PEER_A "preshared_key=" KEY_C
	                     "\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\n\n"),
	                 0);
	assert_non_null(device->peers->current);
	assert_int_equal(run("set=1\nprivate_key=" KEY_A "\n\n"), 0);
	assert_null(device->peers->current);

	install_session(device->peers);
	assert_int_equal(run("set=1\nreplace_peers=true\n" PEER_A "\n"), 0);
	assert_int_equal(device->peer_count, 1);
	assert_null(device->peers->current);

	install_session(device->peers);
	assert_int_equal(run("set=1\n" PEER_A "remove=true\n" PEER_A "endpoint=1.1.1.1:1\n\n"), 0);
	assert_int_equal(device->peer_count, 1);
	assert_null(device->peers->current);

	assert_int_equal(
	    run("set=1\nprivate_key="
	        "0000000000000000000000000000000000000000000000000000000000000000\n\n"),
	    0);
	assert_false(device->identity.has_key);
}

static void test_persistent_keepalive_is_due_when_switched_on(void **state)
{
	(void)state;
	assert_int_equal(run("set=1\nprivate_key=" KEY_C "\n" PEER_A "\n"), 0);
	assert_int_equal(interface_up(device), 0);
	struct peer *p = device->peers;
	assert_int_equal(p->armed_at, UINT64_MAX);
	assert_int_equal(run("set=1\n" PEER_A "persistent_keepalive_interval=65535\n\n"), 0);
	assert_true(p->armed_at <= clock_now_ns());
	// Another interval counts from the last packet.
	p->last_traversal_ns = clock_now_ns();
	assert_int_equal(run("set=1\n" PEER_A "persistent_keepalive_interval=100\n\n"), 0);
	assert_int_equal(p->armed_at, p->last_traversal_ns + 100 * NS_PER_S);
}

static void test_another_mark_forgets_source_addresses(void **state)
{
	static const struct in6_addr none;

	(void)state;
	assert_int_equal(run("set=1\n" PEER_A "endpoint=1.2.3.4:5\n\n"), 0);
	struct endpoint *e = &device->peers->endpoint;
	e->local.v4.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(run("set=1\nfwmark=0\n\n"), 0);
	assert_int_equal(e->local.v4.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(run("set=1\nfwmark=1\n\n"), 0);
	assert_memory_equal(&e->local, &none, sizeof(none));
	assert_int_equal(e->remote.v4.sin_port, htons(5));
}

// ---- all or nothing

static uint16_t take_port(int *fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &bytes), 0);
	return ntohs(a.sin_port);
}

static void test_a_taken_port_changes_nothing(void **state)
{
	(void)state;
	static const char *const changes[] = {
	    "private_key=" KEY_A "\n",
	    "fwmark=9\n",
	    "replace_peers=true\n",
	    "replace_peers=true\n" PEER_A "allowed_ip=10.0.0.0/8\n",
	    PEER_A "remove=true\n",
	    PEER_A "replace_allowed_ips=true\n",
	    PEER_A "allowed_ip=-10.0.0.0/8\nallowed_ip=172.16.0.0/12\n",
	    PEER_A "preshared_key=" KEY_A "\nendpoint=9.9.9.9:9\n"
	           "persistent_keepalive_interval=9\n",
	    PEER_B "allowed_ip=10.0.0.0/8\nallowed_ip=fd00::/8\n",
	    "public_key=" KEY_C "\nallowed_ip=10.0.0.0/8\n" PEER_A "remove=true\n" PEER_A
	    "allowed_ip=11.0.0.0/8\n",
	    PEER_A "remove=true\n" PEER_A "allowed_ip=11.0.0.0/8\n" PEER_A "remove=true\n" PEER_A
	           "allowed_ip=12.0.0.0/8\n",
	};
	int fd;
	uint16_t taken = take_port(&fd);
	char *before, text[1024];

	assert_int_equal(
	    run("set=1\nprivate_key=" KEY_C "\n" PEER_A "preshared_key=" KEY_B
	        "\nendpoint=1.2.3.4:5\nallowed_ip=10.0.0.0/8\nallowed_ip=fd00::/8\n" PEER_B
	        "allowed_ip=10.1.0.0/16\n\n"),
	    0);
	assert_int_equal(interface_up(device), 0);
	struct peer *a = device->peers->next;
	install_session(a);
	before = get();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint16_t port = device->udp.port;

		snprintf(text, sizeof(text), "set=1\nlisten_port=%u\n%s\n", taken, changes[i]);
		assert_int_equal(run(text), -EADDRINUSE);
		expect(before);
		assert_int_equal(device->udp.port, port);
		assert_ptr_equal(device->peers->next, a);
		assert_ptr_equal(peers_find(device, a->handshake.remote_static), a);
		assert_non_null(a->current);
		for (struct peer *p = device->peers; p; p = p->next)
			assert_false(p->removed);
		// And it's the port alone that stood in the way: the device isn't harmed.
		assert_int_equal(run("set=1\n\n"), 0);
	}
	close(fd);
	snprintf(text, sizeof(text), "set=1\nlisten_port=%u\n\n", taken);
	assert_int_equal(run(text), 0);
	assert_int_equal(device->udp.port, taken);
	assert_int_equal(device->listen_port, taken);
	free(before);
}

// The link is up, and its port is taken: another one is tried at once, the same one isn't.
static void test_another_port_is_tried_at_once(void **state)
{
	(void)state;
	int fd[2];
	uint16_t taken[] = {take_port(&fd[0]), take_port(&fd[1])};
	char *before, text[1024];

	device->listen_port = taken[0];
	assert_int_equal(interface_up(device), -EADDRINUSE);
	uint64_t again_at = device->timers.listen_again_at;
	before = get();
	snprintf(text, sizeof(text), "set=1\nlisten_port=%u\n" PEER_A "\n", taken[1]);
	assert_int_equal(run(text), -EADDRINUSE);
	expect(before);
	free(before);
	snprintf(text, sizeof(text),
	         "set=1\nlisten_port=%u\n" PEER_A "persistent_keepalive_interval=65535\n\n",
	         taken[0]);
	assert_int_equal(run(text), 0);
	assert_int_equal(device->timers.listen_again_at, again_at);
	assert_int_equal(device->udp.port, 0);
	assert_int_equal(device->peers->armed_at, UINT64_MAX);

	assert_int_equal(run("set=1\nlisten_port=0\n\n"), 0);
	assert_int_equal(device->timers.listen_again_at, 0);
	assert_int_not_equal(device->udp.port, 0);
	assert_int_equal(device->listen_port, device->udp.port);
	assert_true(device->peers->armed_at <= clock_now_ns());
	close(fd[0]);
	close(fd[1]);
}

static void test_too_many_peers_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(run("set=1\n" PEER_A "allowed_ip=10.0.0.0/8\n\n"), 0);
	char *before = get();

	device->peer_count += PEERS_MAX - 2;
	assert_int_equal(run("set=1\nreplace_peers=true\n" PEER_B "allowed_ip=10.0.0.0/8\n"
	                     "public_key=" KEY_C "\n\n"),
	                 -ENOSPC);
	device->peer_count -= PEERS_MAX - 2;
	assert_int_equal(device->peer_count, 1);
	expect(before);
	free(before);
}

static void test_many_allowed_ips(void **state)
{
	(void)state;
	enum { COUNT = 130000 };
	struct uapi_buffer text = {0};

	uapi_print(&text, "set=1\n" PEER_A);
	for (unsigned i = 0; i < COUNT; i++)
		uapi_print(&text, "allowed_ip=10.%u.%u.%u/32\n", i >> 16, i >> 8 & 255, i & 255);
	uapi_print(&text, "\n");
	assert_false(text.failed);
	assert_int_equal(run(text.text), 0);
	assert_int_equal(device->peers->allowed_ips.count, COUNT);
	char *shown = get(), *from = strstr(shown, "allowed_ip="),
	     *put = strstr(text.text, "allowed_ip=");
	assert_int_equal(strlen(from) + 1, strlen(put));
	assert_memory_equal(from, put, strlen(from));
	free(shown);
	uapi_buffer_free(&text);
}

// ---- random requests against a naive model

enum { KEYS = 6, PREFIXES = 12, ROUNDS = 3000 };

static const char *const prefixes[PREFIXES] = {
    "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/16", "10.128.0.0/9", "255.255.255.255/32",
    "::/0",      "::/128",     "fd00::/8",   "fd00::/16",   "fd00::1/128",  "ff00::/8",
};

struct model_peer {
	unsigned born; // 0: there is none
	unsigned preshared, port, keepalive;
};

struct model {
	struct model_peer peers[KEYS];
	int owner[PREFIXES]; // -1: none
	unsigned births, fwmark, listen_port;
};

static void forget(struct model *m, int key)
{
	m->peers[key] = (struct model_peer){0};
	for (int i = 0; i < PREFIXES; i++)
		if (m->owner[i] == key)
			m->owner[i] = -1;
}

static void print_model(const struct model *m, FILE *to)
{
	if (m->listen_port)
		fprintf(to, "listen_port=%u\n", m->listen_port);
	if (m->fwmark)
		fprintf(to, "fwmark=%u\n", m->fwmark);
	for (unsigned born = 1; born <= m->births; born++) {
		for (int k = 0; k < KEYS; k++) {
			const struct model_peer *p = &m->peers[k];

			if (p->born != born)
				continue;
			fprintf(to, "public_key=%064x\npreshared_key=%064x\nprotocol_version=1\n",
			        k + 1, p->preshared);
			if (p->port)
				fprintf(to, "endpoint=127.0.0.1:%u\n", p->port);
			fprintf(to,
			        "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
			        "tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=%u\n",
			        p->keepalive);
			for (int i = 0; i < PREFIXES; i++)
				if (m->owner[i] == k)
					fprintf(to, "allowed_ip=%s\n", prefixes[i]);
		}
	}
}

static void random_peer(struct support_random *r, struct model *m, FILE *to)
{
	int key = support_random_below(r, KEYS);
	struct model_peer *p = &m->peers[key];
	bool update_only = !support_random_below(r, 4), remove = !support_random_below(r, 6);
	bool exists = p->born;

	fprintf(to, "public_key=%064x\n", key + 1);
	if (update_only)
		fprintf(to, "update_only=true\n");
	if (remove) {
		fprintf(to, "remove=true\n");
		forget(m, key);
	}
	bool effect = !remove && (exists || !update_only);
	if (effect && !exists)
		p->born = ++m->births;
	unsigned value = 1 + support_random_below(r, 65535);
	if (support_random_below(r, 2)) {
		fprintf(to, "preshared_key=%064x\n", value);
		p->preshared = effect ? value : p->preshared;
	}
	if (support_random_below(r, 2)) {
		fprintf(to, "endpoint=127.0.0.1:%u\n", value);
		p->port = effect ? value : p->port;
	}
	if (support_random_below(r, 2)) {
		value *= support_random_below(r, 2);
		fprintf(to, "persistent_keepalive_interval=%u\n", value);
		p->keepalive = effect ? value : p->keepalive;
	}
	if (!support_random_below(r, 4)) {
		fprintf(to, "replace_allowed_ips=true\n");
		for (int i = 0; i < PREFIXES; i++)
			if (effect && m->owner[i] == key)
				m->owner[i] = -1;
	}
	for (int n = support_random_below(r, 6); n; n--) {
		int i = support_random_below(r, PREFIXES);
		bool minus = !support_random_below(r, 3);

		fprintf(to, "allowed_ip=%s%s\n", minus ? "-" : "", prefixes[i]);
		if (effect && !minus)
			m->owner[i] = key;
		else if (effect && m->owner[i] == key)
			m->owner[i] = -1;
	}
}

static void random_request(struct support_random *r, struct model *m, FILE *to)
{
	fprintf(to, "set=1\n");
	if (!support_random_below(r, 4)) {
		m->fwmark = support_random_below(r, 3);
		fprintf(to, "fwmark=%u\n", m->fwmark);
	}
	if (!support_random_below(r, 4)) {
		m->listen_port = support_random_below(r, 65536);
		fprintf(to, "listen_port=%u\n", m->listen_port);
	}
	if (!support_random_below(r, 8)) {
		fprintf(to, "replace_peers=true\n");
		for (int k = 0; k < KEYS; k++)
			forget(m, k);
	}
	for (int n = support_random_below(r, 5); n; n--)
		random_peer(r, m, to);
	fprintf(to, "\n");
}

static char *print(struct support_random *r, struct model *m)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	if (r)
		random_request(r, m, to);
	else
		print_model(m, to);
	fclose(to);
	return text;
}

static void test_random_requests(void **state)
{
	(void)state;
	struct support_random r;
	struct model m = {0};

	support_random_init(&r, support_seed());
	for (int i = 0; i < PREFIXES; i++)
		m.owner[i] = -1;
	for (int round = 0; round < ROUNDS; round++) {
		char *request = print(&r, &m), *expected = print(NULL, &m), *is;

		assert_int_equal(run(request), 0);
		is = get();
		if (strcmp(is, expected))
			fail_msg("round %d: %s\ngave: %s\nnot: %s", round, request, is, expected);
		free(is);
		free(expected);
		free(request);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_everything_is_taken),
	    TEST(test_read_only_values_are_shown),
	    TEST(test_text_is_wiped_whole),
	    TEST(test_bad_requests),
	    TEST(test_cut_off_at_every_byte),
	    TEST(test_host_of_any_length),
	    TEST(test_own_key_is_skipped),
	    TEST(test_sessions_end_only_where_they_must),
	    TEST(test_persistent_keepalive_is_due_when_switched_on),
	    TEST(test_another_mark_forgets_source_addresses),
	    TEST(test_a_taken_port_changes_nothing),
	    TEST(test_another_port_is_tried_at_once),
	    TEST(test_too_many_peers_change_nothing),
	    TEST(test_many_allowed_ips),
	    TEST(test_random_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
