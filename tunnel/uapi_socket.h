// The configuration socket, /var/run/wireguard/NAME.sock, and its clients.
#ifndef WGBENCH_UAPI_SOCKET_H
#define WGBENCH_UAPI_SOCKET_H

struct device;

// Replaces a stale socket. 0 or -errno after a printed line.
int uapi_socket_open(struct device *);
void uapi_socket_close(struct device *);

#endif
