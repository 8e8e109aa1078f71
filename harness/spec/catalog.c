#include "base/path.h"
#include "base/text.h"
#include "harness/spec/git.h"
#include "harness/spec/parse.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add_variant(struct spec_catalog *c, const char *slot, size_t slot_length,
                       const char *variant, size_t variant_length)
{
	struct spec_slot *s = NULL;

	for (size_t i = 0; i < c->slots && !s; i++)
		if (strlen(c->slot[i].name) == slot_length &&
		    !strncmp(c->slot[i].name, slot, slot_length))
			s = &c->slot[i];
	if ((!s && c->slots == SPEC_SLOTS_MAX) || (s && s->variants == SPEC_VARIANTS_MAX) ||
	    slot_length >= sizeof(s->name) || variant_length >= sizeof(s->variant[0])) {
		fprintf(stderr,
		        "wgbench: variants/%.*s/%.*s.c: too many variants, or too long a name\n",
		        (int)slot_length, slot, (int)variant_length, variant);
		return -E2BIG;
	}
	if (!s) {
		s = &c->slot[c->slots++];
		memcpy(s->name, slot, slot_length);
	}
	memcpy(s->variant[s->variants++], variant, variant_length);
	return 0;
}

// Takes `SLOT/VARIANT.c`, relative to variants/; other files are no variants.
static int add_file(struct spec_catalog *c, const char *path)
{
	const char *slash = strchr(path, '/'), *dot = strrchr(path, '.');

	if (!slash || !dot || strcmp(dot, ".c") || strchr(slash + 1, '/'))
		return 0;
	return add_variant(c, path, slash - path, slash + 1, dot - slash - 1);
}

// ---- presets: lines `NAME slot=variant,... # meaning`, of which `default` comes first and fills
// the others

static int refuse_preset(const struct spec_catalog *c, unsigned line, const char *what,
                         const char *word)
{
	fprintf(stderr, "wgbench: %s/variants/presets:%u: %s '%s'\n", c->root, line, what, word);
	return -EINVAL;
}

static int set_choice(const struct spec_catalog *c, size_t *chosen, char *word)
{
	char *equals = strchr(word, '=');

	if (!equals)
		return -EINVAL;
	for (size_t s = 0; s < c->slots; s++) {
		if (strlen(c->slot[s].name) != (size_t)(equals - word) ||
		    strncmp(c->slot[s].name, word, equals - word))
			continue;
		for (size_t v = 0; v < c->slot[s].variants; v++)
			if (!strcmp(c->slot[s].variant[v], equals + 1)) {
				chosen[s] = v;
				return 0;
			}
	}
	return -EINVAL;
}

// What follows '#'; the line ends before it.
static const char *cut_comment(char *line)
{
	char *comment = strchr(line, '#');

	if (!comment)
		return "";
	*comment++ = 0;
	return comment + strspn(comment, " ");
}

static int read_preset(struct spec_catalog *c, char *line, unsigned number)
{
	struct spec_preset *p = &c->preset[c->presets];
	const char *meaning = cut_comment(line);
	char *rest, *name = strtok_r(line, " \t", &rest), *word;

	if (!name)
		return 0;
	if (c->presets == sizeof(c->preset) / sizeof(c->preset[0]) ||
	    strlen(name) >= sizeof(p->name))
		return refuse_preset(c, number, "too many, or too long a name:", name);
	if (!c->presets && strcmp(name, "default"))
		return refuse_preset(c, number, "'default' must come first, not", name);
	if (strlen(meaning) >= sizeof(p->meaning))
		return refuse_preset(c, number, "too long a meaning of", name);
	strcpy(p->name, name);
	strcpy(p->meaning, meaning);
	for (size_t s = 0; s < c->slots; s++)
		p->variant[s] = c->presets ? c->preset[0].variant[s] : SIZE_MAX;
	while ((word = strtok_r(NULL, " \t,", &rest)))
		if (set_choice(c, p->variant, word))
			return refuse_preset(c, number, "no such variant:", word);
	for (size_t s = 0; s < c->slots; s++)
		if (p->variant[s] == SIZE_MAX)
			return refuse_preset(c, number, "'default' must choose a variant of",
			                     c->slot[s].name);
	c->presets++;
	return 0;
}

static int read_presets(struct spec_catalog *c, char *text)
{
	unsigned number = 0;
	int ret = 0;

	for (char *line; !ret && (line = strsep(&text, "\n"));)
		ret = read_preset(c, line, ++number);
	if (!ret && !c->presets) {
		fprintf(stderr, "wgbench: %s/variants/presets: no presets\n", c->root);
		ret = -EINVAL;
	}
	return ret;
}

