// What can be tested of the idle peers without a tunnel.
#ifndef WGBENCH_WORKLOADS_IDLE_H
#define WGBENCH_WORKLOADS_IDLE_H

enum { IDLE_PEERS_MAX = 1000, IDLE_KEY_BYTES = 45, IDLE_ALLOWED_BYTES = 40 };

struct idle_peer {
	char key[IDLE_KEY_BYTES]; // public, base64
	char allowed[IDLE_ALLOWED_BYTES];
};

// What is judged: percent of one CPU, but never below what a wake-up in some seconds burns. A trial
// without any, and such are there, would be an endless ratio to one with a single one.
#define IDLE_FLOOR_PERCENT 0.001
double idle_percent(double cpu_s, double wall_s);

// Peer `n` (< IDLE_PEERS_MAX), the same in every trial.
void idle_peer_name(struct idle_peer *, unsigned n);

#endif
