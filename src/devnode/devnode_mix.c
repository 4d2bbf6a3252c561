#include "devnode/devnode_mix.h"

#include <string.h>

#include "base/hex.h"

enum { WORD = 8 };

#define GOLDEN 0x9e3779b97f4a7c15u

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so it has an inverse. */
uint64_t mix64(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t mix64_undo(uint64_t x)
{
    x = (x ^ x >> 31 ^ x >> 62) * 0x319642b2d24d8ec3u;
    x = (x ^ x >> 27 ^ x >> 54) * 0x96de1b173f119089u;
    return x ^ x >> 30 ^ x >> 60;
}

uint64_t mix_slice(uint64_t key, struct slice s)
{
    uint64_t h = key ^ s.n * GOLDEN, w;

    for (; s.n >= WORD; s.p += WORD, s.n -= WORD) {
        memcpy(&w, s.p, WORD);
        h = (h ^ w) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 29;
    }
    w = 0;
    if (s.n)
        memcpy(&w, s.p, s.n);
    return mix64(h ^ w);
}

uint64_t mix_next(uint64_t *state)
{
    *state += GOLDEN;
    return mix64(*state);
}

static uint64_t word_of(uint64_t key, uint64_t first, unsigned i)
{
    return i == 0 ? first : mix64((first + i * GOLDEN) ^ key);
}

static void store(uint8_t *out, uint64_t w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(w >> (56 - 8 * i));
}

void mix_id(uint64_t key, uint64_t number, uint8_t *out, size_t n)
{
    uint64_t first = mix64(key ^ number);

    for (unsigned i = 0; i * WORD < n; i++)
        store(out + i * WORD, word_of(key, first, i), n - i * WORD < WORD ? n - i * WORD : WORD);
}

bool mix_find(uint64_t key, const uint8_t *id, size_t n, uint64_t *number)
{
    uint8_t again[64];
    uint64_t first = 0;

    for (unsigned i = 0; i < WORD; i++)
        first = first << 8 | id[i];
    *number = mix64_undo(first) ^ key;
    mix_id(key, *number, again, n);
    return memcmp(again, id, n) == 0;
}

size_t mix_hex(char *out, const uint8_t *p, size_t n)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    return 2 * n;
}

static const char base64_digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t mix_base64(char *out, const uint8_t *p, size_t n)
{
    char *o = out;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t w = (uint32_t)p[i] << 16;

        if (i + 1 < n)
            w |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            w |= p[i + 2];
        *o++ = base64_digit[w >> 18];
        *o++ = base64_digit[w >> 12 & 63];
        *o++ = i + 1 < n ? base64_digit[w >> 6 & 63] : '=';
        *o++ = i + 2 < n ? base64_digit[w & 63] : '=';
    }
    return (size_t)(o - out);
}

size_t mix_unhex(uint8_t *out, size_t cap, struct slice t)
{
    size_t n = 0;

    if (t.n < 2 || t.n % 2 || t.p[0] != '0' || (t.p[1] | 32) != 'x' || (t.n - 2) / 2 > cap)
        return (size_t)-1;
    for (size_t i = 2; i < t.n; i += 2) {
        int hi = hex_digit(t.p[i]), lo = hex_digit(t.p[i + 1]);

        if (hi < 0 || lo < 0)
            return (size_t)-1;
        out[n++] = (uint8_t)(hi << 4 | lo);
    }
    return n;
}
