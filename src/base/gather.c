#include "base/gather.h"

#include <assert.h>

void gather_borrow(struct gather *g, struct slice s, struct blob *ref)
{
    assert(g->n < GATHER_CHUNKS);
    g->v[g->n++] = (struct chunk){s, ref};
    g->bytes += s.n;
    g->open = false;
    g->borrows = true;
}
