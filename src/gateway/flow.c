#include "gateway/flow.h"

#include "gateway/worker.h"
#include "rpc/flight.h"

enum { MOST = 1000 /* where max_inflight sets no limit of its own */ };

static struct concurrency_conf bounds(const struct upstream *u)
{
    const struct endpoint_conf *conf = u->endpoint.conf;

    return (struct concurrency_conf){conf->min_inflight, conf->max_inflight ? conf->max_inflight : MOST};
}

static void set(struct upstream *u, unsigned max_wire)
{
    u->max_wire = u->endpoint.pool.max_busy = max_wire;
}

void flow_init(struct upstream *u)
{
    struct concurrency_conf c = bounds(u);

    set(u, u->endpoint.conf->max_inflight);
    if (!u->endpoint.conf->adaptive_inflight)
        return;
    concurrency_init(&u->concurrency, &c, worker_now_ms(u->worker));
    set(u, concurrency_limit(&u->concurrency));
}

/* Heavy calls take their own time, and transactions too: neither tells of a queue. */
static bool tells(const struct flight *f)
{
    return f->method->kind == METHOD_READ && !f->heavy;
}

void flow_learn(struct upstream *u, const struct flight *f, enum answer_class class, bool timed)
{
    bool dropped = class == ANSWER_TIMEOUT || answer_meaning(class)->learn == LEARN_CONCURRENCY;
    struct worker *w = u->worker;
    struct concurrency_conf c = bounds(u);

    if (!dropped && !(timed && tells(f)))
        return;
    concurrency_note(&u->concurrency, &c, worker_clock_us(w) - f->sent_us, u->n_wire + 1, dropped, worker_now_ms(w));
    if (concurrency_limit(&u->concurrency) > u->max_wire && u->n_waiting)
        upstream_mark(u);
    set(u, concurrency_limit(&u->concurrency));
}
