// wgbench-traffic send|receive|flood. An option is a number within bounds or a flag (a row), an
// address, or a key.
#include "workloads/traffic/traffic.h"

#include "base/standard.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 10, ADDRESSES = 2 };

struct row {
	const char *name, *value, *help; // value NULL: a flag
	double fallback, min, max;
	bool whole;
};

// What was said on the command line.
struct said {
	struct traffic_address address[ADDRESSES];
	uint8_t key[TRAFFIC_KEY_BYTES];
	bool has_key;
	double value[OPTIONS_MAX];
};

struct role {
	const char *name, *summary;
	const char *address[ADDRESSES]; // options that take ADDRESS:PORT; only the first is needed
	const char *key;                // one that takes a key in base64 and is needed, or NULL
	const struct row *rows;         // up to one without a name
	int (*run)(const struct said *, json_t **report);
};

enum {
	SEND_RATE,
	SEND_SIZE,
	SEND_DURATION,
	SEND_FLOWS,
	SEND_GSO,
	SEND_QUANTUM,
	SEND_GRACE,
	SEND_RUN,
	SEND_ASIDE_PPM,
	SEND_NICE
};
static const struct row send_rows[] = {
    {"rate", "PPS", "packets per second", 10000, 1, 1e8, true},
    {"size", "BYTES", "of UDP payload", 1372, sizeof(struct traffic_header), TRAFFIC_DATAGRAM_MAX,
     true},
    {"duration", "SECONDS", "of sending", 1, 0.001, 86400, false},
    {"flows", "N", "source ports, in turn", 1, 1, TRAFFIC_FLOWS_MAX, true},
    {"gso", "SEGMENTS", "datagrams that the kernel gets as one (UDP_SEGMENT)", 1, 1,
     TRAFFIC_QUANTUM_PACKETS_MAX, true},
    {"quantum", "MICROSECONDS", "traffic that is due at once; never over 64 packets", 100, 1,
     1000000, true},
    {"grace", "MILLISECONDS", "to catch up at the end; the rest stays unsent", 10, 0, 1e6, true},
    {"run", "ID", "marks the packets of this run", 1, 1, UINT32_MAX, true},
    {"aside-ppm", "N", "of a million packets, so many go to --aside", 500000, 0, 999999, true},
    {"nice", "N", "scheduling priority of the sender, as nice(1) has it", 0, -20, 19, true},
    {0},
};

enum {
	RECEIVE_TIMEOUT,
	RECEIVE_QUANTUM,
	RECEIVE_RUN,
	RECEIVE_WINDOW,
	RECEIVE_NICE,
	RECEIVE_GRO,
	RECEIVE_HISTOGRAM
};
static const struct row receive_rows[] = {
    {"timeout", "MILLISECONDS", "without a packet, after which no more are awaited", 2000, 1, 1e6,
     true},
    {"quantum", "MICROSECONDS", "from one look at the socket to the next", 100, 0, 999999, true},
    {"run", "ID", "whose packets count; 0: the first packet's", 0, 0, UINT32_MAX, true},
    {"window", "MILLISECONDS", "from when the first packet was due: in_window counts arrivals", 0,
     0, 1e6, true},
    {"nice", "N", "scheduling priority of the receiver, as nice(1) has it", 0, -20, 19, true},
    {"gro", NULL, "let the kernel join datagrams (UDP_GRO)", 0, 0, 1, true},
    {"histogram", NULL, "report how many packets had which delay", 0, 0, 1, true},
    {0},
};

enum { FLOOD_RATE, FLOOD_DURATION, FLOOD_SOURCES, FLOOD_QUANTUM, FLOOD_NICE, FLOOD_MAC2 };
static const struct row flood_rows[] = {
    {"rate", "PPS", "initiations per second", 100000, 1, 1e8, true},
    {"duration", "SECONDS", "of sending, unless SIGTERM ends it before", 1, 0.001, 86400, false},
    {"sources", "N", "addresses from --from on (IPv6: /64 networks), in turn", 1, 1,
     TRAFFIC_SOURCES_MAX, true},
    {"quantum", "MICROSECONDS", "traffic that is due at once; never over 64 messages", 500, 1,
     1000000, true},
    {"nice", "N", "scheduling priority, as nice(1) has it", 0, -20, 19, true},
    {"mac2", NULL, "each has a mac2, and none is right", 0, 0, 1, true},
    {0},
};

