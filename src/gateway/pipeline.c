#include "gateway/pipeline.h"

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/explain.h"
#include "gateway/route.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "rpc/head_read.h"

static struct exchange *exchange_at(struct list *node)
{
    return container_of(node, struct exchange, node);
}

/* Is the answer to f, which is no array's, as good for the call of x? */
static bool asks_the_same(const struct exchange *x, const struct flight *f)
{
    const struct flight *g;

    /* A notification has no call. */
    if (!x->is_rpc || x->envelope.array || x->chain != f->chain || !x->envelope.pending)
        return false;
    g = x->envelope.calls->flight;
    return g && g != f && g->part == FLIGHT_OF_CALLS && !g->by_name && g->method == f->method && g->scope == f->scope &&
           slice_eq(flight_params(g), flight_params(f)) && !heads_below_need(g, f->told);
}

/* The call of x asks the same as f, after one that f answers.  Does it wait with an array, whose flights are not
 * raised, so that it could be told less?  It could have joined f instead when it came. */
static bool is_bound(const struct exchange *x, const struct flight *f)
{
    const struct flight *g = x->envelope.calls->flight;

    return g->in_unit && g->head_epoch == f->head_epoch && g->write_epoch == f->write_epoch;
}

/* Those on the connection of x, which waits for f, that asked the same before it; and those after it that could not be
 * told as much otherwise. */
static void gather(struct worker *w, struct flight *f, const struct exchange *x)
{
    bool after = false;

    list_each (it, &x->session->exchanges) {
        struct exchange *other = exchange_at(it);
        struct call *c = other->envelope.calls;

        after |= other == x;
        if (!asks_the_same(other, f) || (after && !is_bound(other, f)))
            continue;
        route_leave(w, c);
        flight_join(f, c);
        w->n_waiting++;
        w->stats.calls_coalesced++;
        if (other->explain) {
            other->explain->flight = EXPLAIN_JOINED;
            f->explained = true;
        }
    }
}

static struct exchange *waiting_at(struct list *it)
{
    return exchange_of(container_of(it, struct call, waiting));
}

/* Is the next who waits for f one of the same connection too, who asked later? */
static bool has_next(const struct flight *f, const struct list *it, const struct exchange *x)
{
    const struct exchange *next = it->next != &f->calls ? waiting_at(it->next) : NULL;

    return next && next->session == x->session && !next->envelope.array;
}

void pipeline_gather(struct worker *w, struct flight *f)
{
    enum head_place place = (enum head_place)f->chain->head_places[f->method->slot];

    if ((place != HEAD_HEX && place != HEAD_NUMBER) || f->by_name || planted(PLANT_PIPELINE_TURNED))
        return;
    list_each (it, &f->calls) { /* whoever is added stands behind, and is looked at too */
        struct exchange *x = waiting_at(it);

        if (x->session->n_exchanges > 1 && !x->envelope.array && !has_next(f, it, x))
            gather(w, f, x);
    }
}

static void raise(const struct flight *f, struct exchange *x)
{
    struct flight *g;

    /* An array is answered as a whole by an endpoint that may be behind by a little, or not at all; and to look at all
     * of its calls for each answer before it could take long. */
    if (!x->is_rpc || x->envelope.array || x->chain != f->chain || !x->envelope.pending)
        return;
    g = x->envelope.calls->flight;
    if (g && g != f && g->head_kind == f->told_kind && !g->in_unit)
        heads_raise(g, f->told);
}

void pipeline_raise(struct flight *f)
{
    const struct exchange *last = NULL;

    list_each (it, &f->calls) {
        struct exchange *x = waiting_at(it);

        if (x == last || x->session->n_exchanges == 1 || planted(PLANT_PIPELINE_TURNED))
            continue;
        last = x; /* a thousand equal calls of one array stand together */
        for (struct list *after = x->node.next; after != &x->session->exchanges; after = after->next)
            raise(f, exchange_at(after));
    }
}
