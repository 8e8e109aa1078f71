// What a request does to the device, and what is told of it. Control thread.
#ifndef WGBENCH_UAPI_DEVICE_H
#define WGBENCH_UAPI_DEVICE_H

struct device;
struct uapi_buffer;
struct uapi_request;

// Carries out a set request: wholly, or not at all. 0, -ENOMEM, -ENOSPC (too many peers), or what
// the sockets say (-EADDRINUSE, -EPERM).
int uapi_device_set(struct device *, const struct uapi_request *);
// Prints the configuration, without the closing errno.
void uapi_device_get(struct device *, struct uapi_buffer *);

#endif
