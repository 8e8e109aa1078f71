// Runs other programs by argument vector, never through a shell, each in a process group of its
// own, with its output in memory. SIGINT, SIGTERM and SIGHUP don't end wgbench where it stands:
// they end the wait that is going on, so that whoever waits can tear down what it has built.
#ifndef WGBENCH_BASE_PROCESS_H
#define WGBENCH_BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

enum { PROCESS_HERE = -1 }; // for `ns`: the caller's own network namespace

struct process {
	pid_t pid; // 0: not started
	int pidfd;
	int out, err; // memfds that the program writes to
};

// What a finished program wrote, both zero-terminated; owned by the caller.
struct process_text {
	char *out, *err;
};

// From now on the three signals are kept for process_signal.
int process_guard_signals(void);

// The signal that asked wgbench to stop, or 0.
int process_signal(void);

// While shielded (tear-down), waits go on in spite of such a signal. Returns what was before.
bool process_shield(bool on);

// Starts argv[0], found in PATH, in the network namespace `ns` (a descriptor); `input` is its
// standard input, NULL for none. Its environment is process_environment(), and no signal is
// ignored. It gets SIGKILL when wgbench dies. 0 or -errno.
int process_start(struct process *, const char *const argv[], int ns, const char *input);

// Waits at most so long for its end. The exit code (128 + n for signal n); -ETIMEDOUT and -EINTR
// (a signal asked to stop): it still runs.
int process_wait(struct process *, unsigned timeout_ms);

// What it has written so far to `fd` (out or err); the caller frees it.
char *process_read(int fd);

// Ends what still runs (SIGTERM, after 2 s SIGKILL) with its process group, and frees all.
void process_end(struct process *);

// Start, wait, end. The exit code, or -errno with nothing left running. `text` may be NULL; it is
// set on every way out and goes to process_text_free.
int process_run(const char *const argv[], int ns, const char *input, unsigned timeout_ms,
                struct process_text *text);
void process_text_free(struct process_text *);

// The last line of `text` that isn't empty, cut to the buffer: the reason of most programs'
// failure. Control characters become spaces, bytes that aren't UTF-8 '?'.
const char *process_last_line(const char *text, char *line, size_t bytes);

// Why process_run() returned `ret`, which isn't 0: the error, or that last line of what it wrote to
// standard error, which the text then holds instead of the whole.
const char *process_reason(int ret, struct process_text *text);

// Adds /usr/sbin and /sbin, where `tc` is, to a PATH that has only the folders for users, such as
// that of a root shell by `su`. A PATH without those is left as it is.
void process_complete_path(void);

// Such a program: in PATH, or at a path with a slash. The caller frees it; NULL: there is none.
char *process_find(const char *program);
bool process_available(const char *program);

// Pauses a polling loop; returns early, -EINTR, if a signal asks to stop.
int process_pause(unsigned ms);

#endif
