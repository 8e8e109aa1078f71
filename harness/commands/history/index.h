// The tables of a history, and how run folders get into them.
#ifndef WGBENCH_HISTORY_INDEX_H
#define WGBENCH_HISTORY_INDEX_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

struct history_database {
	const char *path; // borrowed
	sqlite3 *db;
};

// Opens, or makes, a database of this schema. With `rebuild`, one of another schema is emptied; a
// file that isn't a history is refused either way. 0; -errno after a printed line.
int history_open(struct history_database *, const char *path, bool rebuild);
void history_close(struct history_database *);

// Takes up what is new or changed below `dirs`, forgets what is gone, and leaves in the temporary
// table `seen` the ids of the runs that are there. Likewise.
int history_update(struct history_database *, const char *const *dirs, size_t n,
                   size_t *unreadable);

// Prepares a statement and binds its parameters: by `types`, t a text, i a long long, d a double
// (NULL where it isn't finite). NULL after a printed line.
sqlite3_stmt *history_prepare(struct history_database *, const char *sql, const char *types, ...);

// Prints what SQLite says is wrong. -EIO.
int history_complain(const struct history_database *);

#endif
