// Pair n: outer 10.66.n.1/2 and fd66:n::1/2 on the veth, inner 10.77.n.1/2 and fd77:n::1/2 on the
// tunnel. Each step is one `ip -batch`, since starting a program costs more than what it does.
#include "netns/netns.h"

#include "base/foreign.h"
#include "base/process.h"
#include "netns/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMAND_MS = 20000, READY_MS = 10000 };
enum { DEV, SNMP, SNMP6, FILES };

int netns_batch(int ns, const char *program, const char *commands, char *reason, size_t bytes)
{
	const char *const argv[] = {program, "-batch", "-", NULL};
	struct process_text text;
	int ret = process_run(argv, ns, commands, COMMAND_MS, &text);

	// Its last line says only which command it was that failed.
	snprintf(reason, bytes, "%.*s", ret > 0 ? (int)strcspn(text.err, "\n") : 0, text.err);
	if (ret < 0)
		snprintf(reason, bytes, "%s: %s", program, strerror(-ret));
	process_text_free(&text);
	return ret > 0 ? -EIO : ret;
}

static int batch(int ns, const char *commands)
{
	char reason[256];
	int ret = netns_batch(ns, "ip", commands, reason, sizeof(reason));

	if (ret && ret != -EINTR)
		fprintf(stderr, "wgbench: can't build the test network: %s\n", reason);
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
	static const char *const files[FILES] = {"dev", "snmp", "snmp6"};
	char path[64];
	int home;

	snprintf(path, sizeof(path), "/run/netns/%s", s->name);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = s->fd < 0 ? -errno : owner_enter_namespace(s->fd, &home);
	if (ret)
		return ret;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", files[i]);
		s->counters[i] = open(path, O_RDONLY | O_CLOEXEC);
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
	char commands[512];

	snprintf(commands, sizeof(commands),
	         "link set lo up\n"
	         "address add %s/24 dev %s\n"
	         "address add %s/64 dev %s nodad\n"
	         "link set %s up\n",
	         s->outer[0], NETNS_VETH, s->outer[1], NETNS_VETH, NETNS_VETH);
	return batch(s->fd, commands);
}

// Until both families pass: a new veth may swallow the first neighbour solicitations.
static int wait_ready(const struct netns_pair *p)
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
	char commands[512];
	int ret;

	p->n = n;
	for (int i = 0; i < 2; i++)
		name_side(&p->side[i], n, i);
	snprintf(commands, sizeof(commands),
	         "netns add %s\n"
	         "netns add %s\n"
	         "link add %s netns %s type veth peer name %s netns %s\n",
	         p->side[0].name, p->side[1].name, NETNS_VETH, p->side[0].name, NETNS_VETH,
	         p->side[1].name);
	ret = batch(PROCESS_HERE, commands);
	for (int i = 0; i < 2 && !ret; i++)
		ret = open_side(&p->side[i]);
	for (int i = 0; i < 2 && !ret; i++)
		ret = address_side(&p->side[i]);
	if (!ret)
		ret = wait_ready(p);
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
	char path[96], text[32];
	int home, ret = owner_enter_namespace(ns, &home);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
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

static void add(unsigned long long *sum, unsigned long long n)
{
	*sum = *sum == FOREIGN_UNKNOWN || n == FOREIGN_UNKNOWN ? FOREIGN_UNKNOWN : *sum + n;
}

// sysfs has it too, but shows the namespace that it was mounted in.
static int tx_queue_len(int fd, const char *interface)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCGIFTXQLEN, &request) ? -1 : request.ifr_qlen;
}

int netns_count(const struct netns_side *s, struct netns_counters *c)
{
	char text[16384];
	int ret;

	*c = (struct netns_counters){.tunnel_tx_queue_len = tx_queue_len(s->socket, s->interface)};
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
	add(&c->udp_receive_buffer_errors, parse_snmp6(text, "Udp6RcvbufErrors"));
	add(&c->udp_send_buffer_errors, parse_snmp6(text, "Udp6SndbufErrors"));
	return 0;
}
