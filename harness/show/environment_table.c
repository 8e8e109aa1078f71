#include "harness/show/environment_table.h"

void environment_table(const json_t *differences, const char *first, const char *second,
                       struct table *t)
{
	const struct table_column columns[] = {
	    {"what", TABLE_LEFT}, {first, TABLE_LEFT}, {second, TABLE_LEFT}};
	const json_t *row;
	size_t i;

	table_init(t, columns, 3);
	json_array_foreach(differences, i, row)
	{
		for (size_t c = 0; c < 3; c++) {
			const char *text = json_string_value(json_array_get(row, c));

			table_add(t, text ? TABLE_PLAIN : TABLE_DIM, "%s",
			          text ? text : "not recorded");
		}
	}
}
