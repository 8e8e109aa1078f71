// Inside netns/: who owns which namespaces, and how they are taken down.
#ifndef WGBENCH_NETNS_OWNER_H
#define WGBENCH_NETNS_OWNER_H

// Ends the processes inside (SIGTERM, after 2 s SIGKILL) and removes the namespace.
void owner_remove_namespace(const char *name);

#endif
