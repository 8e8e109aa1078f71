// Published vectors that fit the contract's nonce and empty associated data.
#ifndef WGBENCH_TESTS_AEAD_VECTORS_H
#define WGBENCH_TESTS_AEAD_VECTORS_H

struct aead;

void vectors_of_rfc8439(struct aead *);

#endif
