// The texts among the kinds of base/fields.h.
#ifndef WGBENCH_BASE_FIELDS_TEXT_H
#define WGBENCH_BASE_FIELDS_TEXT_H

#include "base/fields.h"

// Whether a value is a text of the field's kind and length.
bool fields_text_is_right(const json_t *value, const struct field *);

#endif
