#include "harness/spec/parse.h"

#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

// ---- parsing

static int refuse_tunnel(const struct spec_catalog *c, const char *word)
{
	fprintf(stderr, "wgbench: unknown tunnel '%s': one of", word);
	for (size_t i = 0; i < c->presets; i++)
		fprintf(stderr, " %s", c->preset[i].name);
	fprintf(stderr, "; slot=variant,... with the slots");
	for (size_t i = 0; i < c->slots; i++)
		fprintf(stderr, " %s", c->slot[i].name);
	fprintf(stderr, "; either with @REVISION; wireguard-go; kernel; veth; exec:PATH\n");
	return -EINVAL;
}

static int find_slot(const struct spec_catalog *c, const char *name, size_t *found)
{
	for (*found = 0; *found < c->slots; (*found)++)
		if (!strcmp(c->slot[*found].name, name))
			return 0;
	fprintf(stderr, "wgbench: unknown slot '%s': one of", name);
	for (size_t i = 0; i < c->slots; i++)
		fprintf(stderr, " %s", c->slot[i].name);
	fprintf(stderr, "\n");
	return -EINVAL;
}

static int find_variant(const struct spec_slot *slot, const char *name, size_t *found)
{
	for (*found = 0; *found < slot->variants; (*found)++)
		if (!strcmp(slot->variant[*found], name))
			return 0;
	fprintf(stderr, "wgbench: unknown variant '%s' of slot '%s': one of", name, slot->name);
	for (size_t i = 0; i < slot->variants; i++)
		fprintf(stderr, " %s", slot->variant[i]);
	fprintf(stderr, "\n");
	return -EINVAL;
}

static void set_choices(struct spec *spec, const struct spec_catalog *c, const size_t *variant)
{
	spec->choices = c->slots;
	for (size_t s = 0; s < c->slots; s++) {
		strcpy(spec->choice[s].slot, c->slot[s].name);
		strcpy(spec->choice[s].variant, c->slot[s].variant[variant[s]]);
	}
}

static int plant_cost(struct spec *spec, const char *amount)
{
	size_t digits = strspn(amount, "0123456789");

	if (!digits || digits > 6 ||
	    (strcmp(amount + digits, "ns") && strcmp(amount + digits, "i"))) {
		fprintf(stderr,
		        "wgbench: plant=%s: expected a cost per packet in nanoseconds or "
		        "instructions, as in plant=220ns or plant=5i\n",
		        amount);
		return -EINVAL;
	}
	strcpy(spec->choice[spec->choices].slot, "plant");
	strcpy(spec->choice[spec->choices++].variant, amount);
	return 0;
}

// Parses `slot=variant,...` over the default; the canonical name lists those given in slot order.
static int parse_choices(struct spec *spec, const struct spec_catalog *c, const char *text)
{
	char words[SPEC_NAME_MAX], *rest = words, *word, *planted = NULL;
	size_t variant[SPEC_SLOTS_MAX], s, length = 0;
	bool given[SPEC_SLOTS_MAX] = {false}, twice;

	strcpy(words, text);
	memcpy(variant, c->preset[0].variant, sizeof(variant));
	while ((word = strsep(&rest, ","))) {
		char *name = strsep(&word, "=");

		if (!word || !*name || !*word)
			return refuse_tunnel(c, text);
		if (!strcmp(name, "plant")) {
			twice = planted;
			planted = word;
		} else {
			if (find_slot(c, name, &s) || find_variant(&c->slot[s], word, &variant[s]))
				return -EINVAL;
			twice = given[s];
			given[s] = true;
		}
		if (twice) {
			fprintf(stderr, "wgbench: slot '%s' is given twice in '%s'\n", name, text);
			return -EINVAL;
		}
	}
	for (s = 0; s < c->slots; s++)
		if (given[s])
			length += snprintf(spec->build + length, sizeof(spec->build) - length,
			                   "%s%s=%s", length ? "," : "", c->slot[s].name,
			                   c->slot[s].variant[variant[s]]);
	set_choices(spec, c, variant);
	if (!planted)
		return 0;
	snprintf(spec->build + length, sizeof(spec->build) - length, "%splant=%s",
	         length ? "," : "", planted);
	return plant_cost(spec, planted);
}

static int parse_own(struct spec *spec, const struct spec_catalog *c, const char *text)
{
	if (strchr(text, '='))
		return parse_choices(spec, c, text);
	for (size_t i = 0; i < c->presets; i++)
		if (!strcmp(text, c->preset[i].name)) {
			strcpy(spec->build, text);
			strcpy(spec->meaning, c->preset[i].meaning);
			set_choices(spec, c, c->preset[i].variant);
			return 0;
		}
	return refuse_tunnel(c, text);
}

// What the revision has may not be what the tree has now, so the words are looked up there.
static int parse_at_revision(struct spec *spec, const struct spec_catalog *here, char *text,
                             char *at)
{
	struct spec_catalog *there;
	int ret;

	*at = 0;
	if (!at[1] || strlen(at + 1) >= sizeof(spec->revision)) {
		fprintf(stderr,
		        "wgbench: '%s@': expected a revision after '@', under %zu characters\n",
		        text, sizeof(spec->revision));
		return -EINVAL;
	}
	strcpy(spec->revision, at + 1);
	ret = spec_resolve_revision(here->root, spec->revision, spec->commit);
	if (ret)
		return ret;
	there = memory_new(1, sizeof(*there));
	ret = spec_catalog_load_revision(there, here->root, spec->commit);
	if (!ret)
		ret = parse_own(spec, there, text);
	spec_catalog_free(there);
	free(there);
	return ret;
}

