#include "base/hash.h"

#include <string.h>

static uint64_t word(const unsigned char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

/* Both halves of a 128-bit product: every bit of either factor reaches every bit of the sum. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const struct hash_secret *s, uint64_t mix, const void *p, size_t n)
{
    const unsigned char *at = p;
    uint64_t h = fold(s->k[0] ^ mix, s->k[1] ^ (uint64_t)n), a = 0, b = 0;
    size_t left = n;

    for (; left > 16; left -= 16, at += 16)
        h = fold(word(at) ^ s->k[2], word(at + 8) ^ h);
    /* The last 1..16 bytes; where there are more before them, the words may overlap these. */
    if (left >= 8) {
        a = word(at);
        b = word(at + left - 8);
    } else if (n >= 8) {
        b = word(at + left - 8);
    } else if (left) {
        memcpy(&a, at, left);
    }
    return fold(fold(a ^ s->k[3], b ^ h), s->k[1] ^ h);
}
