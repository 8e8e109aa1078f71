// The table of switches, and what reads and prints by it.
#include "tunnel/switches.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct row {
	const char *name;
	size_t offset;
	unsigned min, max, initial; // min 0 and max 1: on or off
	const char *help;
};

#define ROW(name, field, min, max, initial, help)                                                  \
	{                                                                                          \
		name, offsetof(struct switches, field), min, max, initial, help                    \
	}

static const struct row rows[] = {
    ROW("tun-gso", tun_gso, 0, 1, 1, "read and write TCP super-packets at the TUN"),
    ROW("tun-uso", tun_uso, 0, 1, 1, "and UDP super-packets"),
    ROW("udp-gso", udp_gso, 0, 1, 1, "send runs of datagrams by UDP_SEGMENT"),
    ROW("udp-gro", udp_gro, 0, 1, 1, "receive runs of datagrams by UDP_GRO"),
    ROW("handshake-socket", handshake_socket, 0, 1, 1,
        "receive handshakes by a socket of their own"),
    ROW("merge-tcp", merge_tcp, 0, 1, 1, "merge inner TCP segments on receive"),
    ROW("merge-udp", merge_udp, 0, 1, 1, "merge inner UDP datagrams on receive"),
    ROW("strict-checksum", strict_checksum, 0, 1, 1, "check inner checksums before a merge"),
    ROW("socket-buffer", socket_buffer, 4096, 1u << 30, 1048576,
        "bytes of each socket's send and receive buffer"),
    ROW("lower-queue", lower_queue, 0, 2, 0,
        "below `aqm`; 0: as its variant wishes, 1: unbounded, 2: bounded by dynamic limits"),
    ROW("queues", queues, 0, 64, 0, "of the data path, each with a thread; 0: by the machine"),
    ROW("threads", threads, 0, 64, 0,
        "worker threads at the most; 0: as the variant of `workers` finds right"),
    ROW("clock-scale", clock_scale, 1, 1000, 1, "ages run this many times as fast"),
    ROW("dumpable", dumpable, 0, 1, 0, "allow core dumps and ptrace, for profiling"),
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static unsigned *find_field(struct switches *switches, const struct row *row)
{
	return (unsigned *)((char *)switches + row->offset);
}

static bool is_boolean(const struct row *row)
{
	return row->min == 0 && row->max == 1;
}

static bool equals_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool parse_value(const struct row *row, const char *text, size_t length, unsigned *value)
{
	unsigned long long n = 0;

	if (is_boolean(row) &&
	    (equals_word(text, length, "on") || equals_word(text, length, "off"))) {
		*value = text[1] == 'n';
		return true;
	}
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		n = n * 10 + (text[i] - '0');
		if (n > row->max)
			return false;
	}
	*value = n;
	return n >= row->min;
}

static int complain_of_value(const struct row *row, const char *text, size_t length)
{
	fprintf(stderr, "wgbench-tunnel: switch %s can't be '%.*s': ", row->name, (int)length,
	        text);
	if (is_boolean(row))
		fprintf(stderr, "it is on or off\n");
	else
		fprintf(stderr, "it is %u to %u\n", row->min, row->max);
	return -EINVAL;
}

static int parse_word(struct switches *switches, const char *word, size_t length)
{
	const char *value = memchr(word, '=', length);
	size_t name_length = value ? (size_t)(value - word) : length;

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		if (!equals_word(word, name_length, row->name))
			continue;
		value = value ? value + 1 : word + length;
		length = word + length - value;
		if (!parse_value(row, value, length, find_field(switches, row)))
			return complain_of_value(row, value, length);
		return 0;
	}
	fprintf(stderr, "wgbench-tunnel: unknown switch '%.*s'; there are:", (int)name_length,
	        word);
	for (const struct row *row = rows; row < rows + ROWS; row++)
		fprintf(stderr, " %s", row->name);
	fprintf(stderr, "\n");
	return -EINVAL;
}

int switches_parse(struct switches *switches, const char *text)
{
	for (const struct row *row = rows; row < rows + ROWS; row++)
		*find_field(switches, row) = row->initial;
	if (!text || !*text)
		return 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		int ret = parse_word(switches, text, length);

		if (ret || !text[length])
			return ret;
		text += length + 1;
	}
}

void switches_help(FILE *to)
{
	for (const struct row *row = rows; row < rows + ROWS; row++) {
		char range[32];

		if (is_boolean(row))
			snprintf(range, sizeof(range), "on|off (%s)", row->initial ? "on" : "off");
		else
			snprintf(range, sizeof(range), "%u..%u (%u)", row->min, row->max,
			         row->initial);
		fprintf(to, "  %-16s %-29s %s\n", row->name, range, row->help);
	}
}

void switches_print(const struct switches *switches, FILE *to)
{
	for (const struct row *row = rows; row < rows + ROWS; row++) {
		unsigned value = *find_field((struct switches *)switches, row);

		fprintf(to, "%s%s=", row == rows ? "" : ",", row->name);
		if (is_boolean(row))
			fprintf(to, "%s", value ? "on" : "off");
		else
			fprintf(to, "%u", value);
	}
	fprintf(to, "\n");
}
