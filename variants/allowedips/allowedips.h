// Slot `allowedips`: the table of allowed IPs, from an inner address to the peer that owns it
// (cryptokey routing; WireGuard paper, section 2). The longest matching prefix wins.
//
// Thread safety: any number of calls with a const table at once; every other call excludes all
// others. The tunnel holds its path lock exclusively for the latter.
#ifndef WGBENCH_ALLOWEDIPS_H
#define WGBENCH_ALLOWEDIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

extern const char allowedips_variant[];

struct allowedips;

// The owner of entries, embedded in each peer. Zeroed is empty. The variant links the entries of
// one owner here, so that removing a peer costs in proportion to its own entries.
struct allowedips_owner {
	void *entries; // the variant's
	size_t count;  // entries owned now
};

// NULL when out of memory.
struct allowedips *allowedips_new(void);
// Every owner's entries must have been removed, or its memory must not be used any more.
void allowedips_free(struct allowedips *);

// family: AF_INET or AF_INET6; address: 4 or 16 bytes in network order, bits beyond `length` are
// ignored; length: 0 to 32 or 128. An entry that another owner holds moves to `owner`, which needs
// no memory. 0, -EINVAL (family or length), or -ENOMEM: then nothing has changed.
int allowedips_insert(struct allowedips *, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner);

// Removes that very prefix if `owner` holds it. 0, -EINVAL, or -ENOENT.
int allowedips_remove(struct allowedips *, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner);

// Removes every entry of the owner, in time proportional to their number (times the depth).
void allowedips_remove_owner(struct allowedips *, struct allowedips_owner *owner);

// The owner of the longest prefix that covers the address (4 or 16 bytes, network order), or NULL.
struct allowedips_owner *allowedips_lookup(const struct allowedips *, int family,
                                           const void *address);

// The owner of that very prefix, or NULL.
struct allowedips_owner *allowedips_owner_of(const struct allowedips *, int family,
                                             const void *address, unsigned length);

// Calls `each` for every entry of the owner, in no stated order; the address is masked, in network
// order. Stops at the first call that returns other than 0 and returns that value.
int allowedips_each(const struct allowedips *, const struct allowedips_owner *owner,
                    int (*each)(void *context, int family, const uint8_t *address, unsigned length),
                    void *context);

// Bytes that the table's own memory takes now, without the owners.
size_t allowedips_bytes(const struct allowedips *);

// Writes how the table is laid out as a Graphviz digraph, for people. Every prefix is masked by its
// own length. `name` gives an owner's name, which must hold no quote and no backslash. The stream's
// error indicator tells of failure.
void allowedips_dump(const struct allowedips *, FILE *to,
                     const char *(*name)(const struct allowedips_owner *));

#endif
