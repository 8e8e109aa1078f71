// Where messages go: stderr becomes a stream that neither blocks nor fails, so that whoever reads
// it, stops reading or goes away can't hold up the tunnel or end it. What isn't taken at once is
// lost.
#ifndef WGBENCH_LOG_H
#define WGBENCH_LOG_H

// What is printed to stderr goes to the descriptor, which stays the caller's, line by line from now
// on. Out of memory: stderr stays as it is.
void log_open(int fd);
// Closes what log_open() opened beside the descriptor; messages still go there.
void log_close(void);

#endif
