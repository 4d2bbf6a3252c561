#include "base/gather.h"

#include <assert.h>

void gather_add(struct gather *g, struct slice s, struct blob *ref)
{
    struct chunk *last = g->n ? &g->v[g->n - 1] : NULL;
    char *to = g->scratch + g->used;

    g->bytes += s.n;
    if (s.n > GATHER_SMALL || s.n > GATHER_SCRATCH - g->used) {
        assert(g->n < GATHER_CHUNKS);
        g->v[g->n++] = (struct chunk){s, ref};
        g->borrows = true;
        return;
    }
    if (s.n)
        memcpy(to, s.p, s.n);
    g->used += s.n;
    if (last && !last->ref && last->s.p + last->s.n == to) {
        last->s.n += s.n;
        return;
    }
    assert(g->n < GATHER_CHUNKS);
    g->v[g->n++] = (struct chunk){slice_of(to, s.n), NULL};
}
