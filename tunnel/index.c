#include "tunnel/index.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>

struct hashtable *index_table_new(const uint8_t seed[HASHTABLE_SEED_BYTES])
{
	return hashtable_new(
	    HASHTABLE_INDICES,
	    offsetof(struct index_entry, index) - offsetof(struct index_entry, by_index), seed);
}

struct index_entry *index_new(struct hashtable *table, struct peer *p)
{
	struct index_entry *entry = calloc(1, sizeof(*entry));
	int ret;

	if (!entry)
		return NULL;
	entry->peer = p;
	do {
		entry->index = randombytes_random();
		ret = hashtable_insert(table, &entry->by_index);
	} while (ret == -EEXIST);
	hashtable_quiesce(table);
	if (!ret)
		return entry;
	free(entry);
	return NULL;
}

struct index_entry *index_lookup(struct hashtable *table, uint32_t index)
{
	struct hashtable_node *node = hashtable_lookup(table, &index);

	return node ? (struct index_entry *)((char *)node - offsetof(struct index_entry, by_index))
	            : NULL;
}

void index_remove(struct hashtable *table, uint32_t index)
{
	struct index_entry *entry = index_lookup(table, index);

	if (!entry)
		return;
	hashtable_remove(table, &entry->by_index);
	hashtable_quiesce(table);
	free(entry);
}
