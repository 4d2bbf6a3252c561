#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_deinit(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max_bytes);
}

static int buf_resize(struct buf *b, size_t cap)
{
    char *p = cap <= PTRDIFF_MAX ? realloc(b->p, cap) : NULL;

    if (!p)
        return -ENOMEM;
    b->p = p;
    b->cap = cap;
    return 0;
}

int buf_reserve(struct buf *b, size_t more)
{
    size_t want, cap;

    if (more > b->max_bytes || b->n > b->max_bytes - more)
        return BUF_FULL;
    want = b->n + more;
    if (want <= b->cap)
        return 0;
    cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    if (cap > b->max_bytes)
        cap = b->max_bytes;
    return buf_resize(b, cap);
}

int buf_reserve_exact(struct buf *b, size_t more)
{
    if (more > b->max_bytes || b->n > b->max_bytes - more)
        return BUF_FULL;
    return b->n + more <= b->cap ? 0 : buf_resize(b, b->n + more);
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    int r = buf_reserve(b, n);

    if (r)
        return r;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

int buf_slice(struct buf *b, struct slice s)
{
    return buf_append(b, s.p, s.n);
}

int buf_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int n, r;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -EINVAL;
    /* One byte more than the text for vsnprintf's NUL, outside n. */
    r = buf_reserve(b, (size_t)n + 1);
    if (r)
        return r;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
    return 0;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
}
