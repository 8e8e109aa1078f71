// Refusals, by call and errno.
#include "tunnel/feature.h"

#include <errno.h>
#include <stddef.h>
#include "tunnel/clock.h"

#define AGAIN_FIRST_NS NS_PER_S
enum { AGAIN_DOUBLINGS = 6 }; // to about a minute: then a refusal costs next to nothing

#define IN(call) (1u << FEATURE_##call)
enum { ANYWHERE = (1u << FEATURE_CALLS) - 1 };

// The first row that fits is taken; what none names is doubtful.
static const struct row {
	unsigned calls;
	int error;
	enum feature_meaning meaning;
} rows[] = {
    // Memory, descriptors and queues are short, the thread was interrupted.
    {ANYWHERE, ENOMEM, FEATURE_NOT_NOW},
    {ANYWHERE, ENOBUFS, FEATURE_NOT_NOW},
    {ANYWHERE, EAGAIN, FEATURE_NOT_NOW},
    {ANYWHERE, EINTR, FEATURE_NOT_NOW},
    {ANYWHERE, EMFILE, FEATURE_NOT_NOW},
    {ANYWHERE, ENFILE, FEATURE_NOT_NOW},
    {ANYWHERE, EBUSY, FEATURE_NOT_NOW},
    // The interface is down, on its way out, or in another state than the call needs.
    {ANYWHERE, ENETDOWN, FEATURE_NOT_NOW},
    {ANYWHERE, ENODEV, FEATURE_NOT_NOW},
    {ANYWHERE, ENXIO, FEATURE_NOT_NOW},
    {ANYWHERE, EBADFD, FEATURE_NOT_NOW},
    // The TUN driver's word for an interface that is down.
    {IN(TUN_MERGED), EIO, FEATURE_NOT_NOW},
    // There is no way to the destination, a firewall bars it, or an ICMP error came from there.
    {IN(UDP_SEGMENT), ENETUNREACH, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), EHOSTUNREACH, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), EHOSTDOWN, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), ECONNREFUSED, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), EADDRNOTAVAIL, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), EPERM, FEATURE_NOT_NOW},
    {IN(UDP_SEGMENT), EACCES, FEATURE_NOT_NOW},
    // Segments above the MTU of the route's interface (EMSGSIZE since Linux 6.13), and an interface
    // that computes no checksums or has IPsec: another route, another MTU, and it works.
    {IN(UDP_SEGMENT), EINVAL, FEATURE_DOUBTFUL},
    {IN(UDP_SEGMENT), EMSGSIZE, FEATURE_DOUBTFUL},
    {IN(UDP_SEGMENT), EIO, FEATURE_DOUBTFUL},
    // Another socket has the port for itself at the moment.
    {IN(SOCKET_OPTION), EADDRINUSE, FEATURE_NOT_NOW},
    // No capability: it won't come back.
    {IN(SOCKET_BUFFER), EPERM, FEATURE_NEVER},
    {IN(SOCKET_BUFFER), EACCES, FEATURE_NEVER},
    // Flags, header types and options that the kernel doesn't know.
    {ANYWHERE, EINVAL, FEATURE_NEVER},
    {ANYWHERE, EOPNOTSUPP, FEATURE_NEVER},
    {ANYWHERE, ENOPROTOOPT, FEATURE_NEVER},
    {ANYWHERE, ENOSYS, FEATURE_NEVER},
    {ANYWHERE, ENOTTY, FEATURE_NEVER},
    {ANYWHERE, EAFNOSUPPORT, FEATURE_NEVER},
};

enum feature_meaning feature_meaning(enum feature_call call, int error)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == error && rows[i].calls & 1u << call)
			return rows[i].meaning;
	return FEATURE_DOUBTFUL;
}

uint64_t feature_again_ns(unsigned refusals, uint64_t now_ns)
{
	return now_ns +
	       (AGAIN_FIRST_NS << (refusals < AGAIN_DOUBLINGS ? refusals : AGAIN_DOUBLINGS));
}

static uint64_t off_until(const struct feature *f)
{
	return atomic_load_explicit(&f->off_until_ns, memory_order_relaxed);
}

bool feature_on(const struct feature *f)
{
	return !off_until(f);
}

bool feature_wanted(const struct feature *f)
{
	uint64_t until_ns = off_until(f);

	return !until_ns || (until_ns != FEATURE_OFF && clock_now_ns() >= until_ns);
}

static bool turn_on(struct feature *f)
{
	uint_fast64_t until_ns = off_until(f);

	return until_ns && until_ns != FEATURE_OFF &&
	       atomic_compare_exchange_strong(&f->off_until_ns, &until_ns, 0);
}

bool feature_took(struct feature *f)
{
	if (!atomic_load_explicit(&f->worked, memory_order_relaxed))
		atomic_store_explicit(&f->worked, true, memory_order_relaxed);
	return turn_on(f);
}

bool feature_refused(struct feature *f, enum feature_meaning meaning)
{
	uint64_t until_ns = FEATURE_OFF;

	if (meaning == FEATURE_NOT_NOW || (meaning == FEATURE_NEVER && atomic_load(&f->worked)))
		return false;
	if (meaning == FEATURE_DOUBTFUL)
		until_ns = feature_again_ns(atomic_fetch_add(&f->refusals, 1), clock_now_ns());
	return !atomic_exchange(&f->off_until_ns, until_ns);
}

bool feature_retry(struct feature *f)
{
	atomic_store(&f->refusals, 0);
	return turn_on(f);
}
