// Counts as JSON.
#include "base/memory.h"
#include "base/schema.h"
#include "harness/commands/count/count.h"

#include <math.h>
#include <stdlib.h>

enum { COUNT_SCHEMA = 1 };

static const char *const ends[] = {"left", "right", NULL};

struct shown_choice {
	const char *slot, *variant;
};

struct shown_tunnel {
	const char *spec, *revision;
	size_t variants;
	struct shown_choice *variant;
};

struct shown_cell {
	uint64_t packets, bytes, instructions, calls;
	double instructions_per_packet, instructions_per_byte, calls_per_packet;
};

struct shown_count {
	unsigned mix, side;
	size_t tunnels;
	struct shown_cell *tunnel;
	double difference_percent; // NAN of one tunnel
	unsigned verdict;          // COUNT_VERDICTS likewise
};

struct shown_function {
	unsigned mix, side;
	const char *name;
	size_t tunnels;
	const double *per_packet;
};

// Of one end of a tunnel.
struct shown_calls {
	unsigned mix;
	const char *traffic;
	unsigned tunnel, end;
	size_t repeats;
	const double *per_packet;
};

struct shown {
	double gate_percent;
	size_t tunnels, counts, functions, calls;
	struct shown_tunnel *tunnel;
	struct shown_count *count;
	struct shown_function *function;
	struct shown_calls *call;
};

static const struct field number = {.kind = FIELD_NUMBER, FIELD_EACH(double)};

#define HERE(member) FIELD_IN(struct shown_tunnel, member)
static const struct field choice = {.kind = FIELD_TEXT, FIELD_IN(struct shown_choice, variant)};
static const struct field tunnel_rows[] = {
    {"spec", FIELD_TEXT, HERE(spec)},
    {"revision", FIELD_TEXT, HERE(revision)},
    {"variants", FIELD_MAP, FIELD_LIST(struct shown_tunnel, variant, variants), .rows = &choice},
    {0},
};
#undef HERE
static const struct field tunnel = {.kind = FIELD_OBJECT, .rows = tunnel_rows};

#define HERE(member) FIELD_IN(struct shown_cell, member)
static const struct field cell_rows[] = {
    {"packets", FIELD_INTEGER, HERE(packets)},
    {"bytes", FIELD_INTEGER, HERE(bytes)},
    {"instructions", FIELD_INTEGER, HERE(instructions)},
    {"calls", FIELD_INTEGER, HERE(calls)},
    {"instructions_per_packet", FIELD_NUMBER, HERE(instructions_per_packet)},
    {"instructions_per_byte", FIELD_NUMBER, HERE(instructions_per_byte)},
    {"calls_per_packet", FIELD_NUMBER, HERE(calls_per_packet)},
    {0},
};
#undef HERE
static const struct field cell = {.kind = FIELD_OBJECT, .rows = cell_rows};

#define HERE(member) FIELD_IN(struct shown_count, member)
static const struct field count_rows[] = {
    {"mix", FIELD_WORD, HERE(mix), .words = count_mixes},
    {"side", FIELD_WORD, HERE(side), .words = count_sides},
    {"tunnels", FIELD_ARRAY, FIELD_LIST(struct shown_count, tunnel, tunnels), .rows = &cell},
    {"difference_percent", FIELD_NUMBER, FIELD_OPTIONAL, HERE(difference_percent),
     .otherwise = NAN},
    {"verdict", FIELD_WORD, FIELD_OPTIONAL, HERE(verdict), .words = count_verdict_names,
     .otherwise = COUNT_VERDICTS},
    {0},
};
#undef HERE
static const struct field count = {.kind = FIELD_OBJECT, .rows = count_rows};

#define HERE(member) FIELD_IN(struct shown_function, member)
static const struct field function_rows[] = {
    {"mix", FIELD_WORD, HERE(mix), .words = count_mixes},
    {"side", FIELD_WORD, HERE(side), .words = count_sides},
    {"function", FIELD_TEXT, HERE(name)},
    {"instructions_per_packet", FIELD_ARRAY, FIELD_LIST(struct shown_function, per_packet, tunnels),
     .rows = &number},
    {0},
};
#undef HERE
static const struct field function = {.kind = FIELD_OBJECT, .rows = function_rows};

#define HERE(member) FIELD_IN(struct shown_calls, member)
static const struct field calls_rows[] = {
    {"mix", FIELD_WORD, HERE(mix), .words = count_mixes},
    {"traffic", FIELD_TEXT, HERE(traffic)},
    {"tunnel", FIELD_INTEGER, HERE(tunnel)},
    {"end", FIELD_WORD, HERE(end), .words = ends},
    {"calls_per_packet", FIELD_ARRAY, FIELD_LIST(struct shown_calls, per_packet, repeats),
     .rows = &number},
    {0},
};
#undef HERE
static const struct field calls = {.kind = FIELD_OBJECT, .rows = calls_rows};

