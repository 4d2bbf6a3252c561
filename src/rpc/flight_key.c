#include "rpc/flight_key.h"

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes that make a closer look necessary: white space (also inside a string), and letters that folding would change.
 */
static bool is_suspect(unsigned char c, bool fold_hex)
{
    return c <= ' ' || (fold_hex && c >= 'A' && c <= 'F');
}

#ifdef __SSE2__
static bool block_suspect(const char *p, bool fold_hex)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i bad = _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8(' ')), b);

    if (fold_hex) {
        __m128i from_a = _mm_sub_epi8(b, _mm_set1_epi8('A'));

        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8(5)), from_a));
    }
    return _mm_movemask_epi8(bad) != 0;
}
#endif

bool flight_key_is_plain(struct slice text, bool fold_hex)
{
    size_t i = 0;

#ifdef __SSE2__
    if (text.n >= 16) {
        for (; i + 16 <= text.n; i += 16)
            if (block_suspect(text.p + i, fold_hex))
                return false;
        return !block_suspect(text.p + text.n - 16, fold_hex);
    }
#endif
    for (; i < text.n; i++)
        if (is_suspect((unsigned char)text.p[i], fold_hex))
            return false;
    return true;
}

static bool is_hex(unsigned char c)
{
    unsigned char lower = c | 0x20;

    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

/* The bytes between the quotes are 0x and hex digits.  0X some servers refuse (alloy's const-hex, of reth), and others
 * take (geth): who asks rightly must not share their refusal. */
static bool is_hex_text(const char *p, size_t n)
{
    bool other = false;

    if (n < 2 || p[0] != '0' || p[1] != 'x')
        return false;
    for (size_t i = 2; i < n; i++) /* to the end in any case: so it becomes vector code */
        other |= !is_hex((unsigned char)p[i]);
    return !other;
}

/* From behind the opening quote to the closing one. */
static size_t string_bytes(const char *p, const char *end)
{
    const char *quote = memchr(p, '"', (size_t)(end - p));
    size_t i = 0;

    if (quote == p || quote[-1] != '\\') /* it is not escaped, and no quote stands before it */
        return (size_t)(quote - p);
    while (p[i] != '"')
        i += p[i] == '\\' ? 2 : 1;
    return i;
}

/* A string is a value unless ':' comes next: a member's name is not folded, since two names could become one. */
static bool is_value(const char *p, const char *end)
{
    while (p < end && is_space((unsigned char)*p))
        p++;
    return p == end || *p != ':';
}

static void put_lower(char *to, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        to[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
}

size_t flight_key_write(char *out, struct slice text, bool fold_hex)
{
    const char *p = text.p, *end = text.p + text.n;
    char *to = out;

    while (p < end) {
        size_t n;

        if (*p != '"') {
            if (!is_space((unsigned char)*p))
                *to++ = *p;
            p++;
            continue;
        }
        n = string_bytes(p + 1, end);
        *to++ = '"';
        if (fold_hex && is_hex_text(p + 1, n) && is_value(p + n + 2, end))
            put_lower(to, p + 1, n);
        else
            memcpy(to, p + 1, n);
        to += n;
        *to++ = '"';
        p += n + 2;
    }
    return (size_t)(to - out);
}
