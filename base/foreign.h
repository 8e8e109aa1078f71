// What other programs and the kernel print. A number that is missing is never a 0: it is NAN, or an
// error that names it.
#ifndef WGBENCH_BASE_FOREIGN_H
#define WGBENCH_BASE_FOREIGN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

// A member that is a number, finite and not negative; NAN for anything else: missing, null, text.
double foreign_number(const json_t *object, const char *key);

struct foreign_row {
	const char *key;
	double *to;
};

// Reads all members, up to a row without a key. NULL, or the key of the first that foreign_number()
// doesn't take.
const char *foreign_numbers(const json_t *object, const struct foreign_row *rows);

// A number that the text begins with: digits, for a decimal one with a point among them; without a
// sign, an exponent, or space before it. `end` is after it; NULL: nothing but the end of the line
// may follow. False: there is no such number.
bool foreign_unsigned(const char *text, unsigned long long *value, const char **end);
bool foreign_decimal(const char *text, double *value, const char **end);

// Counters, which start at any value: how far one went. NAN where either wasn't read, or it ran
// backwards.
#define FOREIGN_UNKNOWN (~0ull)
double foreign_difference(unsigned long long before, unsigned long long after);

// As JSON: a whole number, or null for NAN.
json_t *foreign_count(double n);

#endif
