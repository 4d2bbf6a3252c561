/* devnode_keccak.h - Keccak-256 as Ethereum uses it (the padding from before FIPS 202): the hash of a sent transaction,
 * which clients compute too and compare.  Pure. */
#ifndef MILLRACE_DEVNODE_KECCAK_H
#define MILLRACE_DEVNODE_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { KECCAK_BYTES = 32 };

void keccak256(const uint8_t *p, size_t n, uint8_t out[KECCAK_BYTES]);

#endif
