// What a request does to the device. A set is a transaction: peers that will be needed are made,
// then, with the path kept out, entries of allowed IPs and sockets: all that can fail. Only then
// follows the rest, which can't; a failure takes back what was made.
#include "tunnel/uapi_device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/due.h"
#include "tunnel/interface.h"
#include "tunnel/lock.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"
#include "tunnel/peers.h"
#include "tunnel/sockets.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"
#include "tunnel/uapi.h"

struct entry {
	uint8_t family, length;
	uint8_t address[16];
};

struct entries {
	struct entry *at;
	size_t count;
};

struct transaction {
	struct device *device;
	const struct uapi_request *request;
	struct peer **targets; // of each of the request's peers; NULL: it has no effect
	struct peer **created;
	size_t created_count;
	struct peer **removed; // those that go, marked so
	size_t removed_count;
	struct allowedips_owner aside; // of allowed IPs that are nobody's before or after
};

// ---- peers. `removed` marks those that the request removes; until the end they stay in the
// tables, where peers_find() finds a newer one of the same key first.

static void mark_removed(struct transaction *t, struct peer *p)
{
	if (p->removed)
		return;
	p->removed = true;
	t->removed[t->removed_count++] = p;
}

static int find_targets(struct transaction *t)
{
	const struct uapi_request *r = t->request;
	struct device *d = t->device;
	struct noise_identity self = d->identity;

	if (r->has_private_key)
		noise_identity_set(&self, r->private_key);
	explicit_bzero(self.private_key, sizeof(self.private_key));
	if (r->replace_peers)
		for (struct peer *p = d->peers; p; p = p->next)
			mark_removed(t, p);
	for (size_t i = 0; i < r->peer_count; i++) {
		const struct uapi_peer *wanted = &r->peers[i];
		struct peer *p = peers_find(d, wanted->public_key);

		if (self.has_key && !memcmp(self.public_key, wanted->public_key, NOISE_KEY_BYTES))
			continue;
		if (p && p->removed)
			p = NULL;
		if (wanted->remove) {
			if (p)
				mark_removed(t, p);
			continue;
		}
		if (!p && wanted->update_only)
			continue;
		if (!p) {
			p = peers_new(d, wanted->public_key);
			if (!p)
				return -errno;
			t->created[t->created_count++] = p;
		}
		t->targets[i] = p;
	}
	return 0;
}

static void remove_marked(struct transaction *t)
{
	for (size_t i = 0; i < t->removed_count; i++)
		peers_remove(t->removed[i]);
}

static void undo_peers(struct transaction *t)
{
	for (size_t i = 0; i < t->removed_count; i++)
		t->removed[i]->removed = false;
	for (size_t i = 0; i < t->created_count; i++)
		peers_remove(t->created[i]);
}

// ---- allowed IPs. To move an entry from one owner to another takes no memory. So those that the
// request adds are made before, under an owner that is no peer's; and those that it takes away go
// to that owner, since it may add them again. What is left there goes in the end.

static struct entry entry_of(int family, const uint8_t *address, unsigned length)
{
	struct entry e = {.family = family, .length = length};

	memcpy(e.address, address, family == AF_INET ? 4 : 16);
	return e;
}