#define LIST(member, count) FIELD_LIST(struct shown, member, count)
static const struct field rows[] = {
    {"gate_percent", FIELD_NUMBER, FIELD_IN(struct shown, gate_percent)},
    {"tunnels", FIELD_ARRAY, LIST(tunnel, tunnels), .rows = &tunnel},
    {"counts", FIELD_ARRAY, LIST(count, counts), .rows = &count},
    {"functions", FIELD_ARRAY, LIST(function, functions), .rows = &function},
    {"calls", FIELD_ARRAY, LIST(call, calls), .rows = &calls},
    {0},
};
#undef LIST

static void add_tunnel(struct shown *s, const struct count_tunnel *t)
{
	struct shown_tunnel *to = &s->tunnel[s->tunnels++];

	*to = (struct shown_tunnel){t->spec.name, t->commit, t->spec.choices,
	                            memory_new(t->spec.choices, sizeof(*to->variant))};
	for (size_t i = 0; i < t->spec.choices; i++)
		to->variant[i] =
		    (struct shown_choice){t->spec.choice[i].slot, t->spec.choice[i].variant};
}

static struct shown_cell describe_cell(const struct count_cell *c)
{
	return (struct shown_cell){
	    .packets = c->packets,
	    .bytes = c->bytes,
	    .instructions = c->code.instructions,
	    .calls = c->calls,
	    .instructions_per_packet = count_per_packet(c),
	    .instructions_per_byte = (double)c->code.instructions / c->bytes,
	    .calls_per_packet = (double)c->calls / c->packets,
	};
}

static void add_count(struct shown *s, const struct count *c, int mix, int side)
{
	struct shown_count *to = &s->count[s->counts++];
	bool compared = c->tunnels == 2;

	*to = (struct shown_count){
	    .mix = mix,
	    .side = side,
	    .tunnels = c->tunnels,
	    .tunnel = memory_new(c->tunnels, sizeof(*to->tunnel)),
	    .difference_percent = compared ? count_difference_percent(c, mix, side) : NAN,
	    .verdict = compared ? count_judge(c, mix, side) : COUNT_VERDICTS};
	for (size_t i = 0; i < c->tunnels; i++)
		to->tunnel[i] = describe_cell(&c->tunnel[i].cell[mix][side]);
}

static void add_functions(struct shown *s, const struct count *c, const struct count_functions *f)
{
	s->functions = f->n;
	s->function = memory_new(f->n, sizeof(*s->function));
	for (size_t i = 0; i < f->n; i++)
		s->function[i] = (struct shown_function){
		    f->row[i].mix, f->row[i].side, f->row[i].name, c->tunnels, f->row[i].value};
}

static void add_calls(struct shown *s, const struct count *c, int mix, int end)
{
	for (size_t i = 0; i < c->tunnels; i++) {
		const struct count_calls *of = &c->tunnel[i].calls[mix][end];

		if (of->n)
			s->call[s->calls++] = (struct shown_calls){
			    mix, count_calls_traffic(mix), i, end, of->n, of->value};
	}
}

static void free_shown(struct shown *s)
{
	for (size_t i = 0; i < s->tunnels; i++)
		free(s->tunnel[i].variant);
	for (size_t i = 0; i < s->counts; i++)
		free(s->count[i].tunnel);
	free(s->tunnel);
	free(s->count);
	free(s->function);
	free(s->call);
}

json_t *count_to_json(const struct count *c)
{
	struct shown s = {.gate_percent = c->gate_percent,
	                  .tunnel = memory_new(c->tunnels, sizeof(*s.tunnel)),
	                  .count = memory_new(COUNT_MIXES * COUNT_SIDES, sizeof(*s.count)),
	                  .call =
	                      memory_new(COUNT_MIXES * COUNT_ENDS * c->tunnels, sizeof(*s.call))};
	struct count_functions found = {0};
	json_t *document;

	for (size_t i = 0; i < c->tunnels; i++)
		add_tunnel(&s, &c->tunnel[i]);
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int side = 0; side < COUNT_SIDES; side++)
			if (count_is_wanted(c, mix, side))
				add_count(&s, c, mix, side);
	count_find_functions(&found, c);
	add_functions(&s, c, &found);
	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (int end = 0; end < COUNT_ENDS; end++)
			add_calls(&s, c, mix, end);
	document = schema_write(&s, COUNT_SCHEMA, rows);
	free_shown(&s);
	free(found.row);
	return document;
}
