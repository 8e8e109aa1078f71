// The outer sockets (udp.h): opened, parted by what comes to them, marked and closed. Control
// thread.
#ifndef WGBENCH_SOCKETS_H
#define WGBENCH_SOCKETS_H

#include <stdint.h>

struct device;

// Opens both families for each queue on `port` (0: any free one, the same for all) with the
// firewall mark. On failure the old sockets stay. 0 or -errno (EADDRINUSE). Control thread, path
// excluded.
int sockets_open(struct device *, uint16_t port, uint32_t fwmark);
void sockets_close(struct device *);
// Asks once more for what the kernel refused the open sockets, but may give by now. Control thread.
void sockets_try_again(struct device *);
// Sets SO_MARK on what is open. 0 or -errno.
int sockets_set_fwmark(struct device *, uint32_t fwmark);

#endif
