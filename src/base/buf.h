/* buf.h - growable bytes with a hard maximum, for bytes from outside.  By value in its owner; buf_deinit frees.
 * Growth may fail: BUF_FULL past the maximum, UV/errno -ENOMEM when the system has no memory. */
#ifndef MILLRACE_BASE_BUF_H
#define MILLRACE_BASE_BUF_H

#include <stddef.h>

#include "base/slice.h"

enum { BUF_FULL = 1 };

struct buf {
    char *p;
    size_t n, cap;
    size_t max_bytes;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_deinit(struct buf *b);                    /* frees; the maximum stays, so the buf can be used again */
int buf_reserve(struct buf *b, size_t more);       /* room for `more` bytes past n; capacity doubles */
int buf_reserve_exact(struct buf *b, size_t more); /* the same, without slack: for a length known beforehand */
int buf_append(struct buf *b, const void *p, size_t n);
int buf_slice(struct buf *b, struct slice s);
int buf_str(struct buf *b, const char *s);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */
void buf_clear(struct buf *b);             /* n = 0, memory kept */

static inline struct slice buf_get(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

#endif
