/* head.h - cuts a message head (RFC 9112) into its lines.  By value in a parser; nothing to free.
 * Strict whatever library judges the lines afterwards: every line ends with CRLF, and a bare CR, a bare LF, NUL or any
 * other control byte but HTAB is refused where it stands.  Each byte is looked at once, however the head is split. */
#ifndef MILLRACE_HTTP_HEAD_H
#define MILLRACE_HTTP_HEAD_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/slice.h"

enum head_event {
    HEAD_MORE, /* no whole line */
    HEAD_LINE, /* one line, without its CRLF */
    HEAD_END,  /* the empty line that ends the head */
    HEAD_BAD
};

struct head {
    size_t line; /* where the line under way begins */
    size_t at;   /* the first byte not looked at yet */
};

static inline int head_is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

#ifdef __SSE2__
/* Bit i: p[i] is a control byte other than HTAB. */
static inline unsigned head_controls(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}
#endif

/* The first control byte in [i, n), or n. */
static inline size_t head_skip_text(const char *p, size_t i, size_t n)
{
#ifdef __SSE2__
    /* Most lines fit into one turn of this loop. */
    for (; i + 32 <= n; i += 32) {
        unsigned m = head_controls(p + i) | head_controls(p + i + 16) << 16;

        if (m)
            return i + (size_t)__builtin_ctz(m);
    }
#endif
    while (i < n && !head_is_control((unsigned char)p[i]))
        i++;
    return i;
}

/* p and n are the head so far, from its first byte; it may have moved and grown since the last call.  Inline, as it is
 * the inner loop of both parsers. */
static inline enum head_event head_next(struct head *h, const char *p, size_t n, struct slice *line)
{
    size_t i = head_skip_text(p, h->at, n);

    if (i + 1 >= n) {
        if (i < n && p[i] != '\r')
            return HEAD_BAD;
        h->at = i; /* the byte after a CR decides */
        return HEAD_MORE;
    }
    if (memcmp(p + i, "\r\n", 2) != 0)
        return HEAD_BAD;
    *line = slice_of(p + h->line, i - h->line);
    h->line = h->at = i + 2;
    return line->n ? HEAD_LINE : HEAD_END;
}

#endif
