// The file of the configuration socket, /var/run/wireguard/NAME.sock: makes it where there is none
// or a stale one, and removes it.
#ifndef WGBENCH_UAPI_FILE_H
#define WGBENCH_UAPI_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define UAPI_FILE_DIRECTORY "/var/run/wireguard"

struct uapi_file {
	struct sockaddr_un address;
	dev_t dev; // of the socket that was made
	ino_t ino;
};

// A listening socket of that interface, which only its owner can reach whatever the umask is.
// -EADDRINUSE: another program listens there. The descriptor or -errno.
int uapi_file_listen(struct uapi_file *, const char *name);
// Whether the socket that was made is still there.
bool uapi_file_is_ours(const struct uapi_file *);
// Removes it, unless another one is there.
void uapi_file_remove(const struct uapi_file *);
// What to do about an error of uapi_file_listen(), to follow strerror().
const char *uapi_file_remedy(int error);

#endif
