// What the variants of `allowedips` share: the list of one owner's entries, and prefixes as text.
//
// The list is doubly linked through the entries, so that an entry leaves it in one step.
#ifndef WGBENCH_ALLOWEDIPS_ENTRIES_H
#define WGBENCH_ALLOWEDIPS_ENTRIES_H

#include "variants/allowedips/allowedips.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

// The head of what holds an entry. Zeroed is no entry.
struct entry {
	struct entry *previous, *next;  // of the same owner
	struct allowedips_owner *owner; // NULL: no entry
};

static inline void entry_disown(struct entry *entry)
{
	struct allowedips_owner *owner = entry->owner;

	if (entry->previous)
		entry->previous->next = entry->next;
	else
		owner->entries = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	*entry = (struct entry){0};
	owner->count--;
}

static inline void entry_own(struct entry *entry, struct allowedips_owner *owner)
{
	if (entry->owner)
		entry_disown(entry);
	struct entry *first = owner->entries;
	*entry = (struct entry){.next = first, .owner = owner};
	if (first)
		first->previous = entry;
	owner->entries = entry;
	owner->count++;
}

// Bits of an address; 0 for any other family.
static inline unsigned family_width(int family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

static inline int width_family(unsigned width)
{
	return width == 32 ? AF_INET : AF_INET6;
}

// Clears the bits beyond `length` of an address in network order.
static inline void mask_address(uint8_t *address, unsigned length, unsigned width)
{
	unsigned whole = length / 8;

	for (unsigned i = whole; i < width / 8; i++)
		address[i] &= i == whole ? (uint8_t) ~(0xff >> length % 8) : 0;
}

#define PREFIX_TEXT_BYTES (INET6_ADDRSTRLEN + sizeof("/128"))

// "ADDRESS/LENGTH", the address (network order) masked by that length; returns `text`.
static inline const char *prefix_text(char *text, const void *address, unsigned length,
                                      unsigned width)
{
	uint8_t masked[16];

	memcpy(masked, address, width / 8);
	mask_address(masked, length, width);
	inet_ntop(width_family(width), masked, text, INET6_ADDRSTRLEN);
	sprintf(text + strlen(text), "/%u", length);
	return text;
}

#endif
