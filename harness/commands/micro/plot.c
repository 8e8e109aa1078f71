#include "harness/commands/micro/plot.h"

#include "base/memory.h"
#include "base/text.h"
#include "harness/show/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Cuts "/KEY:VALUE" out of a name: what entries of the same plot have in common.
static char *drop_parameter(const char *shown, const char *key)
{
	struct text kept = {0};
	size_t length = strlen(key), part_length;

	for (const char *part = shown; *part; part += part_length + !!part[part_length]) {
		bool is_key = part != shown && !strncmp(part, key, length) && part[length] == ':';

		part_length = strcspn(part, "/");
		if (!is_key)
			text_add(&kept, "%s%.*s", kept.length ? "/" : "", (int)part_length, part);
	}
	return text_take(&kept);
}

// The first parameter of the sweep's entries that has several values; false: none has.
static bool find_axis(const struct micro_result *r, const char *sweep, char key[64])
{
	const struct micro_entry *first = NULL;

	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++)
		if (!first && !strcmp(e->sweep, sweep) && strchr(e->shown, ':'))
			first = e;
	for (const char *part = first ? strchr(first->shown, '/') : NULL; part;
	     part = strchr(part, '/')) {
		double one, other;

		part++;
		snprintf(key, 64, "%.*s", (int)strcspn(part, ":/"), part);
		if (!micro_parameter(first->shown, key, &one))
			continue;
		for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++)
			if (!strcmp(e->sweep, sweep) && micro_parameter(e->shown, key, &other) &&
			    one != other)
				return true;
	}
	return false;
}

static int by_variant_and_x(const void *a, const void *b)
{
	const struct plot_point *p = a, *q = b;

	if (p->variant != q->variant)
		return p->variant < q->variant ? -1 : 1;
	return (p->x > q->x) - (p->x < q->x);
}

// The number of threads follows from the parameters.
static char *name_common(const struct micro_entry *e, const char *key)
{
	char *once = drop_parameter(e->shown, key), *common = drop_parameter(once, "threads");

	free(once);
	return common;
}

static bool has_common(const struct micro_entry *e, const char *key, const char *common)
{
	char *own = name_common(e, key);
	bool has = !strcmp(own, common);

	free(own);
	return has;
}

static size_t gather_points(const struct micro_result *r, const char *common, const char *key,
                            struct plot_point *points)
{
	size_t n = 0;

	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++) {
		double x;

		if (!has_common(e, key, common) || !micro_parameter(e->shown, key, &x))
			continue;
		for (size_t v = 0; v < r->variants; v++)
			if (e->cell[v].runs && !e->cell[v].error)
				points[n++] = (struct plot_point){
				    v, x, e->cell[v].median, e->cell[v].least, e->cell[v].greatest};
	}
	qsort(points, n, sizeof(*points), by_variant_and_x);
	return n;
}

static int plot_common(struct document *d, const char *root, const struct micro_result *r,
                       const char *common, const char *key)
{
	struct plot_point *points = memory_new(r->entries * r->variants, sizeof(*points));
	char *title = text_format("%s: %s (lower is better)", r->slot, common);
	char *file = text_format("%s-%s", r->slot, common), *svg;
	int ret = 0;

	struct plot_sweep sweep = {.title = title,
	                           .x_label = key,
	                           .y_label = "ns",
	                           .variants = r->variants,
	                           .points = gather_points(r, common, key, points),
	                           .variant = r->variant,
	                           .point = points};
	if (sweep.points > r->variants)
		ret = plot_sweep(root, &sweep, &svg);
	if (!ret && sweep.points > r->variants) {
		ret = document_plot(d, file, svg);
		free(svg);
	}
	free(file);
	free(title);
	free(points);
	return ret;
}

static bool is_first(const struct micro_result *r, size_t entry, const char *key,
                     const char *common)
{
	for (size_t e = 0; e < entry; e++)
		if (has_common(&r->entry[e], key, common))
			return false;
	return true;
}

int micro_plot_slot(struct document *d, const char *root, const struct micro_result *r)
{
	int ret = 0;

	for (size_t e = 0; e < r->entries && !ret; e++) {
		char key[64];

		if (!find_axis(r, r->entry[e].sweep, key))
			continue;
		char *common = name_common(&r->entry[e], key);
		if (is_first(r, e, key, common))
			ret = plot_common(d, root, r, common, key);
		free(common);
	}
	return ret;
}