static int parse_exec(struct spec *spec, const char *path)
{
	struct stat info;

	if (!realpath(path, spec->program) || stat(spec->program, &info) ||
	    !S_ISREG(info.st_mode) || access(spec->program, X_OK)) {
		fprintf(stderr, "wgbench: exec:%s: not a program that can be executed\n", path);
		return -EINVAL;
	}
	return 0;
}

// NAME=VALUE, several parted by '+'. A comma would begin another one in the tunnel's own list.
static bool are_switches(const char *text)
{
	for (;; text++) {
		size_t length = strcspn(text, "+");
		const char *equals = memchr(text, '=', length);

		if (!equals || equals == text || memchr(text, ',', length))
			return false;
		text += length;
		if (!*text)
			return true;
	}
}

// Cuts `+switch=value...` out of the words, in front of `at` (the '@', or NULL). Which switches
// there are is known to the program alone: spec_build asks it.
static int take_switches(struct spec *spec, char *words, char *at)
{
	size_t length = at ? (size_t)(at - words) : strlen(words);
	char *plus = memchr(words, '+', length);

	if (!plus)
		return 0;
	size_t bytes = length - (plus + 1 - words);
	if (bytes < sizeof(spec->switches))
		memcpy(spec->switches, plus + 1, bytes);
	if (!are_switches(spec->switches)) {
		fprintf(stderr,
		        "wgbench: '%s': expected SWITCH=VALUE after '+', under %zu characters\n",
		        spec->name, sizeof(spec->switches));
		return -EINVAL;
	}
	for (char *c = spec->switches; *c; c++)
		if (*c == '+')
			*c = ',';
	memset(plus, 0, bytes + 1);
	if (at)
		memmove(plus, at, strlen(at) + 1);
	return 0;
}

static const struct {
	const char *name;
	enum spec_kind kind;
} external[] = {{"wireguard-go", SPEC_WIREGUARD_GO}, {"kernel", SPEC_KERNEL}, {"veth", SPEC_VETH}};

const char *spec_external_name(size_t i)
{
	return i < sizeof(external) / sizeof(external[0]) ? external[i].name : NULL;
}

int spec_parse(struct spec *spec, const struct spec_catalog *c, const char *text)
{
	char words[SPEC_NAME_MAX], *at;
	size_t length;
	int ret;

	memset(spec, 0, sizeof(*spec));
	if (strlen(text) >= sizeof(words)) {
		fprintf(stderr, "wgbench: tunnel '%.40s...' is too long\n", text);
		return -EINVAL;
	}
	strcpy(spec->name, text);
	if (!strncmp(text, "exec:", 5)) {
		spec->kind = SPEC_EXEC;
		return parse_exec(spec, text + 5);
	}
	for (size_t i = 0; i < sizeof(external) / sizeof(external[0]); i++)
		if (!strcmp(text, external[i].name)) {
			spec->kind = external[i].kind;
			return 0;
		}
	spec->kind = SPEC_OWN;
	strcpy(words, text);
	if (take_switches(spec, words, strchr(words, '@')))
		return -EINVAL;
	at = strchr(words, '@');
	ret = at ? parse_at_revision(spec, c, words, at) : parse_own(spec, c, words);
	if (ret)
		return ret;
	length = strlen(spec->build);
	memcpy(spec->name, spec->build, length + 1);
	for (const char *from = spec->switches; *from;
	     from += strcspn(from, ",") + !!strchr(from, ','))
		length += snprintf(spec->name + length, sizeof(spec->name) - length, "+%.*s",
		                   (int)strcspn(from, ","), from);
	if (at)
		snprintf(spec->name + length, sizeof(spec->name) - length, "@%s", spec->revision);
	return 0;
}

// ---- external tunnels

bool spec_find_wireguard_go(const struct spec_catalog *c, char program[4096])
{
	char *fetched = path_join(c->root, "build/external/wireguard-go/usr/bin/wireguard-go");
	char *found = process_find(fetched);

	if (!found)
		found = process_find("wireguard-go");
	bool there = found && realpath(found, program);
	free(found);
	free(fetched);
	return there;
}

static bool probe_kernel(struct text *reason)
{
	static const char *const argv[] = {"unshare",  "-n",   "ip",        "link", "add",
	                                   "wgbprobe", "type", "wireguard", NULL};
	struct process_text text;
	struct utsname system;

	if (geteuid()) {
		text_set(reason, "only root can tell whether this kernel has WireGuard");
		return false;
	}
	uname(&system);
	int ret = process_run(argv, PROCESS_HERE, NULL, 10 * 1000, &text);
	if (ret)
		text_set(reason, "this kernel (%s) has no WireGuard: %s", system.release,
		         process_reason(ret, &text));
	process_text_free(&text);
	return !ret;
}

bool spec_available(const struct spec *spec, const struct spec_catalog *c, struct text *reason)
{
	char program[4096];

	if (spec->kind == SPEC_KERNEL)
		return probe_kernel(reason);
	if (spec->kind == SPEC_VETH)
		text_set(reason, "no tunnel: what the path itself carries");
	if (spec->kind != SPEC_WIREGUARD_GO || spec_find_wireguard_go(c, program))
		return true;
	text_set(reason, "no wireguard-go here: `make external` fetches it");
	return false;
}