// ---- from the folders

static int scan_slot(struct spec_catalog *c, const char *variants, const char *slot)
{
	char *folder = path_join(variants, slot);
	struct dirent **entries;
	int ret = 0, n = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = path_join(slot, entries[i]->d_name);

		if (!ret && entries[i]->d_name[0] != '.')
			ret = add_file(c, path);
		free(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	free(folder);
	return ret;
}

static int scan_slots(struct spec_catalog *c)
{
	char *variants = path_join(c->root, "variants");
	struct dirent **entries;
	int n = scandir(variants, &entries, NULL, alphasort), ret = n < 0 ? -errno : 0;

	if (ret)
		fprintf(stderr, "wgbench: %s: %s\n", variants, strerror(-ret));
	for (int i = 0; i < n; i++) {
		if (!ret && entries[i]->d_name[0] != '.' && entries[i]->d_type != DT_REG)
			ret = scan_slot(c, variants, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	free(variants);
	return ret;
}

static int load_presets(struct spec_catalog *c)
{
	char *path = path_join(c->root, "variants/presets"), *text = NULL;
	FILE *file = fopen(path, "re");
	size_t room = 0;
	int ret;

	if (file && getdelim(&text, &room, 0, file) >= 0) {
		ret = read_presets(c, text);
	} else {
		ret = -EIO;
		fprintf(stderr, "wgbench: %s: cannot be read\n", path);
	}
	if (file)
		fclose(file);
	free(text);
	free(path);
	return ret;
}

int spec_catalog_load(struct spec_catalog *c)
{
	memset(c, 0, sizeof(*c));
	c->root = spec_find_root();
	int ret = c->root ? 0 : -ENOENT;
	if (!ret)
		ret = scan_slots(c);
	return ret ? ret : load_presets(c);
}

// ---- from a revision

int spec_resolve_revision(const char *root, const char *revision, char commit[64])
{
	struct process_text text;
	int ret = git_check(root);

	if (ret)
		return ret;
	char *object = text_format("%s^{commit}", revision);
	const char *const arguments[] = {"rev-parse",        "--quiet", "--verify",
	                                 "--end-of-options", object,    NULL};
	ret = git_run(root, arguments, &text);
	// Without a word there is no such commit; anything else is git's trouble.
	if (ret > 0 && !*text.err) {
		fprintf(stderr,
		        "wgbench: unknown revision '%s': git knows no such commit in %s%s\n",
		        revision, root,
		        git_is_shallow(root) ? ", a shallow clone: git fetch --unshallow" : "");
		ret = -EINVAL;
	} else if (ret) {
		ret = git_complain(root, revision, ret, &text);
	} else {
		snprintf(commit, 64, "%.*s", (int)strcspn(text.out, "\n"), text.out);
	}
	free(object);
	process_text_free(&text);
	return ret;
}

static int list_variants(struct spec_catalog *c, const char *commit)
{
	const char *const list[] = {"ls-tree", "-r", "--name-only", commit, "variants/", NULL};
	struct process_text text;
	bool presets = false;
	int ret = git_ask(c->root, list, list[0], &text);

	if (!ret)
		for (char *rest = text.out, *line; !ret && (line = strsep(&rest, "\n"));) {
			presets |= !strcmp(line, "variants/presets");
			if (strchr(line, '/'))
				ret = add_file(c, strchr(line, '/') + 1);
		}
	process_text_free(&text);
	if (ret || presets)
		return ret;
	fprintf(stderr, "wgbench: %.12s: this revision has no variants/presets: give a later one\n",
	        commit);
	return -EINVAL;
}

int spec_catalog_load_revision(struct spec_catalog *c, const char *root, const char *commit)
{
	struct process_text text;

	memset(c, 0, sizeof(*c));
	c->root = text_format("%s", root);
	int ret = list_variants(c, commit);
	if (ret)
		return ret;
	char *presets = text_format("%s:variants/presets", commit);
	const char *const blob[] = {"cat-file", "blob", presets, NULL};
	ret = git_ask(root, blob, blob[0], &text);
	if (!ret)
		ret = read_presets(c, text.out);
	free(presets);
	process_text_free(&text);
	return ret;
}

void spec_catalog_free(struct spec_catalog *c)
{
	free(c->root);
	c->root = NULL;
}
