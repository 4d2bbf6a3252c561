/* keccak.h - Keccak-256 as Ethereum uses it (the padding from before FIPS 202): the hash of a transaction is that of
 * its bytes.  Pure, by value; nothing to free. */
#ifndef MILLRACE_BASE_KECCAK_H
#define MILLRACE_BASE_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { KECCAK_BYTES = 32, KECCAK_LANES = 25 };

struct keccak {
    uint64_t lane[KECCAK_LANES];
    size_t at; /* bytes of the current block that were added */
};

/* Piece by piece: _init, any number of _add, _final once. */
void keccak_init(struct keccak *k);
void keccak_add(struct keccak *k, const uint8_t *p, size_t n);
void keccak_final(struct keccak *k, uint8_t out[KECCAK_BYTES]);

void keccak256(const uint8_t *p, size_t n, uint8_t out[KECCAK_BYTES]);

#endif
