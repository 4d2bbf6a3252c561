/* base58.h - the alphabet of Bitcoin and Solana: a number in base 58, leading zero bytes as leading '1's.  Pure.
 * The work grows with the square of the length, so the length is bounded. */
#ifndef MILLRACE_BASE_BASE58_H
#define MILLRACE_BASE_BASE58_H

#include <stdint.h>

#include "base/slice.h"

enum { BASE58_MAX = 2048 }; /* bytes; more is refused */

/* Text without a terminator; its length, 0 for no bytes or for too many.  `out` needs 1.4 * n + 6 bytes. */
size_t base58_encode(char *out, const uint8_t *p, size_t n);

/* The opposite; the number of bytes, or (size_t)-1 when the text is no base58 or does not fit. */
size_t base58_decode(uint8_t *out, size_t cap, struct slice text);

#endif
