#include "tunnel/tables.h"

#include <errno.h>
#include "tunnel/index.h"
#include "variants/allowedips/allowedips.h"

int tables_init(struct tables *t, const uint8_t seed[HASHTABLE_SEED_BYTES])
{
	t->allowed_ips = allowedips_new();
	if (!t->allowed_ips)
		return -ENOMEM;
	t->by_index = index_table_new(seed);
	if (t->by_index)
		return 0;
	allowedips_free(t->allowed_ips);
	return -ENOMEM;
}

void tables_free(struct tables *t)
{
	hashtable_free(t->by_index);
	allowedips_free(t->allowed_ips);
}
