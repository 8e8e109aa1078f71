// Pair n: outer 10.66.n.1/2 and fd66:n::1/2 on the veth, inner 10.77.n.1/2 and fd77:n::1/2 on the
// tunnel. Each step is one `ip -batch`, since starting a program costs more than what it does.
#include "netns/netns.h"

#include "base/foreign.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "netns/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMAND_MS = 20000, READY_MS = 10000 };
enum { DEV, SNMP, SNMP6, FILES };

int netns_batch(int ns, const char *program, struct text *fault, const char *format, ...)
{
	const char *const argv[] = {program, "-batch", "-", NULL};
	struct process_text text;
	va_list arguments;

	va_start(arguments, format);
	char *commands = text_format_list(format, arguments);
	va_end(arguments);
	int ret = process_run(argv, ns, commands, COMMAND_MS, &text);
	// Its last line says only which command it was that failed.
	if (ret > 0 && fault)
		text_set(fault, "%.*s", (int)strcspn(text.err, "\n"), text.err);
	else if (ret && fault)
		text_set(fault, "%s: %s", program, strerror(-ret));
	free(commands);
	process_text_free(&text);
	return ret > 0 ? -EIO : ret;
}

// Prints what is in the way of the network, and frees it.
static int print_fault(int ret, struct text *fault)
{
	if (ret && ret != -EINTR)
		fprintf(stderr, "wgbench: can't build the test network: %s\n", text_string(fault));
	text_free(fault);
	return ret;
}

static void name_side(struct netns_side *s, unsigned n, int right)
{
	*s = (struct netns_side){.fd = -1, .counters = {-1, -1, -1}, .socket = -1};
	snprintf(s->name, sizeof(s->name), "wgb-%d-%u%c", getpid(), n, "lr"[right]);
	snprintf(s->interface, sizeof(s->interface), "wgb%dn%u%c", getpid(), n, "lr"[right]);
	snprintf(s->outer[0], sizeof(s->outer[0]), "10.66.%u.%d", n, right + 1);
	snprintf(s->outer[1], sizeof(s->outer[1]), "fd66:%u::%d", n, right + 1);
	snprintf(s->inner[0], sizeof(s->inner[0]), "10.77.%u.%d", n, right + 1);
	snprintf(s->inner[1], sizeof(s->inner[1]), "fd77:%u::%d", n, right + 1);
}

// Opens what is read inside: a file of /proc/net belongs to the namespace that it was opened in, so
// the counters are read later without going there.
static int open_side(struct netns_side *s)
{
	static const char *const files[FILES] = {"/proc/thread-self/net/dev",
	                                         "/proc/thread-self/net/snmp",
	                                         "/proc/thread-self/net/snmp6"};
	char *path = path_join("/run/netns", s->name);
	int home;

	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	int ret = s->fd < 0 ? -errno : owner_enter_namespace(s->fd, &home);
	if (ret)
		return ret;
	for (int i = 0; i < FILES; i++) {
		s->counters[i] = open(files[i], O_RDONLY | O_CLOEXEC);
		if (s->counters[i] < 0 && i != SNMP6)
			ret = -errno; // snmp6 is missing where IPv6 is off
	}
	s->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->socket < 0)
		ret = -errno;
	owner_leave_namespace(home);
	return ret;
}

static int address_side(const struct netns_side *s)
{
	struct text fault = {0};
	int ret = netns_batch(s->fd, "ip", &fault,
	                      "link set lo up\n"
	                      "address add %s/24 dev " NETNS_VETH "\n"
	                      "address add %s/64 dev " NETNS_VETH " nodad\n"
	                      "link set " NETNS_VETH " up\n",
	                      s->outer[0], s->outer[1]);

	return print_fault(ret, &fault);
}

// Until both families pass: a new veth may swallow the first neighbour solicitations.
static int await_packets(const struct netns_pair *p)
{
	unsigned waited = 0;

	for (int family = 0; family < 2; family++) {
		const char *const argv[] = {
		    "ping", "-n", "-q", "-c", "1", "-W", "1", p->side[1].outer[family], NULL};
		int ret;

		while ((ret = process_run(argv, p->side[0].fd, NULL, COMMAND_MS, NULL)) > 0) {
			if (waited >= READY_MS) {
				fprintf(stderr, "wgbench: the veth between the test namespaces "
				                "passes no packets\n");
				return -ETIMEDOUT;
			}
			waited += 50;
			ret = process_pause(50);
			if (ret)
				return ret;
		}
		if (ret)
			return ret;
	}
	return 0;
}

int netns_pair_create(struct netns_pair *p, unsigned n)
{
	const char *left = p->side[0].name, *right = p->side[1].name;
	struct text fault = {0};

	p->n = n;
	for (int i = 0; i < 2; i++)
		name_side(&p->side[i], n, i);
	int ret = netns_batch(PROCESS_HERE, "ip", &fault,
	                      "netns add %s\n"
	                      "netns add %s\n"
	                      "link add " NETNS_VETH " netns %s type veth peer name " NETNS_VETH
	                      " netns %s\n",
	                      left, right, left, right);
	ret = print_fault(ret, &fault);
	for (int i = 0; i < 2 && !ret; i++)
		ret = open_side(&p->side[i]);
	for (int i = 0; i < 2 && !ret; i++)
		ret = address_side(&p->side[i]);
	if (!ret)
		ret = await_packets(p);
	if (ret)
		netns_pair_destroy(p);
	return ret;
}

