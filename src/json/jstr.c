#include "json/jstr.h"

#include <stdbool.h>
#include <string.h>

#if JSTR_SSE2
#include <immintrin.h>
#endif

enum { BLOCK = 256 }; /* bytes that the AVX2 loop tests with one branch */

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static const char *find_bytes(const char *start, const char *p, const char *end)
{
    (void)start;
    while (p < end && plain((unsigned char)*p))
        p++;
    return p;
}

/* Whether all eight bytes are plain.  A borrow may blame the neighbour of a byte that is not plain, never excuse one.
 */
static bool plain8(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t v, quote, back;

    memcpy(&v, p, sizeof v);
    quote = v ^ (ones * '"');
    back = v ^ (ones * '\\');
    return !((v | (v - ones * 0x20) | (quote - ones) | (back - ones)) & high);
}

static const char *find_words(const char *start, const char *p, const char *end)
{
    while (end - p >= 8 && plain8(p))
        p += 8;
    return find_bytes(start, p, end);
}

#if JSTR_SSE2

static const char *find_sse2(const char *start, const char *p, const char *end)
{
    unsigned mask;

    for (; end - p >= 16; p += 16) {
        mask = jstr_mask16(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    if (p == end)
        return end;
    if (end - start < 16)
        return find_words(start, p, end);
    /* The last vector overlaps what was seen before; shift that out. */
    mask = jstr_mask16(end - 16) >> (16 - (end - p));
    return mask ? p + __builtin_ctz(mask) : end;
}

#define AVX2 __attribute__((target("avx2")))

/* '"' and '\\' differ in their low four bits, so a look-up by those gives, for every byte, the only one that matters.
 * Bytes over 0x7f look up 0 and so match nothing here. */
AVX2 static inline __m256i quotes32(__m256i v)
{
    const __m256i by_nibble = _mm256_setr_epi8(0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0, 0, 0, '"', 0, 0, 0,
                                               0, 0, 0, 0, 0, 0, '\\', 0, 0, 0);

    return _mm256_cmpeq_epi8(v, _mm256_shuffle_epi8(by_nibble, v));
}

AVX2 static inline __m256i load32(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline unsigned mask32(const char *p)
{
    __m256i v = load32(p), low = _mm256_subs_epi8(v, _mm256_set1_epi8(0x20));

    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(quotes32(v), low));
}

AVX2 static inline bool plain_block(const char *p)
{
    __m256i least = load32(p), quotes = quotes32(least), v;

#pragma GCC unroll 8
    for (unsigned i = 32; i < BLOCK; i += 32) {
        v = load32(p + i);
        least = _mm256_min_epi8(least, v);
        quotes = _mm256_or_si256(quotes, quotes32(v));
    }
    return _mm256_movemask_epi8(_mm256_or_si256(quotes, _mm256_subs_epi8(least, _mm256_set1_epi8(0x20)))) == 0;
}

AVX2 static const char *find_avx2(const char *start, const char *p, const char *end)
{
    unsigned mask;

    /* Addresses and hashes end in the first vectors; only what is longer is worth a block. */
    for (unsigned i = 0; i < 3 && end - p >= 32; i++, p += 32) {
        mask = mask32(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (end - p >= BLOCK && plain_block(p))
        p += BLOCK;
    for (; end - p >= 32; p += 32) {
        mask = mask32(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    if (p == end)
        return end;
    if (end - start < 32)
        return find_sse2(start, p, end);
    mask = mask32(end - 32) >> (32 - (end - p));
    return mask ? p + __builtin_ctz(mask) : end;
}

static const struct jstr_variant variants[] = {
    {"bytes", find_bytes}, {"words", find_words}, {"sse2", find_sse2}, {"avx2", find_avx2}};

const struct jstr_variant *jstr_variants(size_t *count)
{
    __builtin_cpu_init(); /* for callers that run before the constructors did */
    *count = sizeof variants / sizeof *variants - (__builtin_cpu_supports("avx2") ? 0 : 1);
    return variants;
}

static jstr_find_fn resolve;

/* Threads may race to the first call: each stores the same function, and any of them may be called at any time. */
static jstr_find_fn *chosen = resolve;

static const char *resolve(const char *start, const char *p, const char *end)
{
    size_t n;
    const struct jstr_variant *v = jstr_variants(&n);

    __atomic_store_n(&chosen, v[n - 1].find, __ATOMIC_RELAXED);
    return v[n - 1].find(start, p, end);
}

const char *jstr_find_long(const char *start, const char *p, const char *end)
{
    return __atomic_load_n(&chosen, __ATOMIC_RELAXED)(start, p, end);
}

#else

static const struct jstr_variant variants[] = {{"bytes", find_bytes}, {"words", find_words}};

const struct jstr_variant *jstr_variants(size_t *count)
{
    *count = sizeof variants / sizeof *variants;
    return variants;
}

const char *jstr_find_long(const char *start, const char *p, const char *end)
{
    return find_words(start, p, end);
}

#endif

static bool follows(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The well-formed sequences are those of table 3-7 of the Unicode Standard: the second byte carries all the limits. */
size_t jstr_utf8(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);

    if (s[0] < 0x80)
        return 1;
    if (left < 2 || s[0] < 0xc2 || !follows(s[1]))
        return 0;
    if (s[0] < 0xe0)
        return 2;
    if (left < 3 || !follows(s[2]))
        return 0;
    if (s[0] < 0xf0)
        return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ? 0 : 3;
    if (left < 4 || !follows(s[3]))
        return 0;
    return s[0] > 0xf4 || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : 4;
}

size_t jstr_put_utf8(char out[4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
