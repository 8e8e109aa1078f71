// Genuine handshakes, perhaps damaged, late or from elsewhere, and which of them the device must
// take.
#include "tests/fuzz/messages/bed.h"

// Outside of mac2, which nobody looks at without load.
static bool whole(const struct damage *d, size_t n)
{
	return !d->bits || (n > COOKIE_BYTES && d->at % n >= n - COOKIE_BYTES);
}

static void record_initiation(struct bed *bed, struct remote *r)
{
	struct message_initiation *m = &r->record;

	r->begun_index = ++r->next_index;
	FUZZ_CHECK(
	    !noise_initiation_create(m, &r->begun, &r->identity, r->begun_index, clock_wall_ns()));
	cookie_add_macs(&r->cookie, m, sizeof(*m), bed->now_ns);
	noise_tai64n(r->record_timestamp, clock_wall_ns());
	r->recorded = true;
}

void step_initiate(struct bed *bed, struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = damage_read(in, options & 1);
	struct endpoint from = datagrams_source(bed, r, options >> 1 & 3);
	struct peer *p = bed_peer(bed, r);
	uint8_t latest[NOISE_TIMESTAMP_BYTES] = {0};
	bool loaded = bed->now_ns < bed->device->load.until_ns;

	if (!(options & 8) || !r->recorded)
		record_initiation(bed, r);
	struct message_initiation m = r->record;
	damage_inflict(&damage, (uint8_t *)&m, sizeof(m));
	bool good =
	    p && whole(&damage, sizeof(m)) &&
	    memcmp(r->record_timestamp, p->handshake.latest_timestamp, sizeof(latest)) > 0 &&
	    (!p->last_initiation_accepted_ns ||
	     bed->now_ns - p->last_initiation_accepted_ns >= NS_PER_S / INITIATIONS_PER_S);
	uint64_t before_ns = p ? p->last_initiation_accepted_ns : 0;
	if (p)
		memcpy(latest, p->handshake.latest_timestamp, sizeof(latest));
	datagrams_receive(bed, (uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	bed_handle_posted(bed);
	if (!p)
		return;
	bool taken = memcmp(latest, p->handshake.latest_timestamp, sizeof(latest)) ||
	             p->last_initiation_accepted_ns != before_ns;
	FUZZ_CHECK(!taken || (good && (!loaded || !damage.bits)));
	FUZZ_CHECK(taken || !good || loaded);
	if (taken) {
		FUZZ_CHECK(p->next_keypair &&
		           p->next_keypair->remote_index == le32toh(m.sender_index));
		r->endpoint = from;
	}
}

void step_respond(struct bed *bed, struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = damage_read(in, options & 1);
	struct endpoint from = datagrams_source(bed, r, options >> 1 & 3);
	struct peer *p = bed_peer(bed, r);
	struct message_response m;
	bool loaded = bed->now_ns < bed->device->load.until_ns;

	if (!r->pending)
		return;
	r->pending = false;
	uint32_t there = r->asked.remote_index, here = ++r->next_index;
	FUZZ_CHECK(!noise_response_create(&m, &r->asked, here));
	r->begun_index = here;
	cookie_add_macs(&r->cookie, &m, sizeof(m), bed->now_ns);
	remote_derive(r, &r->asked);
	damage_inflict(&damage, (uint8_t *)&m, sizeof(m));
	bool good = p && whole(&damage, sizeof(m)) &&
	            p->handshake.state == NOISE_INITIATION_CREATED &&
	            p->handshake.local_index == there;
	// What it accepts makes it send, so where to must be known before.
	datagrams_receive(bed, (uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	bed_handle_posted(bed);
	if (!p)
		return;
	bool taken = p->current && p->current->remote_index == here;
	FUZZ_CHECK(!taken || (good && (!loaded || !damage.bits)));
	FUZZ_CHECK(taken || !good || loaded);
	if (taken)
		r->endpoint = from;
}

void step_cookie(struct bed *bed, struct fuzz_input *in, struct remote *r, unsigned options)
{
	struct damage damage = damage_read(in, options & 1);
	struct endpoint from = datagrams_source(bed, r, options >> 1 & 3);
	struct peer *p = bed_peer(bed, r);
	struct message_cookie m;
	uint8_t before[COOKIE_BYTES] = {0};

	if (!r->last_bytes)
		return;
	cookie_reply_create(&r->checker, &m, r->last, r->last_bytes,
	                    le32toh(remote_word(r->last + 4)), &r->address.any, bed->now_ns);
	damage_inflict(&damage, (uint8_t *)&m, sizeof(m));
	if (p)
		memcpy(before, p->cookie.cookie, sizeof(before));
	datagrams_receive(bed, (uint8_t *)&m, sizeof(m), sizeof(m), &from, 0);
	bed_handle_posted(bed);
	FUZZ_CHECK(!p || !damage.bits || !memcmp(before, p->cookie.cookie, sizeof(before)));
}
