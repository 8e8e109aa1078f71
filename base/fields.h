// A JSON object, described once as rows: each field's type, range and alphabet, and where a struct
// holds it. Whatever is read from disk is checked by its rows before anything else looks at it;
// the same rows read it into the struct, write it from there and free what it owns.
//
//     static const struct field tunnel_rows[] = {
//         {"spec", FIELD_TEXT, FIELD_IN(struct run_tunnel, spec), .min = 1, .max = 255},
//         {"version", FIELD_TEXT, FIELD_IN(struct run_tunnel, version), .max = 511},
//         {0},
//     };
//     static const struct field tunnel = {.kind = FIELD_OBJECT, .rows = tunnel_rows};
//     static const struct field run_rows[] = {
//         {"tunnels", FIELD_ARRAY, FIELD_LIST(struct run, tunnel, tunnels), .min = 1, .max = 16,
//          .rows = &tunnel},
//         {0},
//     };
#ifndef WGBENCH_BASE_FIELDS_H
#define WGBENCH_BASE_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct text;

enum field_kind {
	// Texts; min and max are bytes.
	FIELD_TEXT,   // any; written elsewhere, it is quoted
	FIELD_ASCII,  // printable
	FIELD_NAME,   // of a file or folder: letters, digits, '.', '_', '-', '.' and '-' not first
	FIELD_METRIC, // letters, digits and '_', a letter first
	FIELD_WORKLOAD, // as trials name it: tcp:flows=8,both=1
	FIELD_HEX,      // digits and a to f
	FIELD_TIME,     // RFC 3339; min and max don't count
	FIELD_WORD,     // one of `words`; a struct holds its index, as an enum or a bool
	// Numbers; min and max are values.
	FIELD_INTEGER, // a struct's is signed where min is below 0
	FIELD_NUMBER,  // a double
	FIELD_BOOLEAN, // a bool
	// What holds others; min and max are how many.
	FIELD_ARRAY,  // of what `rows` says
	FIELD_MAP,    // an object of values that `rows` says; its key is an example of their names
	FIELD_OBJECT, // of the fields that `rows` say, which end in one without a key, and of
	              // others
	FIELD_ANY,    // not looked at here; a struct holds it as JSON
	FIELD_REST,   // the first row, of no field: the whole object as it was read, held as JSON.
	              // What is written begins with it, so that fields without a row stay
};

// One that isn't required has the value `otherwise`, or no text, element or JSON, where it is
// missing. OPTIONAL: it is left out where it has that. ADDED: older files lack it; it is written in
// any case. OR_NULL: it is null then; a number is NAN, or infinite where `otherwise` is; an object
// is null where its member has no value at all.
enum field_presence { FIELD_REQUIRED, FIELD_OPTIONAL, FIELD_ADDED, FIELD_OR_NULL };

enum field_place { FIELD_NOWHERE, FIELD_VALUE, FIELD_OWNED_TEXT, FIELD_JSON };

struct field {
	const char *key;
	enum field_kind kind;
	enum field_presence presence;
	double min, max;
	double otherwise;
	const char *const *words; // end in NULL
	const struct field *rows; // of an object; of an array or a map, one: what each is
	enum field_kind keys;     // of a map

	// Set by the macros below; without them a field is checked only.
	enum field_place place;
	size_t at, bytes; // of an array or a map: the member that points to it, and each element
	size_t count_at;
};

// The member that holds a field. A text's is an array of char or, owned, a char *; a json_t * takes
// a field of any kind as it is. An object without it has its fields in the struct around it.
#define FIELD_IN(type, member)                                                                     \
	.place = FIELD_PLACE(&((type *)0)->member), .at = offsetof(type, member),                  \
	.bytes = sizeof(((type *)0)->member)

// The members that hold an array: a pointer to the elements, which are owned, and a size_t. The
// elements of a map are structs that begin with the name, a char *.
#define FIELD_LIST(type, member, count)                                                            \
	.place = FIELD_VALUE, .at = offsetof(type, member), .bytes = sizeof(*((type *)0)->member), \
	.count_at = offsetof(type, count)

// In the row of an array's elements, where they are no structs.
#define FIELD_EACH(type) .place = FIELD_PLACE((type *)0), .bytes = sizeof(type)

#define FIELD_PLACE(pointer)                                                                       \
	_Generic((pointer), char **                                                                \
	         : FIELD_OWNED_TEXT, const char ** : FIELD_OWNED_TEXT, json_t **                   \
	         : FIELD_JSON, default             : FIELD_VALUE)

// Reads a regular file, gzipped or not, that holds a JSON object of 64 MB at most, nested at most
// 32 deep, without a key twice. 0; -errno with the reason in `fault`: "12: ..." where a line is at
// fault.
int fields_load(json_t **, const char *path, struct text *fault);

// 0; -EINVAL with what is wrong in `fault`: "'tunnels[1].spec' must be a text of 1 to 255 bytes".
int fields_check(const json_t *object, const struct field *rows, struct text *fault);

// Checks an object and reads it into a zeroed struct, which then owns what its rows say: see
// fields_free(). 0; -EINVAL with what is wrong in `fault`, the struct as it was.
int fields_read(void *to, const json_t *object, const struct field *rows, struct text *fault);

// Gives a zeroed struct the values of an object that has no field at all.
void fields_init(void *, const struct field *rows);

// A new object; NULL: a value that JSON can't hold, such as a number that isn't finite.
json_t *fields_write(const void *from, const struct field *rows);

// What the struct owns, of which it then has nothing.
void fields_free(void *, const struct field *rows);

// Whether it isn't nested deeper than a file may be.
bool fields_is_shallow(const json_t *);

// A time of RFC 3339, with a fraction or another offset too. false: it isn't one.
bool fields_time(const char *text, time_t *);

#endif
