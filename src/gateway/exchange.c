#include "gateway/exchange.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/route.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "http/h1_server.h"

struct exchange *exchange_new(struct session *s)
{
    struct exchange *x = mem_pool_get(&s->worker->exchange_pool);

    mem_clear(x, offsetof(struct exchange, envelope));
    x->session = s;
    x->status = 200;
    x->minor = 1;
    x->content_type = "application/json";
    x->start_us = worker_clock_us(s->worker);
    unit_init(&x->unit);
    list_push(&s->exchanges, &x->node);
    s->n_exchanges++;
    return x;
}

struct exchange *exchange_for(struct session *s, const struct h1_request *q)
{
    struct exchange *x = exchange_new(s);

    x->minor = q->minor;
    x->keep_alive = q->keep_alive && !s->worker->draining;
    x->priority = (enum priority_client)(PRIORITY_NORMAL - q->priority);
    x->head_only = q->method == H1_HEAD;
    if (q->origin.p)
        x->origin = mem_strndup(q->origin.p, q->origin.n);
    return x;
}

void exchange_free(struct worker *w, struct exchange *x)
{
    if (x->is_rpc) {
        for (unsigned i = x->envelope.released; i < x->envelope.n_calls; i++) {
            struct call *c = &x->envelope.calls[i];
            struct flight *f = c->flight;

            if (!f)
                continue;
            w->stats.calls_abandoned++;
            route_leave(w, c);
        }
        envelope_deinit(&x->envelope);
    }
    unit_deinit(&x->unit);
    blob_unref(x->plain);
    free(x->origin);
    free(x->explain);
    if (x->asker.scope || x->asker.why)
        asker_deinit(&x->asker);
    mem_pool_put(&w->exchange_pool, x);
}
