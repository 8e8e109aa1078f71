// What can be compared: a tunnel SPEC (architecture.md's command line) is a preset, or
// `slot=variant,...` over the preset `default`, each perhaps with `+SWITCH=VALUE` (of those that
// `wgbench-tunnel --help` lists), several times, and with `@REVISION` at the end; or an external
// tunnel: `wireguard-go`, `kernel`, `exec:/path/to/program`. And `veth`, no tunnel at all: the path
// that the outer packets take, for the inner ones.
#ifndef WGBENCH_SPEC_PARSE_H
#define WGBENCH_SPEC_PARSE_H

#include "harness/spec/root.h"

#include <stdbool.h>
#include <stddef.h>

struct text;

enum { SPEC_SLOTS_MAX = 16, SPEC_VARIANTS_MAX = 32, SPEC_NAME_MAX = 256 };

enum spec_kind { SPEC_OWN, SPEC_WIREGUARD_GO, SPEC_KERNEL, SPEC_EXEC, SPEC_VETH };

struct spec_slot {
	char name[32];
	size_t variants;
	char variant[SPEC_VARIANTS_MAX][32];
};

enum { SPEC_MEANING_MAX = 96 };

struct spec_preset {
	char name[32];
	char meaning[SPEC_MEANING_MAX]; // for the reader; ""
	size_t variant[SPEC_SLOTS_MAX]; // index into the slot's variants
};

// What exists in a source tree: read from variants/*/ and variants/presets, never compiled in.
struct spec_catalog {
	char *root; // of the source tree, absolute
	size_t slots, presets;
	struct spec_slot slot[SPEC_SLOTS_MAX];
	struct spec_preset preset[16];
};

struct spec {
	enum spec_kind kind;
	char name[SPEC_NAME_MAX];  // canonical, slots in the catalog's order: what run.json shows
	char build[SPEC_NAME_MAX]; // own: the name under build/<profile>/tunnels/
	char switches[128];        // own: "switch=value,...", or ""
	char revision[128];        // own: as given after '@', or ""
	char commit[64];           // own: which commit that is; "" without a revision
	char control[64];          // own: a commit known to build as this spec, or ""
	char program[4096];        // exec: the path
	char meaning[SPEC_MEANING_MAX]; // what it is, where that is known: of a preset; ""
	// own: what each slot holds, in the tree (or the revision) that it is built from
	size_t choices;
	struct {
		char slot[32], variant[32];
	} choice[SPEC_SLOTS_MAX + 1]; // and what is planted
};

// What that tree holds, which the caller frees, after a failure too. 0; -errno after a printed
// line.
int spec_catalog_load(struct spec_catalog *);

// The same of another revision of that tree.
int spec_catalog_load_revision(struct spec_catalog *, const char *root, const char *commit);

void spec_catalog_free(struct spec_catalog *);

// The full hash of the commit that `revision` names. 0; -EINVAL where git knows none, other -errno
// where git can't be asked, both after a printed line.
int spec_resolve_revision(const char *root, const char *revision, char commit[64]);

// Parses one SPEC. 0; -EINVAL after one printed line that names the word and lists what exists;
// other -errno after one where git can't be asked.
int spec_parse(struct spec *, const struct spec_catalog *, const char *text);

// The name of the i-th external tunnel; NULL after the last.
const char *spec_external_name(size_t i);

// Whether the tunnel can be used here; else the reason and the remedy in one line. (For `veth`, the
// line is a note.)
bool spec_available(const struct spec *, const struct spec_catalog *, struct text *reason);

// The wireguard-go that `make external` fetched, else the one in PATH.
bool spec_find_wireguard_go(const struct spec_catalog *, char program[4096]);

// Puts the switches into the environment that programs started from now on inherit. A SPEC without
// any clears those of the caller's environment, so that a run measures what its SPEC says.
void spec_set_switches(const struct spec *);

// Builds the program, in the source tree or in a work tree of the revision under build/revisions/,
// and writes its absolute path (kernel: "") and the full commit hash (external: ""): followed by
// "-dirty" where the tree differs from that commit; "unknown" for a tree without .git, which is
// printed once. 0; -EINVAL where make failed, other -errno where the machine did, both after a
// printed line with the end of the compiler's output. With a `control`, a failure is the machine's
// unless the control builds in the same place and the commit then still doesn't. Layout 0 is the
// plain one; any other links the same objects of our own tunnels in an order drawn from its number.
int spec_build(const struct spec *, const struct spec_catalog *, unsigned layout,
               char program[4096], char commit[64]);

// The same for the wgbench-replay (workloads/replay) of a tunnel of our own.
int spec_build_replay(const struct spec *, const struct spec_catalog *, char program[4096],
                      char commit[64]);

// Runs make for another target of the same tree. 0; -errno after a printed line, likewise.
int spec_make(const struct spec_catalog *, const char *target);

#endif
