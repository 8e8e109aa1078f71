#include "base/schema.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

static const char key[] = "schema";

unsigned schema_of(const json_t *document, unsigned newest, struct text *fault)
{
	const json_t *schema = json_object_get(document, key);
	json_int_t version = json_integer_value(schema);

	if (json_is_integer(schema) && version >= 1 && version <= newest)
		return version;
	if (!json_is_integer(schema))
		text_set(fault, "no '%s': not a file of wgbench", key);
	else
		text_set(fault, "%s %lld, but this wgbench reads %s%u: use %s one", key,
		         (long long)version, newest > 1 ? "1 to " : "", newest,
		         version < 1 ? "an older" : "a newer");
	return 0;
}

int schema_load(void *to, const char *path, unsigned newest, const struct field *rows,
                struct text *fault)
{
	json_t *document;
	int ret = fields_load(&document, path, fault);

	if (ret)
		return ret;
	ret = schema_of(document, newest, fault) ? fields_read(to, document, rows, fault) : -EINVAL;
	if (ret) {
		char *why = text_take(fault);

		text_set(fault, " %s", why);
		free(why);
	}
	json_decref(document);
	return ret;
}

json_t *schema_write(const void *from, unsigned schema, const struct field *rows)
{
	json_t *fields = fields_write(from, rows), *document;

	if (!fields)
		return NULL;
	document = json_pack("{si}", key, schema);
	json_object_update_missing(document, fields);
	json_decref(fields);
	return document;
}