void netns_pair_destroy(struct netns_pair *p)
{
	bool before = process_shield(true);

	for (int i = 0; i < 2; i++) {
		struct netns_side *s = &p->side[i];

		for (int j = 0; j < FILES; j++)
			if (s->counters[j] >= 0)
				close(s->counters[j]);
		if (s->socket >= 0)
			close(s->socket);
		if (s->fd >= 0)
			close(s->fd);
		if (s->name[0])
			owner_remove_namespace(s->name);
		*s = (struct netns_side){.fd = -1, .counters = {-1, -1, -1}, .socket = -1};
	}
	process_shield(before);
}

int netns_sysctl(int ns, const char *name, long value, long *before)
{
	char text[32];
	int home, ret = owner_enter_namespace(ns, &home);

	if (ret)
		return ret;
	char *path = path_join("/proc/sys", name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (n >= 0) {
		text[n] = 0;
		*before = strtol(text, NULL, 10);
		n = snprintf(text, sizeof(text), "%ld", value);
		n = pwrite(fd, text, n, 0) == n ? n : -1;
	}
	ret = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	owner_leave_namespace(home);
	return ret;
}

static int read_whole(int fd, char *text, size_t bytes)
{
	size_t n = 0;

	for (ssize_t got; n < bytes - 1; n += got)
		if ((got = pread(fd, text + n, bytes - 1 - n, n)) <= 0) {
			if (got < 0)
				return -errno;
			break;
		}
	text[n] = 0;
	return 0;
}

enum { LINK_COUNTERS = 5 };

static void parse_link(const char *text, const char *name, struct netns_link_counters *c)
{
	char start[24];
	const char *at;

	snprintf(start, sizeof(start), "%s:", name);
	at = strstr(text, start);
	if (!at ||
	    sscanf(at + strlen(start), "%*u %llu %*u %llu %*u %*u %*u %*u %llu %llu %*u %llu",
	           &c->rx_packets, &c->rx_dropped, &c->tx_bytes, &c->tx_packets,
	           &c->tx_dropped) != LINK_COUNTERS)
		*c = (struct netns_link_counters){FOREIGN_UNKNOWN, FOREIGN_UNKNOWN, FOREIGN_UNKNOWN,
		                                  FOREIGN_UNKNOWN, FOREIGN_UNKNOWN};
}

// In /proc/net/snmp a line of names is followed by a line of values with the same first word.
static unsigned long long parse_snmp(const char *text, const char *protocol, const char *name)
{
	size_t length = strlen(name);
	const char *names = strstr(text, protocol);
	const char *values = names ? strstr(names + 1, protocol) : NULL;
	unsigned long long n;

	for (; values && *names && *names != '\n';) {
		if (!strncmp(names, name, length) && strchr(" \n", names[length]))
			return foreign_unsigned(values, &n, &values) ? n : FOREIGN_UNKNOWN;
		names += strcspn(names, " \n") + 1;
		values += strcspn(values, " \n") + 1;
		if (names[-1] == '\n')
			break;
	}
	return FOREIGN_UNKNOWN;
}

static unsigned long long parse_snmp6(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	unsigned long long n;

	if (!at)
		return FOREIGN_UNKNOWN;
	at += strlen(name);
	at += strspn(at, " \t");
	return foreign_unsigned(at, &n, &at) ? n : FOREIGN_UNKNOWN;
}

static void add_count(unsigned long long *sum, unsigned long long n)
{
	*sum = *sum == FOREIGN_UNKNOWN || n == FOREIGN_UNKNOWN ? FOREIGN_UNKNOWN : *sum + n;
}

// sysfs has it too, but shows the namespace that it was mounted in.
static int read_tx_queue_len(int fd, const char *interface)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCGIFTXQLEN, &request) ? -1 : request.ifr_qlen;
}

int netns_count(const struct netns_side *s, struct netns_counters *c)
{
	char text[16384];
	int ret;

	*c = (struct netns_counters){.tunnel_tx_queue_len =
	                                 read_tx_queue_len(s->socket, s->interface)};
	if ((ret = read_whole(s->counters[DEV], text, sizeof(text))))
		return ret;
	parse_link(text, s->interface, &c->tunnel);
	parse_link(text, NETNS_VETH, &c->veth);
	if ((ret = read_whole(s->counters[SNMP], text, sizeof(text))))
		return ret;
	c->udp_receive_buffer_errors = parse_snmp(text, "Udp:", "RcvbufErrors");
	c->udp_send_buffer_errors = parse_snmp(text, "Udp:", "SndbufErrors");
	c->tcp_retransmits = parse_snmp(text, "Tcp:", "RetransSegs");
	if (s->counters[SNMP6] < 0)
		return 0;
	if ((ret = read_whole(s->counters[SNMP6], text, sizeof(text))))
		return ret;
	add_count(&c->udp_receive_buffer_errors, parse_snmp6(text, "Udp6RcvbufErrors"));
	add_count(&c->udp_send_buffer_errors, parse_snmp6(text, "Udp6SndbufErrors"));
	return 0;
}
