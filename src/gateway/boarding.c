#include "gateway/boarding.h"

#include "base/mem.h"
#include "base/plant.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/link_batch.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/loop.h"
#include "upstream/batcher.h"

enum { OTHER_SCOPES_MAX = 64 /* calls of others that are passed over to fill a request */ };

bool boarding_solo(struct upstream *u, const struct flight *f)
{
    return f->heavy || f->alone || !flight_may_repeat(f) ||
           !batch_limits_shares(&u->endpoint.limits, f->method->slot, worker_now_ms(u->worker));
}

static const struct flight *first_light(const struct upstream *u)
{
    const struct flight *f = priority_front(&u->waiting);

    while (f && f->solo)
        f = priority_next(&u->waiting, f);
    return f;
}

static struct batch_load load_of(struct upstream *u)
{
    const struct pool *p = &u->endpoint.pool;
    const struct flight *first = u->n_waiting > u->n_solo ? first_light(u) : NULL;

    return (struct batch_load){
        .light = u->n_waiting - u->n_solo,
        .heavy = u->n_solo,
        .idle = p->n_idle,
        .dialling = p->n_dialling,
        .busy = p->n_busy - u->n_stalled,
        .busy_heavy = u->n_busy_solo - u->n_stalled_solo,
        .waited_us = first ? worker_clock_us(u->worker) - first->queued_us : 0,
        .dial_us = u->dial_us,
        .turn_us = loop_clock_us(u->worker->loop) - worker_clock_us(u->worker),
    };
}

static unsigned max_calls(struct upstream *u)
{
    return batch_limits_calls(&u->endpoint.limits, &u->endpoint.conf->batch, worker_now_ms(u->worker));
}

/* How many calls the next departing link takes; 0: they wait on purpose. */
static unsigned share_of(struct upstream *u)
{
    const struct endpoint_conf *conf = u->endpoint.conf;
    struct batch_load load;
    unsigned most, n;

    if (conf->batch.mode == BATCH_OFF || (u->n_waiting <= 1 && conf->batch.window_us == 0))
        return 1;
    most = max_calls(u);
    load = load_of(u);
    if (conf->batch.window_us) {
        uint64_t hold_us = batcher_hold_us(&conf->batch, load.light, most, load.waited_us);

        if (hold_us) {
            if (hold_us < u->again_us)
                u->again_us = hold_us;
            return 0;
        }
    }
    /* Who waits on purpose wants one request. */
    n = conf->batch.window_us ? (load.light < most ? load.light : most) : batcher_share(&conf->batch, &load, most);
    if (u->max_wire && n > u->max_wire - u->n_wire)
        n = u->max_wire - u->n_wire;
    return n ? n : 1;
}

static void gather_one(struct worker *w, unsigned n, struct flight *f)
{
    if (n >= w->boarding_cap) {
        w->boarding_cap = w->boarding_cap ? w->boarding_cap * 2 : 64;
        w->boarding = mem_grow(w->boarding, w->boarding_cap * sizeof *w->boarding);
    }
    w->boarding[n] = f;
}

/* first, which may depart, and up to share - 1 light ones, as many as fit into one body and as the endpoint's limit
 * lets. */
static unsigned gather(struct upstream *u, struct flight *first, unsigned share, uint64_t now_us)
{
    struct worker *w = u->worker;
    struct batch_room room = {.max_calls = share};
    unsigned n = 0, others = 0;

    limits_take(u, first, n, now_us);
    gather_one(w, n++, first);
    if (share == 1 || first->solo || first->fresh_only)
        return n;
    room.max_bytes = batch_limits_bytes(&u->endpoint.limits, &u->endpoint.conf->batch, worker_now_ms(w));
    batch_room_take(&room, link_batch_member_bytes(first));
    for (struct flight *f = priority_front(&u->waiting); f && n < share; f = priority_next(&u->waiting, f)) {
        if (f->scope != first->scope && !planted(PLANT_SCOPES_BATCHED)) {
            if (++others == OTHER_SCOPES_MAX)
                break;
            continue;
        }
        if (f == first || f->solo || f->fresh_only || room_blocked(f))
            continue;
        if (!limits_let(u, f, n, now_us)) {
            if (limits_blocks(u, f, n, now_us))
                break;
            continue;
        }
        if (!batch_room_take(&room, link_batch_member_bytes(f)))
            break;
        limits_take(u, f, n, now_us);
        gather_one(w, n++, f);
    }
    return n;
}

