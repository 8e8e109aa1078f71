// The link: up, down and MTU, by rtnetlink, into whichever namespace it's moved.
#ifndef WGBENCH_LINK_H
#define WGBENCH_LINK_H

struct device;

// Opens the socket for link_open(). With CAP_NET_BROADCAST (needed here only) it hears of other
// namespaces too. The descriptor or -errno.
int link_socket(void);
// Takes over `socket`, which may be an error of link_socket()'s. 0 or -errno after a printed line.
int link_open(struct device *, int socket);
void link_close(struct device *);

#endif
