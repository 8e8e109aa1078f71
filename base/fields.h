// What a JSON file must hold, as rows: each field's type, range and alphabet. Whatever is read from
// disk goes through here before anything else looks at it.
#ifndef WGBENCH_BASE_FIELDS_H
#define WGBENCH_BASE_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum field_kind {
	// Texts; min and max are bytes.
	FIELD_TEXT,   // any; written elsewhere, it is quoted
	FIELD_ASCII,  // printable
	FIELD_NAME,   // of a file or folder: letters, digits, '.', '_', '-', '.' and '-' not first
	FIELD_METRIC, // letters, digits and '_', a letter first
	FIELD_WORKLOAD, // as trials name it: tcp:flows=8,both=1
	FIELD_HEX,      // digits and a to f
	FIELD_TIME,     // RFC 3339; min and max don't count
	FIELD_WORD,     // one of `words`
	// Numbers; min and max are values.
	FIELD_INTEGER,
	FIELD_NUMBER,
	FIELD_BOOLEAN,
	// What holds others; min and max are how many.
	FIELD_ARRAY,  // of what `each` says
	FIELD_MAP,    // an object of values that `each` says; its key is an example of their names
	FIELD_OBJECT, // of the fields that `rows` say, which end in one without a key, and of
	              // others
	FIELD_ANY,    // not looked at here
};

enum field_presence { FIELD_REQUIRED, FIELD_OPTIONAL, FIELD_OR_NULL }; // OR_NULL: optional too

struct field {
	const char *key;
	enum field_kind kind;
	enum field_presence presence;
	double min, max;
	const char *const *words; // end in NULL
	const struct field *rows; // of an object; of an array or a map, one: what each is
	enum field_kind keys;     // of a map
};

// Reads a regular file, gzipped or not, that holds a JSON object of 64 MB at most, nested at most
// 32 deep, without a key twice. 0; -errno with the reason in `fault`: "12: ..." where a line is at
// fault.
int fields_load(json_t **, const char *path, char *fault, size_t bytes);

// 0; -EINVAL with what is wrong in `fault`: "'tunnels[1].spec' must be a text of 1 to 255 bytes".
int fields_check(const json_t *object, const struct field *rows, char *fault, size_t bytes);

// Whether it isn't nested deeper than a file may be.
bool fields_is_shallow(const json_t *);

// A time of RFC 3339, with a fraction or another offset too. false: it isn't one.
bool fields_time(const char *text, time_t *);

#endif