static int make_allowed_ips(struct transaction *t)
{
	const struct uapi_request *r = t->request;
	struct allowedips *table = t->device->tables.allowed_ips;

	for (size_t i = 0; i < r->peer_count; i++) {
		// Indices: where the request has none, its array is NULL.
		size_t at = r->peers[i].allowed_ips_first;
		size_t end = at + r->peers[i].allowed_ips_count;

		for (; t->targets[i] && at < end; at++) {
			const struct uapi_allowed_ip *a = &r->allowed_ips[at];
			int ret = 0;

			if (!a->remove &&
			    !allowedips_owner_of(table, a->family, a->address, a->length))
				ret = allowedips_insert(table, a->family, a->address, a->length,
				                        &t->aside);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int stop_at_first(void *entry, int family, const uint8_t *address, unsigned length)
{
	*(struct entry *)entry = entry_of(family, address, length);
	return 1;
}

static void put_all_aside(struct transaction *t, struct allowedips_owner *owner)
{
	struct allowedips *table = t->device->tables.allowed_ips;
	struct entry e;

	while (allowedips_each(table, owner, stop_at_first, &e))
		allowedips_insert(table, e.family, e.address, e.length, &t->aside);
}

static void change_allowed_ips(struct transaction *t)
{
	const struct uapi_request *r = t->request;
	struct allowedips *table = t->device->tables.allowed_ips;

	for (size_t i = 0; i < r->peer_count; i++) {
		size_t at = r->peers[i].allowed_ips_first;
		size_t end = at + r->peers[i].allowed_ips_count;
		struct allowedips_owner *owner;

		if (!t->targets[i])
			continue;
		owner = &t->targets[i]->allowed_ips;
		if (r->peers[i].replace_allowed_ips)
			put_all_aside(t, owner);
		for (; at < end; at++) {
			const struct uapi_allowed_ip *a = &r->allowed_ips[at];
			bool held =
			    allowedips_owner_of(table, a->family, a->address, a->length) == owner;

			if (a->remove != held)
				continue;
			allowedips_insert(table, a->family, a->address, a->length,
			                  a->remove ? &t->aside : owner);
		}
	}
}

// ---- sockets

// What is sent goes by other routes from now on, and what had none perhaps by one.
static void change_routes(struct device *d)
{
	for (struct peer *p = d->peers; p; p = p->next) {
		pthread_mutex_lock(&p->endpoint_lock);
		p->endpoint.local = p->endpoint.refused = (struct endpoint_source){0};
		pthread_mutex_unlock(&p->endpoint_lock);
		mailbox_post(p, PEER_EVENT_RESUME);
	}
}

static int change_sockets(struct transaction *t)
{
	const struct uapi_request *r = t->request;
	struct device *d = t->device;
	uint32_t fwmark = r->has_fwmark ? r->fwmark : d->fwmark;
	bool moves = r->has_listen_port && r->listen_port != d->listen_port;
	int ret = 0;

	if (moves && interface_is_up(d)) {
		ret = interface_listen(d, r->listen_port, fwmark);
	} else if (d->up && fwmark != d->fwmark) {
		ret = sockets_set_fwmark(d, fwmark);
		if (ret)
			sockets_set_fwmark(d, d->fwmark);
	}
	if (ret)
		return ret;
	if (fwmark != d->fwmark)
		change_routes(d);
	d->fwmark = fwmark;
	if (moves && !interface_is_up(d))
		d->listen_port = r->listen_port;
	return 0;
}

// ---- the rest

static void change_peer(struct peer *p, const struct uapi_peer *wanted, uint64_t now_ns)
{
	struct device *d = p->device;

	if (wanted->has_preshared_key)
		memcpy(p->handshake.preshared_key, wanted->preshared_key, NOISE_KEY_BYTES);
	if (wanted->has_endpoint) {
		pthread_mutex_lock(&p->endpoint_lock);
		p->endpoint = (struct endpoint){.remote = wanted->endpoint};
		pthread_mutex_unlock(&p->endpoint_lock);
		peer_segment_again(p);
	}
	if (wanted->has_keepalive && wanted->keepalive_s != p->persistent_keepalive_s) {
		bool was_off = !p->persistent_keepalive_s;

		p->persistent_keepalive_s = wanted->keepalive_s;
		if (d->up && was_off)
			timers_persistent_changed(p, now_ns);
		else if (d->up)
			due_look(p, now_ns);
	}
	mailbox_post(p, PEER_EVENT_RESUME);
}

static void commit(struct transaction *t)
{
	const struct uapi_request *r = t->request;
	struct device *d = t->device;
	uint64_t now_ns = clock_now_ns();

	for (size_t i = 0; i < r->peer_count; i++)
		if (t->targets[i] && t->targets[i]->removed)
			t->targets[i] = NULL;
	remove_marked(t);
	// `wg` sends the key with every setconf and syncconf; only another one ends the sessions.
	if (r->has_private_key) {
		struct noise_identity wanted = {0};

		noise_identity_set(&wanted, r->private_key);
		if (wanted.has_key != d->identity.has_key ||
		    sodium_memcmp(wanted.private_key, d->identity.private_key, NOISE_KEY_BYTES))
			interface_set_private_key(d, r->private_key);
		explicit_bzero(&wanted, sizeof(wanted));
	}
	for (size_t i = 0; i < r->peer_count; i++)
		if (t->targets[i])
			change_peer(t->targets[i], &r->peers[i], now_ns);
}

int uapi_device_set(struct device *d, const struct uapi_request *r)
{
	struct transaction t = {.device = d, .request = r};
	int ret = -ENOMEM;

	t.targets = calloc(r->peer_count + 1, sizeof(*t.targets));
	t.created = calloc(r->peer_count + 1, sizeof(*t.created));
	t.removed =
	    calloc(r->peer_count + (r->replace_peers ? d->peer_count : 0) + 1, sizeof(*t.removed));
	if (!t.targets || !t.created || !t.removed)
		goto out;
	ret = find_targets(&t);
	if (ret)
		goto undo;
	lock_exclude(&d->lock);
	ret = make_allowed_ips(&t);
	if (!ret)
		ret = change_sockets(&t);
	if (!ret)
		change_allowed_ips(&t);
	allowedips_remove_owner(d->tables.allowed_ips, &t.aside);
	lock_release(&d->lock);
	if (!ret) {
		commit(&t);
		goto out;
	}
undo:
	undo_peers(&t);
out:
	free(t.removed);
	free(t.created);
	free(t.targets);
	return ret;
}

// ---- get

static void print_key(struct uapi_buffer *to, const char *name, const uint8_t key[NOISE_KEY_BYTES])
{
	char hex[2 * NOISE_KEY_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), key, NOISE_KEY_BYTES);
	uapi_print(to, "%s=%s\n", name, hex);
	explicit_bzero(hex, sizeof(hex));
}

static void print_endpoint(struct uapi_buffer *to, struct peer *p)
{
	char host[INET6_ADDRSTRLEN];

	pthread_mutex_lock(&p->endpoint_lock);
	union endpoint_address a = p->endpoint.remote;
	pthread_mutex_unlock(&p->endpoint_lock);
	if (a.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof(host));
		uapi_print(to, "endpoint=%s:%u\n", host, ntohs(a.v4.sin_port));
	} else if (a.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof(host));
		uapi_print(to, "endpoint=[%s", host);
		if (a.v6.sin6_scope_id)
			uapi_print(to, "%%%u", a.v6.sin6_scope_id);
		uapi_print(to, "]:%u\n", ntohs(a.v6.sin6_port));
	}
}

