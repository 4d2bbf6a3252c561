/* devnode_mix.h - where the simulated chain's hashes, addresses and signatures come from: a 64-bit mixer that can be
 * undone, so that a hash leads back to its block or transaction without a table.  Not cryptography.  Pure. */
#ifndef MILLRACE_DEVNODE_MIX_H
#define MILLRACE_DEVNODE_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

uint64_t mix64(uint64_t x);
uint64_t mix64_undo(uint64_t x);
uint64_t mix_slice(uint64_t key, struct slice s);
uint64_t mix_next(uint64_t *state); /* a seeded stream of numbers */

/* n bytes of the identity of `number` in the name space `key`; n is 20, 32 or 64. */
void mix_id(uint64_t key, uint64_t number, uint8_t *out, size_t n);
/* The number whose identity these bytes are; false when they are not from this name space. n is 32 or 64. */
bool mix_find(uint64_t key, const uint8_t *id, size_t n, uint64_t *number);

/* Text without a terminator; return its length.  `out` needs 2 * n bytes for hex, 4 * (n + 2) / 3 for base64,
 * 1.4 * n + 1 for base58. */
size_t mix_hex(char *out, const uint8_t *p, size_t n);
size_t mix_base64(char *out, const uint8_t *p, size_t n);

/* The opposite; the length, or (size_t)-1 when the text is no such thing or does not fit. */
size_t mix_unhex(uint8_t *out, size_t cap, struct slice text); /* with its 0x */

#endif
