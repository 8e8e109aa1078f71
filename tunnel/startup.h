// What a process inherits from whoever starts it, made fit for one that lives long, and how it
// becomes a daemon.
#ifndef WGBENCH_STARTUP_H
#define WGBENCH_STARTUP_H

// To be called before anything is opened or printed. Sees to it that descriptors 0 to 2 are open,
// that no signal ends the process by accident (those that control.c handles are blocked), that
// files are the owner's alone, that limits leave room, and that messages don't block (log.h). 0 or
// -errno after a printed line.
int startup_prepare(void);

// Returns in the daemon only, with the pipe that startup_detach() is to be given. The process that
// called it stays until then, and exits with 0, or with 1 if the daemon has ended before.
int startup_daemonize(void);

// Lets go of the caller's terminal, folder and files, and has the process that was started return.
// What was printed until here is seen by whoever started it. 0 or -errno; -EPIPE: that process was
// ended meanwhile, so nobody wants the daemon any more.
int startup_detach(int pipe);

#endif
