// A peer's previous, current and next key pair. Control thread.
#ifndef WGBENCH_SESSION_H
#define WGBENCH_SESSION_H

#include <stdint.h>

struct noise_session;
struct peer;

// Installs a key pair after a handshake: the initiator's becomes current, the responder's next.
// 0, -ENOMEM or -ENOENT: the session's index isn't in the table.
int session_install(struct peer *, const struct noise_session *, uint64_t now_ns);
// The next key pair becomes current.
void session_confirm(struct peer *);
// Drops and zeroes all key pairs and a handshake under way; with the path excluded already, or not.
void session_end_excluded(struct peer *);
void session_end(struct peer *);

#endif