static int run_send(const struct said *said, json_t **report)
{
	const double *value = said->value;
	const struct sender_options o = {
	    .to = said->address[0],
	    .aside = said->address[1],
	    .aside_ppm = said->address[1].length ? value[SEND_ASIDE_PPM] : 0,
	    .run = value[SEND_RUN],
	    .rate_pps = value[SEND_RATE],
	    .duration_ns = value[SEND_DURATION] * 1e9,
	    .grace_ns = value[SEND_GRACE] * 1e6,
	    .size_bytes = value[SEND_SIZE],
	    .flows = value[SEND_FLOWS],
	    .segments = value[SEND_GSO],
	    .quantum_us = value[SEND_QUANTUM],
	    .nice = value[SEND_NICE],
	};

	if (o.segments * o.size_bytes > TRAFFIC_DATAGRAM_MAX) {
		fprintf(stderr, "wgbench-traffic: --gso times --size is over %d bytes\n",
		        TRAFFIC_DATAGRAM_MAX);
		return -EINVAL;
	}
	return sender_run(&o, report);
}

static int run_receive(const struct said *said, json_t **report)
{
	const double *value = said->value;
	const struct receiver_options o = {
	    .listen = said->address[0],
	    .window_ms = value[RECEIVE_WINDOW],
	    .run = value[RECEIVE_RUN],
	    .timeout_ms = value[RECEIVE_TIMEOUT],
	    .quantum_us = value[RECEIVE_QUANTUM],
	    .nice = value[RECEIVE_NICE],
	    .gro = value[RECEIVE_GRO],
	    .histogram = value[RECEIVE_HISTOGRAM],
	};

	return receiver_run(&o, report);
}

static int run_flood(const struct said *said, json_t **report)
{
	struct flood_options o = {
	    .to = said->address[0],
	    .from = said->address[1],
	    .sources = said->value[FLOOD_SOURCES],
	    .rate_pps = said->value[FLOOD_RATE],
	    .duration_ns = said->value[FLOOD_DURATION] * 1e9,
	    .quantum_us = said->value[FLOOD_QUANTUM],
	    .nice = said->value[FLOOD_NICE],
	    .mac2 = said->value[FLOOD_MAC2],
	};

	if (o.from.length && o.from.socket.ss_family != o.to.socket.ss_family) {
		fputs("wgbench-traffic: --from and --to are not of one family\n", stderr);
		return -EINVAL;
	}
	memcpy(o.key, said->key, sizeof(o.key));
	return flood_run(&o, report);
}

static const struct role roles[] = {
    {.name = "send",
     .summary = "Sends at a fixed rate, open loop",
     .address = {"to", "aside"},
     .rows = send_rows,
     .run = run_send},
    {.name = "receive",
     .summary = "Prints \"ready\", receives until the sender's end",
     .address = {"listen"},
     .rows = receive_rows,
     .run = run_receive},
    {.name = "flood",
     .summary = "Prints \"ready\", sends handshake initiations that pass the check of mac1",
     .address = {"to", "from"},
     .key = "key",
     .rows = flood_rows,
     .run = run_flood},
    {0},
};

static void print_help(FILE *to)
{
	fprintf(to, "usage: wgbench-traffic send --to ADDRESS:PORT [--aside ADDRESS:PORT] "
	            "[OPTION]...\n"
	            "       wgbench-traffic receive --listen ADDRESS:PORT [OPTION]...\n"
	            "       wgbench-traffic flood --to ADDRESS:PORT --key BASE64 "
	            "[--from ADDRESS:PORT] [OPTION]...\n\n"
	            "A UDP generator and its receiver, both on one machine, and a flood of\n"
	            "handshakes for the interface that has this public key. Reports are JSON.\n"
	            "An IPv6 address stands in brackets.\n");
	for (const struct role *r = roles; r->name; r++) {
		fprintf(to, "\n%s: %s\n", r->name, r->summary);
		for (const struct row *row = r->rows; row->name; row++) {
			char left[40];

			snprintf(left, sizeof(left), "--%s %s", row->name,
			         row->value ? row->value : "");
			fprintf(to, "  %-24s %s", left, row->help);
			if (row->value)
				fprintf(to, "; %.10g to %.10g; default: %.10g", row->min, row->max,
				        row->fallback);
			fputc('\n', to);
		}
	}
}

static int refuse(const char *option, const char *text, const char *wanted)
{
	fprintf(stderr, "wgbench-traffic: --%s '%s': %s\n", option, text, wanted);
	return -EINVAL;
}

