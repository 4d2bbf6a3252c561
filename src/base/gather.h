/* gather.h - collects the pieces of a write: small ones are copied together, large ones become chunks of their own.
 * One per worker, reused; large (it holds its scratch bytes).  Pure. */
#ifndef MILLRACE_BASE_GATHER_H
#define MILLRACE_BASE_GATHER_H

#include <stdbool.h>

#include "base/blob.h"

enum { GATHER_FULL = 1 };
enum { GATHER_CHUNKS = 64, GATHER_SCRATCH = 16384, GATHER_SMALL = 512 };

struct gather {
    struct chunk v[GATHER_CHUNKS];
    unsigned n;
    bool open;    /* the last chunk ends where scratch does, and may grow */
    bool borrows; /* a chunk points outside scratch: write before its owner lets go */
    size_t used;  /* of scratch */
    size_t bytes; /* in all chunks */
    char scratch[GATHER_SCRATCH];
};

static inline void gather_clear(struct gather *g)
{
    g->n = 0;
    g->used = 0;
    g->open = false;
    g->borrows = false;
    g->bytes = 0;
}

/* Room for `pieces` more of any size, so that a record is never split over two writes? */
static inline bool gather_has_room(const struct gather *g, unsigned pieces)
{
    return g->n + 2 * pieces <= GATHER_CHUNKS && g->used + (size_t)pieces * GATHER_SMALL <= GATHER_SCRATCH;
}

/* A chunk of its own.  The caller checked gather_has_room. */
void gather_borrow(struct gather *g, struct slice s, struct blob *ref);

/* Room for n small bytes at the end of the scratch: the caller fills them.  They join the last chunk if that ends
 * there. */
static inline char *gather_space(struct gather *g, size_t n)
{
    char *to = g->scratch + g->used;

    if (g->open) {
        g->v[g->n - 1].s.n += n;
    } else {
        g->v[g->n++] = (struct chunk){slice_of(to, n), NULL};
        g->open = true;
    }
    g->used += n;
    g->bytes += n;
    return to;
}

/* The caller checked gather_has_room.  s must stay good until the gathered chunks are written; ref as in struct chunk.
 */
static inline void gather_add(struct gather *g, struct slice s, struct blob *ref)
{
    if (s.n > GATHER_SMALL || s.n > GATHER_SCRATCH - g->used)
        gather_borrow(g, s, ref);
    else if (s.n)
        memcpy(gather_space(g, s.n), s.p, s.n);
}

#endif
