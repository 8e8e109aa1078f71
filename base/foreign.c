#include "base/foreign.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

double foreign_number(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);
	double value = json_is_number(member) ? json_number_value(member) : NAN;

	return isfinite(value) && value >= 0 ? value : NAN;
}

const char *foreign_numbers(const json_t *object, const struct foreign_row *rows)
{
	const char *missing = NULL;

	for (; rows->key; rows++) {
		*rows->to = foreign_number(object, rows->key);
		if (isnan(*rows->to) && !missing)
			missing = rows->key;
	}
	return missing;
}

static bool ends_line(const char *text, const char **end)
{
	if (!end)
		return !*text || *text == '\n';
	*end = text;
	return true;
}

bool foreign_unsigned(const char *text, unsigned long long *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	return !errno && ends_line(stop, end);
}

bool foreign_decimal(const char *text, double *value, const char **end)
{
	size_t length = strspn(text, "0123456789.");
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtod(text, &stop);
	return stop == text + length && isfinite(*value) && ends_line(stop, end);
}

double foreign_difference(unsigned long long before, unsigned long long after)
{
	if (before == FOREIGN_UNKNOWN || after == FOREIGN_UNKNOWN || after < before)
		return NAN;
	return after - before;
}

json_t *foreign_count(double n)
{
	return isnan(n) ? json_null() : json_integer(n);
}
