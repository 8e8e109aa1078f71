#include "harness/measure/callgrind.h"

#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// A name is written once, "(ID) NAME", and then is "(ID)". Files, objects and functions number
// theirs apart.
enum { FILES, OBJECTS, FUNCTIONS, KINDS, ID_MAX = 1 << 20 };

struct names {
	size_t n;
	const char **name; // into the text; NULL: not yet written
};

struct parser {
	struct callgrind *result;
	struct names names[KINDS];
	const char *root;
	const char *file, *object, *function; // now
	size_t room;
	unsigned line;
	bool has_events, has_total, inclusive; // inclusive: the next line is what a call has cost
	uint64_t total;
	struct text *fault;
};

static int refuse_line(const struct parser *p, const char *what)
{
	text_set(p->fault, "line %u: %s", p->line, what);
	return -EINVAL;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

// Where the file lies in the source tree, or NULL.
static const char *within(const char *root, const char *file)
{
	size_t length = strlen(root);

	if (strncmp(file, root, length) || file[length] != '/')
		return NULL;
	file += length + 1;
	return !strncmp(file, "./", 2) ? file + 2 : file;
}

// Variants of a slot have functions of one name: theirs is the slot's, variants/SLOT.
static int place_length(const char *file)
{
	static const char variants[] = "variants/";

	if (strncmp(file, variants, strlen(variants)))
		return strlen(file);
	return strlen(variants) + strcspn(file + strlen(variants), "/");
}

// Versions of symbols (@) and marks of recursion (') are left out.
static char *make_name(const struct parser *p)
{
	const char *file = within(p->root, p->file);
	int length = strcspn(p->function, "@'");

	if (!strncmp(p->function, "0x", 2))
		return text_format("%s", base_of(p->object));
	if (!file)
		return text_format("%s:%.*s", base_of(p->object), length, p->function);
	return text_format("%.*s:%.*s", place_length(file), file, length, p->function);
}

static void begin_function(struct parser *p)
{
	struct callgrind *r = p->result;

	r->function = memory_more(r->function, r->n, &p->room, sizeof(*r->function));
	r->function[r->n++] = (struct callgrind_function){.name = make_name(p)};
}

// Takes "(ID) NAME", "(ID)" or a plain name. The name, or NULL.
static const char *take_name(struct names *names, char *text)
{
	char *end;

	if (*text != '(' || !isdigit((unsigned char)text[1]))
		return *text ? text : NULL;
	unsigned long id = strtoul(text + 1, &end, 10);
	if (*end != ')' || id >= ID_MAX)
		return NULL;
	if (id >= names->n) {
		size_t n = id + 256;
		names->name = memory_resize(names->name, n, sizeof(*names->name));
		memset(names->name + names->n, 0, (n - names->n) * sizeof(*names->name));
		names->n = n;
	}
	if (end[1] == ' ' && end[2])
		names->name[id] = end + 2;
	else if (end[1])
		return NULL;
	return names->name[id];
}

static bool take_number(const char **text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*value = strtoull(*text, &end, 10);
	if (errno || (*end && *end != ' '))
		return false;
	*text = end + (*end == ' ');
	return true;
}

// "POSITION COST" with a position that may be relative (+N, -N, *).
static int take_cost(struct parser *p, const char *line)
{
	uint64_t position, cost;

	if (*line == '*' && line[1] == ' ') {
		line += 2;
	} else {
		line += *line == '+' || *line == '-';
		if (!take_number(&line, &position))
			return refuse_line(p, "no position");
	}
	if (!take_number(&line, &cost) || *line)
		return refuse_line(p, "no cost");
	if (p->inclusive) {
		p->inclusive = false;
		return 0;
	}
	if (!p->has_events || !p->result->n)
		return refuse_line(p, "a cost of no function");
	p->result->function[p->result->n - 1].instructions += cost;
	p->result->instructions += cost;
	return 0;
}

static int take_assignment(struct parser *p, const char *key, char *value)
{
	static const struct {
		const char *key;
		int kind;
	} keys[] = {{"fl", FILES},    {"fi", FILES},     {"fe", FILES},
	            {"cfl", FILES},   {"cfi", FILES},    {"ob", OBJECTS},
	            {"cob", OBJECTS}, {"fn", FUNCTIONS}, {"cfn", FUNCTIONS}};
	const char *name = NULL;

	if (!strcmp(key, "calls")) {
		p->inclusive = true;
		return 0;
	}
	size_t i = 0;
	while (i < sizeof(keys) / sizeof(*keys) && strcmp(key, keys[i].key))
		i++;
	if (i == sizeof(keys) / sizeof(*keys))
		return refuse_line(p, "an unknown word");
	name = take_name(&p->names[keys[i].kind], value);
	if (!name)
		return refuse_line(p, "a name that isn't known");
	// What is inlined from another file (fi, fe) is the function's own.
	if (!strcmp(key, "fl"))
		p->file = name;
	else if (!strcmp(key, "ob"))
		p->object = name;
	else if (!strcmp(key, "fn")) {
		p->function = name;
		begin_function(p);
	}
	return 0;
}

static int take_header(struct parser *p, const char *key, const char *value)
{
	if (!strcmp(key, "events")) {
		p->has_events = !strcmp(value, "Ir");
		return p->has_events ? 0 : refuse_line(p, "events other than instructions (Ir)");
	}
	if (!strcmp(key, "positions"))
		return strcmp(value, "line") ? refuse_line(p, "positions other than lines") : 0;
	if (!strcmp(key, "totals")) {
		p->has_total = take_number(&value, &p->total) && !*value;
		return p->has_total ? 0 : refuse_line(p, "no total");
	}
	return 0;
}

static int take_line(struct parser *p, char *line)
{
	char *separator = line + strspn(line, "abcdefghijklmnopqrstuvwxyz");

	if (!*line || *line == '#')
		return 0;
	if (isdigit((unsigned char)*line) || strchr("+-*", *line))
		return take_cost(p, line);
	if (p->inclusive)
		return refuse_line(p, "no cost of a call");
	if (*separator != '=' && *separator != ':')
		return refuse_line(p, "an unknown word");
	bool assigns = *separator == '=';
	*separator++ = 0;
	return assigns ? take_assignment(p, line, separator)
	               : take_header(p, line, separator + strspn(separator, " "));
}

static int by_name(const void *a, const void *b)
{
	const struct callgrind_function *left = a, *right = b;

	return strcmp(left->name, right->name);
}

// Makes one of those of the same name, and leaves out what has cost nothing.
static void merge_functions(struct callgrind *c)
{
	size_t n = 0;

	qsort(c->function, c->n, sizeof(*c->function), by_name);
	for (size_t i = 0; i < c->n; i++) {
		struct callgrind_function *f = &c->function[i];

		if (n && !strcmp(c->function[n - 1].name, f->name))
			c->function[n - 1].instructions += f->instructions;
		else if (f->instructions) {
			c->function[n++] = *f;
			continue;
		}
		free(f->name);
	}
	c->n = n;
}

int callgrind_parse(struct callgrind *c, const char *text, const char *root, struct text *fault)
{
	struct parser p = {
	    .result = c, .root = root, .file = "???", .object = "???", .fault = fault};
	char *copy = text_format("%s", text), *rest = copy, *line;
	int ret = 0;

	*c = (struct callgrind){0};
	while (!ret && (line = strsep(&rest, "\n"))) {
		p.line++;
		ret = take_line(&p, line);
	}
	if (!ret && (!p.has_total || p.total != c->instructions))
		ret = refuse_line(&p, p.has_total ? "the costs don't come to the total"
		                                  : "it ends without a total");
	for (int i = 0; i < KINDS; i++)
		free(p.names[i].name);
	free(copy);
	if (ret)
		callgrind_free(c);
	else
		merge_functions(c);
	return ret;
}

uint64_t callgrind_find(const struct callgrind *c, const char *name)
{
	struct callgrind_function key = {.name = (char *)name};
	const struct callgrind_function *found =
	    c->n ? bsearch(&key, c->function, c->n, sizeof(key), by_name) : NULL;

	return found ? found->instructions : 0;
}

void callgrind_free(struct callgrind *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->function[i].name);
	free(c->function);
	*c = (struct callgrind){0};
}
