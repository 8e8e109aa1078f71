// The table from receiver index to key pair or handshake. It's changed with the path held
// exclusively, so no lookup is under way when a change ends.
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include "tunnel/device.h"

int index_table_new(struct device *d)
{
	d->by_index = hashtable_new(HASHTABLE_INDICES,
	                            offsetof(struct index_entry, index) -
	                                offsetof(struct index_entry, by_index),
	                            d->key_seed);
	return d->by_index ? 0 : -ENOMEM;
}

struct index_entry *index_new(struct device *d, struct peer *p)
{
	struct index_entry *entry = calloc(1, sizeof(*entry));
	int ret;

	if (!entry)
		return NULL;
	entry->peer = p;
	do {
		entry->index = randombytes_random();
		ret = hashtable_insert(d->by_index, &entry->by_index);
	} while (ret == -EEXIST);
	hashtable_quiesce(d->by_index);
	if (!ret)
		return entry;
	free(entry);
	return NULL;
}

struct index_entry *index_lookup(struct device *d, uint32_t index)
{
	struct hashtable_node *node = hashtable_lookup(d->by_index, &index);

	return node ? (struct index_entry *)((char *)node - offsetof(struct index_entry, by_index))
	            : NULL;
}

void index_remove(struct device *d, uint32_t index)
{
	struct index_entry *entry = index_lookup(d, index);

	if (!entry)
		return;
	hashtable_remove(d->by_index, &entry->by_index);
	hashtable_quiesce(d->by_index);
	free(entry);
}
