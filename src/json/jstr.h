/* jstr.h - runs of plain bytes in JSON strings, found 16 or 32 at a time.  Private to json/: others use jtok.h.
 * Pure; reads only inside the text it was given, so it is safe at the very end of a mapping and under ASan.
 * JSTR_PORTABLE leaves out every processor's own instructions; it is also what other processors than x86-64 get. */
#ifndef MILLRACE_JSON_JSTR_H
#define MILLRACE_JSON_JSTR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__) && !defined(JSTR_PORTABLE)
#define JSTR_SSE2 1
#include <emmintrin.h>
#else
#define JSTR_SSE2 0
#endif

/* The first byte of [p, end) that is '"', '\\', a control character or not ASCII; `end` when there is none.
 * `start` <= p is where the readable text begins: a short rest is looked at by a vector that ends at `end`. */
typedef const char *jstr_find_fn(const char *start, const char *p, const char *end);

/* One way to do it that this processor can run, the best one last. */
struct jstr_variant {
    const char *name;
    jstr_find_fn *find;
};

const struct jstr_variant *jstr_variants(size_t *count);

/* The best variant, chosen at the first call; for long runs. */
jstr_find_fn jstr_find_long;

/* Length of the UTF-8 sequence at p < end (1-4), or 0 when it is invalid: overlong, a surrogate, past U+10FFFF, cut
 * off. */
size_t jstr_utf8(const char *p, const char *end);

/* UTF-8 of a code point that is not a surrogate; returns its length (1-4). */
size_t jstr_put_utf8(char out[4], uint32_t code);

#if JSTR_SSE2
/* A bit for each byte of p[0..16) that is not plain.  The saturated difference is negative for controls and for bytes
 * that are not ASCII alike, and only the sign bits are collected. */
static inline unsigned jstr_mask16(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i back = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i low = _mm_subs_epi8(v, _mm_set1_epi8(0x20));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, back), low));
}
#endif

/* As jstr_find_fn; inline for what is likely to end soon. */
static inline const char *jstr_find(const char *start, const char *p, const char *end)
{
#if JSTR_SSE2
    if (end - p >= 16) {
        unsigned mask = jstr_mask16(p);

        if (mask) {
            p += __builtin_ctz(mask);
            if (p >= end)
                __builtin_unreachable(); /* spares callers a second look at `end` */
            return p;
        }
        p += 16;
    }
#endif
    return jstr_find_long(start, p, end);
}

/* Behind the string whose opening quote is at p, if it is what most are: less than 16 plain bytes, and not at the very
 * end of the text.  NULL: it takes a closer look to know. */
static inline const char *jstr_short(const char *p, const char *end)
{
#if JSTR_SSE2
    unsigned mask;

    if (end - p > 16) {
        mask = jstr_mask16(p + 1);
        if (mask) {
            p += 1 + __builtin_ctz(mask);
            return *p == '"' ? p + 1 : NULL;
        }
    }
#else
    (void)p;
    (void)end;
#endif
    return NULL;
}

#endif
