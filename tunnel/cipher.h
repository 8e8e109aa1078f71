// One AEAD context for each thread, made on first use and wiped when the thread ends.
#ifndef WGBENCH_CIPHER_H
#define WGBENCH_CIPHER_H

struct aead;

// NULL when out of memory.
struct aead *cipher_thread(void);

#endif
