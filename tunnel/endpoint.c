#include "tunnel/endpoint.h"

#include <string.h>

bool endpoint_address_equal(const union endpoint_address *a, const union endpoint_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	if (a->any.sa_family == AF_INET6)
		return a->v6.sin6_port == b->v6.sin6_port &&
		       a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
		       !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr));
	return true;
}

bool endpoint_source_equal(const struct endpoint_source *a, const struct endpoint_source *b)
{
	return !memcmp(&a->v6, &b->v6, sizeof(a->v6)) && a->ifindex == b->ifindex;
}

bool endpoint_source_known(const struct endpoint_source *s)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&s->v6);
}

bool endpoint_learn(struct endpoint *e, const struct endpoint *from)
{
	if (endpoint_address_equal(&e->remote, &from->remote) &&
	    (endpoint_source_equal(&e->local, &from->local) ||
	     (endpoint_source_known(&e->refused) &&
	      endpoint_source_equal(&e->refused, &from->local))))
		return false;
	*e = *from;
	return endpoint_source_known(&e->local);
}
