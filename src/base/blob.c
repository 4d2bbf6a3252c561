#include "base/blob.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/spare.h"

struct blob *blob_copy(struct slice s)
{
    /* One allocation: the bytes follow the header. */
    struct blob *b = malloc(sizeof *b + s.n);

    if (!b)
        return NULL;
    b->refs = 1;
    b->home = NULL;
    b->p = (char *)(b + 1);
    b->n = b->cap = s.n;
    if (s.n)
        memcpy(b->p, s.p, s.n);
    return b;
}

struct blob *blob_take(struct buf *from)
{
    struct blob *b = mem_zero(sizeof *b);

    b->refs = 1;
    b->p = from->p;
    b->n = from->n;
    b->cap = from->cap;
    buf_init(from, from->max_bytes);
    return b;
}

struct blob *blob_take_from(struct buf *from, struct spare *home)
{
    struct blob *b = blob_take(from);

    if (home && spare_fits(b->cap))
        b->home = spare_ref(home);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    assert(b->refs > 0);
    b->refs++;
    return b;
}

struct blob *blob_unref(struct blob *b)
{
    if (!b)
        return NULL;
    assert(b->refs > 0);
    if (--b->refs == 0) {
        if (b->home) {
            spare_give(b->home, b->p, b->cap);
            spare_unref(b->home);
        } else if (b->p != (char *)(b + 1)) {
            free(b->p);
        }
        free(b);
    }
    return NULL;
}
