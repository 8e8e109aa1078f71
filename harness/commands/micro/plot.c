#include "harness/commands/micro/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/show/plot.h"

// Cuts "/KEY:VALUE" out of a name: what entries of the same plot have in common.
static void without_parameter(const char *shown, const char *key, char *text, size_t bytes)
{
	size_t length = strlen(key), n = 0;

	for (const char *part = shown; *part && n < bytes;) {
		size_t part_length = strcspn(part, "/");
		bool is_key = part != shown && !strncmp(part, key, length) && part[length] == ':';

		if (!is_key)
			n += snprintf(text + n, bytes - n, "%s%.*s", n ? "/" : "", (int)part_length,
			              part);
		part += part_length + !!part[part_length];
	}
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
static void common_of(const struct micro_entry *e, const char *key, char *text, size_t bytes)
{
	char once[128];

	without_parameter(e->shown, key, once, sizeof(once));
	without_parameter(once, "threads", text, bytes);
}

static size_t gather(const struct micro_result *r, const char *common, const char *key,
                     struct plot_point *points)
{
	size_t n = 0;

	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++) {
		char own[128];
		double x;

		common_of(e, key, own, sizeof(own));
		if (strcmp(own, common) || !micro_parameter(e->shown, key, &x))
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
	struct plot_point *points = calloc(r->entries * r->variants, sizeof(*points));
	char title[256], file[256], *svg;
	int ret = 0;

	if (!points)
		abort();
	snprintf(title, sizeof(title), "%s: %s (lower is better)", r->slot, common);
	snprintf(file, sizeof(file), "%s-%s", r->slot, common);
	struct plot_sweep sweep = {.title = title,
	                           .x_label = key,
	                           .y_label = "ns",
	                           .variants = r->variants,
	                           .points = gather(r, common, key, points),
	                           .variant = r->variant,
	                           .point = points};
	if (sweep.points > r->variants)
		ret = plot_sweep(root, &sweep, &svg);
	if (!ret && sweep.points > r->variants) {
		ret = document_plot(d, file, svg);
		free(svg);
	}
	free(points);
	return ret;
}

static bool is_first(const struct micro_result *r, size_t entry, const char *key)
{
	char common[128], other[128];

	common_of(&r->entry[entry], key, common, sizeof(common));
	for (size_t e = 0; e < entry; e++) {
		common_of(&r->entry[e], key, other, sizeof(other));
		if (!strcmp(common, other))
			return false;
	}
	return true;
}

int micro_plot_slot(struct document *d, const char *root, const struct micro_result *r)
{
	int ret = 0;

	for (size_t e = 0; e < r->entries && !ret; e++) {
		char key[64], common[128];

		if (!find_axis(r, r->entry[e].sweep, key) || !is_first(r, e, key))
			continue;
		common_of(&r->entry[e], key, common, sizeof(common));
		ret = plot_common(d, root, r, common, key);
	}
	return ret;
}
