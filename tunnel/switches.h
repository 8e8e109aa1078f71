// Everything that can be switched: from WGBENCH_TUNNEL_SWITCHES=name=value,... A table of typed
// rows; an unknown name or value is an error that names it. Shown by --help and --version.
#ifndef WGBENCH_SWITCHES_H
#define WGBENCH_SWITCHES_H

#include <stdio.h>

// Whether the queue below `aqm` is bounded by dynamic limits.
enum switches_lower {
	SWITCHES_LOWER_AUTO, // as the variant wishes
	SWITCHES_LOWER_OPEN,
	SWITCHES_LOWER_BOUNDED,
};

struct switches {
	unsigned tun_gso;          // TUN with a vnet header: TSO
	unsigned tun_uso;          // and USO
	unsigned udp_gso;          // UDP_SEGMENT on send
	unsigned udp_gro;          // UDP_GRO on receive
	unsigned handshake_socket; // receive what isn't data by a socket of its own
	unsigned merge_tcp;        // merge inner TCP on receive
	unsigned merge_udp;        // merge inner UDP on receive
	unsigned strict_checksum;  // check inner checksums before merging
	unsigned socket_buffer;    // bytes of each socket's send and receive buffer
	unsigned lower_queue;      // enum switches_lower
	unsigned queues;           // of the data path, each with a thread; 0: by the machine
	unsigned threads;          // of workers at the most; 0: as their variant finds right
	unsigned clock_scale;      // ages run this many times as fast
	unsigned dumpable;         // allow core dumps and ptrace, for profiling
};

// Fills in the defaults, then what `text` (NULL: nothing) says. 0; -EINVAL after a printed line.
int switches_parse(struct switches *, const char *text);
// A line a switch: name, range, default, meaning.
void switches_help(FILE *);
// "name=value,..." of all of them, on one line.
void switches_print(const struct switches *, FILE *);

#endif
