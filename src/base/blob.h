/* blob.h - reference-counted immutable bytes: an answer that several writers share without a copy.
 * Not thread-safe: a blob stays on its worker.  Freed with the last reference. */
#ifndef MILLRACE_BASE_BLOB_H
#define MILLRACE_BASE_BLOB_H

#include "base/buf.h"
#include "base/slice.h"

struct spare;

struct blob {
    unsigned refs;
    char *p;
    size_t n;
    struct spare *home; /* where p goes in the end; NULL: it is freed */
    size_t cap; /* bytes that it keeps from others at p: n, or more when the buffer that it came from had room left */
};

/* One piece of a write.  ref: NULL: s is borrowed for the duration of the call only; else s lies in ref's bytes, and
 * who must keep it for longer takes a reference instead of a copy. */
struct chunk {
    struct slice s;
    struct blob *ref;
};

enum { BLOB_SMALL = 16384 }; /* bytes; smaller ones are never worth a copy */

struct blob *blob_copy(struct slice s); /* one reference, its own copy of the bytes; NULL when out of memory */
struct blob *blob_take(struct buf *b);  /* moves the buffer's bytes; *b is empty after; never NULL */
/* The same; the bytes go to `home` in the end, for the next one. */
struct blob *blob_take_from(struct buf *b, struct spare *home);
struct blob *blob_ref(struct blob *b);
struct blob *blob_unref(struct blob *b); /* NULL is fine; returns NULL */

/* Does who keeps n bytes of b for long better keep a copy?  b would hold much more memory than that. */
static inline bool blob_outweighs(const struct blob *b, size_t n)
{
    return b->cap > BLOB_SMALL && n < b->cap / 8;
}

#endif
