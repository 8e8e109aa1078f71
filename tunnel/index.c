// The table from receiver index to key pair or handshake: chained buckets chosen by the index's
// low bits, which are as random as the index is.
#include <sodium.h>
#include <stdlib.h>
#include "tunnel/device.h"

static struct index_entry **find(struct device *d, uint32_t index)
{
	struct index_entry **link = &d->by_index[index % DEVICE_INDEX_BUCKETS];

	while (*link && (*link)->index != index)
		link = &(*link)->next;
	return link;
}

struct index_entry *index_new(struct device *d, struct peer *p)
{
	struct index_entry *entry = calloc(1, sizeof(*entry)), **link;

	if (!entry)
		return NULL;
	do {
		entry->index = randombytes_random();
		link = find(d, entry->index);
	} while (*link);
	entry->peer = p;
	*link = entry;
	return entry;
}

struct index_entry *index_lookup(struct device *d, uint32_t index)
{
	return *find(d, index);
}

void index_remove(struct device *d, uint32_t index)
{
	struct index_entry **link = find(d, index), *entry = *link;

	if (!entry)
		return;
	*link = entry->next;
	free(entry);
}
