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

/* Those on s before x. */
static void gather(struct worker *w, struct flight *f, struct exchange *x)
{
    for (struct list *it = x->session->exchanges.next; it != &x->node; it = it->next) {
        struct exchange *before = exchange_at(it);
        struct call *c = before->envelope.calls;

        if (!asks_the_same(before, f))
            continue;
        route_leave(w, c);
        flight_join(f, c);
        w->n_waiting++;
        w->stats.calls_coalesced++;
        if (before->explain) {
            before->explain->flight = EXPLAIN_JOINED;
            f->explained = true;
        }
    }
}

void pipeline_gather(struct worker *w, struct flight *f)
{
    enum head_place place = (enum head_place)f->chain->head_places[f->method->slot];

    if ((place != HEAD_HEX && place != HEAD_NUMBER) || f->by_name || planted(PLANT_PIPELINE_TURNED))
        return;
    list_each (it, &f->calls) { /* whoever is added stands behind, and has nobody before who is not there too */
        struct exchange *x = exchange_of(container_of(it, struct call, waiting));

        if (x->session->n_exchanges > 1 && !x->envelope.array)
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
    list_each (it, &f->calls) {
        struct exchange *x = exchange_of(container_of(it, struct call, waiting));

        if (x->session->n_exchanges == 1 || planted(PLANT_PIPELINE_TURNED))
            continue;
        for (struct list *after = x->node.next; after != &x->session->exchanges; after = after->next)
            raise(f, exchange_at(after));
    }
}
