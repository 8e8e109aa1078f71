// Who owns which namespaces, how they are taken down, and a way into one and back.
#ifndef WGBENCH_NETNS_OWNER_H
#define WGBENCH_NETNS_OWNER_H

// Ends the processes inside (SIGTERM, after 2 s SIGKILL) and removes the namespace.
void owner_remove_namespace(const char *name);

// Takes the calling thread into a namespace and back. 0 or -errno; the way back never fails: a
// thread that is lost in another namespace would go on there.
int owner_enter_namespace(int ns_fd, int *home);
void owner_leave_namespace(int home);

#endif
