// VARIANT-dot: builds a table of allowed IPs and writes how it is laid out as a Graphviz digraph.
// Input: lines `ADDRESS[/LENGTH] [OWNER]`, blank lines, and comments after '#'. Without a length it
// is one address; without an owner the prefix is shown as its own.
#include "base/standard.h"
#include "variants/allowedips/allowedips.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct named {
	struct allowedips_owner owner;
	struct named *next;
	char name[];
};

static const char *name_of(const struct allowedips_owner *owner)
{
	return ((const struct named *)((const char *)owner - offsetof(struct named, owner)))->name;
}

static struct allowedips_owner *owner_named(struct named **all, const char *name)
{
	for (struct named *n = *all; n; n = n->next)
		if (!strcmp(n->name, name))
			return &n->owner;
	struct named *n = calloc(1, sizeof(*n) + strlen(name) + 1);
	if (!n)
		return NULL;
	strcpy(n->name, name);
	n->next = *all;
	*all = n;
	return &n->owner;
}

// 0, or -EINVAL where the word is no prefix.
static int parse_prefix(char *word, int *family, uint8_t *address, unsigned *length)
{
	char *slash = strchr(word, '/'), *end;

	if (slash)
		*slash = 0;
	*family = strchr(word, ':') ? AF_INET6 : AF_INET;
	*length = *family == AF_INET ? 32 : 128;
	int ret = inet_pton(*family, word, address) == 1 ? 0 : -EINVAL;
	if (slash) {
		unsigned long given = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end || given > *length)
			ret = -EINVAL;
		*length = given;
		*slash = '/';
	}
	return ret;
}

static int refuse(unsigned number, const char *what, const char *word)
{
	fprintf(stderr, "%s-dot: line %u: %s '%s'\n", allowedips_variant, number, what, word);
	return -EINVAL;
}

static int read_line(struct allowedips *table, struct named **all, char *line, unsigned number)
{
	uint8_t address[16];
	unsigned length;
	int family;

	line[strcspn(line, "#\n")] = 0;
	char *rest, *prefix = strtok_r(line, " \t", &rest), *name = strtok_r(NULL, " \t", &rest);
	char *more = strtok_r(NULL, " \t", &rest);
	if (!prefix)
		return 0;
	if (more)
		return refuse(number, "one prefix and one owner a line; then comes", more);
	if (parse_prefix(prefix, &family, address, &length))
		return refuse(number, "not a prefix:", prefix);
	if (name && strpbrk(name, "\"\\"))
		return refuse(number, "a quote or backslash in", name);
	struct allowedips_owner *owner = owner_named(all, name ? name : prefix);
	int ret = owner ? allowedips_insert(table, family, address, length, owner) : -ENOMEM;
	if (ret)
		fprintf(stderr, "%s-dot: line %u: %s\n", allowedips_variant, number,
		        strerror(-ret));
	return ret;
}

// 0; an exit code after a printed line.
static int draw(struct allowedips *table, struct named **all)
{
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	for (unsigned number = 1; !ret && getline(&line, &room, stdin) >= 0; number++)
		ret = read_line(table, all, line, number);
	free(line);
	if (!ret && ferror(stdin)) {
		fprintf(stderr, "%s-dot: standard input: can't be read\n", allowedips_variant);
		ret = -EIO;
	}
	if (ret)
		return 2;
	allowedips_dump(table, stdout, name_of);
	return 0;
}

int main(int argc, char **argv)
{
	struct allowedips *table;
	struct named *all = NULL;
	int code;

	standard_open();
	if (argc > 1) {
		fprintf(stderr, "usage: %s <PREFIXES | dot -Tsvg >FILE\n", argv[0]);
		return 2;
	}
	table = allowedips_new();
	if (!table) {
		fprintf(stderr, "%s-dot: out of memory\n", allowedips_variant);
		return 2;
	}
	code = draw(table, &all);
	allowedips_free(table);
	while (all) {
		struct named *next = all->next;

		free(all);
		all = next;
	}
	return standard_close(argv[0], code);
}