static int collect(void *entries, int family, const uint8_t *address, unsigned length)
{
	struct entries *to = entries;

	to->at[to->count++] = entry_of(family, address, length);
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = x->family - y->family;

	if (!order)
		order = memcmp(x->address, y->address, sizeof(x->address));
	return order ? order : x->length - y->length;
}

// In the order of the addresses, whatever order the variant keeps them in.
static void print_allowed_ips(struct uapi_buffer *to, struct peer *p)
{
	struct entries all = {.at = malloc((p->allowed_ips.count + 1) * sizeof(*all.at))};
	char host[INET6_ADDRSTRLEN];

	if (!all.at) {
		to->failed = true;
		return;
	}
	allowedips_each(p->device->tables.allowed_ips, &p->allowed_ips, collect, &all);
	qsort(all.at, all.count, sizeof(*all.at), compare_entries);
	for (struct entry *e = all.at; e < all.at + all.count; e++) {
		inet_ntop(e->family, e->address, host, sizeof(host));
		uapi_print(to, "allowed_ip=%s/%u\n", host, e->length);
	}
	free(all.at);
}

static void print_peer(struct uapi_buffer *to, struct peer *p)
{
	uint64_t wall_ns = atomic_load(&p->handshake_wall_ns);

	print_key(to, "public_key", p->handshake.remote_static);
	print_key(to, "preshared_key", p->handshake.preshared_key);
	uapi_print(to, "protocol_version=1\n");
	print_endpoint(to, p);
	uapi_print(to, "last_handshake_time_sec=%" PRIu64 "\n", (uint64_t)(wall_ns / NS_PER_S));
	uapi_print(to, "last_handshake_time_nsec=%" PRIu64 "\n", (uint64_t)(wall_ns % NS_PER_S));
	uapi_print(to, "tx_bytes=%" PRIu64 "\n", (uint64_t)atomic_load(&p->tx_bytes));
	uapi_print(to, "rx_bytes=%" PRIu64 "\n", (uint64_t)atomic_load(&p->rx_bytes));
	uapi_print(to, "persistent_keepalive_interval=%u\n", p->persistent_keepalive_s);
	print_allowed_ips(to, p);
}

void uapi_device_get(struct device *d, struct uapi_buffer *to)
{
	struct peer *p = d->peers;

	if (d->identity.has_key)
		print_key(to, "private_key", d->identity.private_key);
	if (d->listen_port)
		uapi_print(to, "listen_port=%u\n", d->listen_port);
	if (d->fwmark)
		uapi_print(to, "fwmark=%" PRIu32 "\n", d->fwmark);
	// In the order in which they were added; the list has the newest first.
	while (p && p->next)
		p = p->next;
	for (; p; p = p->previous)
		print_peer(to, p);
}
