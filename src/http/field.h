/* field.h - the grammar of header fields (RFC 9110) that requests and responses share.  Pure functions on slices. */
#ifndef MILLRACE_HTTP_FIELD_H
#define MILLRACE_HTTP_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/slice.h"

enum {
    BYTE_TOKEN = 1, /* tchar */
    BYTE_HOST = 2,  /* reg-name of RFC 3986 but '%' (needs its digits) and ',' (would make a list of hosts) */
    BYTE_TARGET = 4 /* visible ASCII but '#': what may stand in a request target */
};

extern const uint8_t byte_class[256];

static inline bool byte_is(char c, uint8_t classes)
{
    return byte_class[(uint8_t)c] & classes;
}

/* How many bytes at the start of the line are letters or dashes; may stop early, never late. */
static inline size_t field_name_start(struct slice line)
{
#ifdef __SSE2__
    if (line.n >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)line.p);
        __m128i folded = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(folded, _mm_set1_epi8('z' - 'a')), folded);
        __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));

        return (size_t)__builtin_ctz(~(unsigned)_mm_movemask_epi8(_mm_or_si128(letter, dash)));
    }
#else
    (void)line;
#endif
    return 0;
}

/* "Name: value" into its parts, OWS around the value dropped.  False for an empty name, a space before the colon, a
 * folded line (it begins with a space) and any byte that is no tchar.  The line is as head_next gives it: the CR that
 * follows it stops every loop, so that no end needs to be tested. */
static inline bool field_split(struct slice line, struct slice *name, struct slice *value)
{
    size_t i = field_name_start(line);

    while (byte_is(line.p[i], BYTE_TOKEN))
        i++;
    if (i == 0 || line.p[i] != ':')
        return false;
    *name = slice_of(line.p, i);
    i += 1 + (line.p[i + 1] == ' ');
    *value = slice_of(line.p + i, line.n - i);
    /* Not just the one usual space, or an empty value. */
    if (value->p[0] <= ' ' || value->p[value->n - 1] <= ' ')
        *value = slice_trim(*value);
    return true;
}

/* The same without regard to case; `lower` is a literal of >= 4 letters or dashes, and `s` holds no control bytes. */
#define field_is(s, lower) ((s).n == sizeof(lower) - 1 && field_same((s).p, lower, sizeof(lower) - 1))

static inline bool field_same8(const char *a, const char *lower)
{
    uint64_t x, y;

    memcpy(&x, a, 8);
    memcpy(&y, lower, 8);
    return (x | UINT64_C(0x2020202020202020)) == y;
}

static inline bool field_same4(const char *a, const char *lower)
{
    uint32_t x, y;

    memcpy(&x, a, 4);
    memcpy(&y, lower, 4);
    return (x | 0x20202020u) == y;
}

static inline bool field_same(const char *p, const char *lower, size_t n)
{
    if (n < 8)
        return field_same4(p, lower) && field_same4(p + n - 4, lower + n - 4);
    for (size_t i = 0; i + 8 < n; i += 8)
        if (!field_same8(p + i, lower + i))
            return false;
    return field_same8(p + n - 8, lower + n - 8);
}

/* Content-Length: digits only (no sign, no list), no overflow. */
bool field_length(struct slice value, uint64_t *out);

/* The next non-empty element of a comma-separated list; *list shrinks.  False at its end. */
bool field_list_next(struct slice *list, struct slice *element);

/* Connection: adds what the list names to the two flags. */
void field_connection(struct slice value, bool *close, bool *keep_alive);

/* uri-host [ ":" port ] of RFC 3986, not empty, without userinfo. */
bool field_host(struct slice value);

#endif
