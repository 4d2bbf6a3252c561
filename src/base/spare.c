#include "base/spare.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct spare *spare_new(void)
{
    struct spare *s = mem_zero(sizeof *s);

    s->refs = 1;
    return s;
}

static void drop(struct spare *s, unsigned i)
{
    s->bytes -= s->area[i].cap;
    s->n--;
    for (; i < s->n; i++) /* their order is that of their coming */
        s->area[i] = s->area[i + 1];
}

struct spare *spare_free(struct spare *s)
{
    if (!s)
        return NULL;
    s->closed = true;
    while (s->n) {
        free(s->area[0].p);
        drop(s, 0);
    }
    return spare_unref(s);
}

struct spare *spare_ref(struct spare *s)
{
    s->refs++;
    return s;
}

struct spare *spare_unref(struct spare *s)
{
    assert(s->refs > 0);
    if (--s->refs == 0) {
        assert(s->closed && s->n == 0);
        free(s);
    }
    return NULL;
}

char *spare_take(struct spare *s, size_t n, size_t *cap)
{
    unsigned best = SPARE_AREAS;
    char *p;

    if (!spare_fits(n))
        return NULL;
    for (unsigned i = 0; i < s->n; i++)
        if (s->area[i].cap >= n && s->area[i].cap <= 2 * n &&
            (best == SPARE_AREAS || s->area[i].cap < s->area[best].cap))
            best = i;
    if (best == SPARE_AREAS)
        return NULL;
    p = s->area[best].p;
    *cap = s->area[best].cap;
    drop(s, best);
    return p;
}

void spare_give(struct spare *s, char *p, size_t cap)
{
    if (s->closed || !spare_fits(cap)) {
        free(p);
        return;
    }
    /* The newest stays: what was wanted last is likely to be wanted next, and is still in the processor's cache. */
    while (s->n == SPARE_AREAS || s->bytes + cap > SPARE_KEPT) {
        free(s->area[0].p);
        drop(s, 0);
    }
    s->area[s->n++] = (struct spare_area){p, cap};
    s->bytes += cap;
}
