#include "gateway/flow.h"

#include "gateway/worker.h"
#include "rpc/flight.h"

enum { MOST = 1000 /* where max_inflight sets no limit of its own */ };

static struct concurrency_conf bounds(const struct upstream *u)
{
    const struct endpoint_conf *conf = u->endpoint.conf;

    return (struct concurrency_conf){conf->min_inflight, conf->max_inflight ? conf->max_inflight : MOST};
}

static unsigned configured(const struct upstream *u)
{
    return u->endpoint.conf->adaptive_inflight ? concurrency_limit(&u->concurrency) : u->endpoint.conf->max_inflight;
}

static void apply(struct upstream *u)
{
    unsigned before = u->max_wire, most = configured(u), learned = crowd_limit(&u->crowd);

    u->max_wire = learned && (!most || learned < most) ? learned : most;
    u->endpoint.pool.max_busy = u->max_wire;
    if (before && (!u->max_wire || u->max_wire > before) && u->n_waiting)
        upstream_mark(u);
}

void flow_init(struct upstream *u)
{
    struct concurrency_conf c = bounds(u);

    if (u->endpoint.conf->adaptive_inflight)
        concurrency_init(&u->concurrency, &c, worker_now_ms(u->worker));
    apply(u);
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
    apply(u);
}

bool flow_refused(struct upstream *u, const struct flight *f)
{
    bool lower = crowd_refused(&u->crowd, u->n_wire, f->sent_us, worker_clock_us(u->worker));

    apply(u);
    return lower;
}

void flow_answered_(struct upstream *u)
{
    if (crowd_answered(&u->crowd, u->n_wire + 1, configured(u), worker_clock_us(u->worker)))
        apply(u);
}