static void depart(struct upstream *u, struct link *k, unsigned n)
{
    struct worker *w = u->worker;
    struct endpoint_stats *e = &u->endpoint.stats;
    struct flight *const *v = w->boarding;
    uint64_t now_us = worker_clock_us(w);

    for (unsigned i = 0; i < n; i++) {
        upstream_dequeue(v[i]);
        hist_add(&e->boarding_wait_us, now_us - v[i]->queued_us);
        if (u->shut_us >= v[i]->queued_us)
            e->waited[u->shut_why]++;
    }
    if (link_send(k, v, n) < 0) {
        while (n) {
            limits_give(u, v[--n]);
            upstream_requeue(v[n]);
        }
        return;
    }
    priority_turn(&u->waiting);
    e->batches += n > 1;
    hist_add(&e->batch_calls, n);
}

/* Who is looked at: first whose turn it is, then all in their order, behind those that were passed. */
struct look {
    struct upstream *u;
    struct flight *passed; /* NULL: nobody yet */
    bool in_order;
};

static struct flight *look(const struct look *l)
{
    const struct priority_queue *q = &l->u->waiting;

    if (!l->in_order)
        return priority_first(q);
    return l->passed ? priority_next(q, l->passed) : priority_front(q);
}

/* f stays where it is, others may depart. */
static void pass(struct look *l, struct flight *f)
{
    if (l->in_order || f == priority_front(&l->u->waiting))
        l->passed = f;
    l->in_order = true;
}

/* Its limit does not let f depart.  true: nor those behind it. */
static bool held_back(struct look *l, struct flight *f, uint64_t now_us)
{
    switch (limits_hold(l->u, f, now_us)) {
    case LIMITS_SHUT:
        break;
    case LIMITS_PASS:
        pass(l, f);
        return false;
    case LIMITS_GONE: /* and perhaps those that were passed */
        l->passed = NULL;
        return false;
    }
    return true;
}

void boarding_run(struct upstream *u)
{
    struct worker *w = u->worker;
    struct pool *p = &u->endpoint.pool;
    unsigned max_wire = u->max_wire;
    bool held = probe_holds(&u->probe), hold = false;
    uint64_t now_us = limits_now_us(u);
    struct look at = {.u = u};
    struct flight *f;

    u->again_us = UINT64_MAX;
    u->shut = false;
    while ((f = look(&at)) != NULL) {
        struct pool_member *m;
        unsigned share = 1;

        if (held && f->part != FLIGHT_PROBE) /* the question that all wait for would be before them */
            break;
        if (!limits_let(u, f, 0, now_us)) {
            if (held_back(&at, f, now_us))
                break;
            continue;
        }
        if (!p->n_idle || (max_wire && u->n_wire >= max_wire && !planted(PLANT_INFLIGHT_UNBOUND)))
            break;
        if (room_blocked(f)) {
            upstream_dequeue(f);
            room_park(w, f);
            continue;
        }
        if (!f->solo && !f->fresh_only)
            share = share_of(u);
        /* Kept for those that wait on purpose: behind an answer that its client has no room for yet they would wait for
         * ever, if one of them is what that client must have first. */
        hold |= share == 0;
        if ((hold || planted(PLANT_WAITS_BESIDE_IDLE)) && p->n_idle == 1)
            break;
        m = share ? pool_take(p, f->fresh_only, worker_now_ms(w)) : NULL;
        if (m)
            depart(u, container_of(m, struct link, member), gather(u, f, share, now_us));
        else if (share && !f->fresh_only)
            break;
        else
            pass(&at, f);
    }
}

unsigned boarding_links_wanted(struct upstream *u)
{
    const struct batch_conf *conf = &u->endpoint.conf->batch;
    struct batch_load load;
    uint64_t again_us;
    unsigned n;

    if (conf->mode == BATCH_OFF || u->n_waiting == 0)
        return u->n_waiting;
    load = load_of(u);
    n = batcher_links_wanted(conf, &load, max_calls(u), &again_us);
    if (again_us < u->again_us)
        u->again_us = again_us;
    return limits_links(u, n);
}