static int parse_address(struct traffic_address *a, const char *option, const char *text)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	                               .ai_socktype = SOCK_DGRAM};
	const char *colon = strrchr(text, ':');
	bool brackets = *text == '[' && colon > text && colon[-1] == ']';
	struct addrinfo *found;
	char host[64];

	if (colon)
		snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * brackets,
		         text + brackets);
	if (!colon || !colon[1] || (strchr(host, ':') && !brackets) ||
	    getaddrinfo(host, colon + 1, &hints, &found))
		return refuse(option, text,
		              "an address and a port, as 10.0.0.1:7000 or [fd00::1]:7000");
	memcpy(&a->socket, found->ai_addr, found->ai_addrlen);
	a->length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int parse_number(double *value, const struct row *row, const char *text)
{
	char *end, wanted[80];

	errno = 0;
	*value = strtod(text, &end);
	if (!errno && end != text && !*end && *value >= row->min && *value <= row->max &&
	    (!row->whole || *value == floor(*value)))
		return 0;
	snprintf(wanted, sizeof(wanted), "a %snumber from %.10g to %.10g",
	         row->whole ? "whole " : "", row->min, row->max);
	return refuse(row->name, text, wanted);
}

static int parse_key(struct said *said, const char *option, const char *text)
{
	size_t bytes;

	said->has_key = !sodium_base642bin(said->key, sizeof(said->key), text, strlen(text), NULL,
	                                   &bytes, NULL, sodium_base64_VARIANT_ORIGINAL) &&
	                bytes == sizeof(said->key);
	return said->has_key ? 0 : refuse(option, text, "a key as `wg show` prints it");
}

// 0; 1 after -h; -EINVAL after a printed line.
static int parse(const struct role *role, int argc, char **argv, struct said *said)
{
	enum { IS_ROW = 1 };
	struct option options[OPTIONS_MAX + ADDRESSES + 3] = {0};
	int n = 0, end, index = 0, got, ret = 0;
	double *value = said->value;

	for (; role->rows[n].name; n++) {
		options[n] = (struct option){role->rows[n].name,
		                             role->rows[n].value ? required_argument : no_argument,
		                             NULL, IS_ROW};
		value[n] = role->rows[n].fallback;
	}
	for (end = n; end < n + ADDRESSES && role->address[end - n]; end++)
		options[end] =
		    (struct option){role->address[end - n], required_argument, NULL, IS_ROW};
	if (role->key)
		options[end++] = (struct option){role->key, required_argument, NULL, 'k'};
	options[end] = (struct option){"help", no_argument, NULL, 'h'};
	while (!ret && (got = getopt_long(argc, argv, "h", options, &index)) != -1) {
		if (got == 'h')
			return 1;
		if (got == 'k')
			ret = parse_key(said, role->key, optarg);
		else if (got != IS_ROW)
			return -EINVAL; // getopt_long has named it
		else if (index >= n)
			ret = parse_address(&said->address[index - n], role->address[index - n],
			                    optarg);
		else if (role->rows[index].value)
			ret = parse_number(&value[index], &role->rows[index], optarg);
		else
			value[index] = 1;
	}
	if (!ret && optind < argc)
		ret = refuse(role->name, argv[optind], "this word is one too many");
	if (!ret && !said->address[0].length)
		ret = refuse(role->address[0], "", "missing");
	if (!ret && role->key && !said->has_key)
		ret = refuse(role->key, "", "missing");
	return ret;
}

static int run_role(int argc, char **argv)
{
	const struct role *role = roles;
	struct said said = {0};
	json_t *report = NULL;
	int ret;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		print_help(stdout);
		return 0;
	}
	while (role->name && (argc < 2 || strcmp(role->name, argv[1])))
		role++;
	if (!role->name) {
		print_help(stderr);
		return 2;
	}
	argv[1] = argv[0]; // what getopt_long puts before its messages
	ret = parse(role, argc - 1, argv + 1, &said);
	if (ret > 0)
		print_help(stdout);
	if (ret)
		return ret > 0 ? 0 : 2;
	if (role->run(&said, &report))
		return 1;
	ret = json_dumpf(report, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(report);
	return ret ? 1 : 0;
}

int main(int argc, char **argv)
{
	standard_open();
	return standard_close("wgbench-traffic", run_role(argc, argv));
}
