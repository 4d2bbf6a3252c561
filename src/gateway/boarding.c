#include "gateway/boarding.h"

#include "base/mem.h"
#include "base/plant.h"
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
    list_each (it, &u->waiting) {
        const struct flight *f = container_of(it, struct flight, queued);

        if (!f->solo)
            return f;
    }
    return NULL;
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

/* first and up to share - 1 light ones from behind it, as many as fit into one body. */
static unsigned gather(struct upstream *u, struct flight *first, unsigned share)
{
    struct worker *w = u->worker;
    struct batch_room room = {.max_calls = share};
    unsigned n = 0, others = 0;

    gather_one(w, n++, first);
    if (share == 1 || first->solo || first->fresh_only)
        return n;
    room.max_bytes = batch_limits_bytes(&u->endpoint.limits, &u->endpoint.conf->batch, worker_now_ms(w));
    batch_room_take(&room, link_batch_member_bytes(first));
    for (struct list *it = first->queued.next; it != &u->waiting && n < share; it = it->next) {
        struct flight *f = container_of(it, struct flight, queued);

        if (f->scope != first->scope && !planted(PLANT_SCOPES_BATCHED)) {
            if (++others == OTHER_SCOPES_MAX)
                break;
            continue;
        }
        if (f->solo || f->fresh_only || room_blocked(f))
            continue;
        if (!batch_room_take(&room, link_batch_member_bytes(f)))
            break;
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
    }
    if (link_send(k, v, n) < 0) {
        while (n)
            upstream_requeue(v[--n]);
        return;
    }
    e->batches += n > 1;
    hist_add(&e->batch_calls, n);
}

void boarding_run(struct upstream *u)
{
    struct worker *w = u->worker;
    struct pool *p = &u->endpoint.pool;
    unsigned max_wire = u->max_wire;
    bool held = probe_holds(&u->probe);
    struct list *it = u->waiting.next;
    bool hold = false;

    u->again_us = UINT64_MAX;
    while (it != &u->waiting && p->n_idle && !(max_wire && u->n_wire >= max_wire && !planted(PLANT_INFLIGHT_UNBOUND))) {
        struct flight *f = container_of(it, struct flight, queued);
        struct list *before = it->prev;
        struct pool_member *m;
        unsigned share = 1, n;

        if (held && f->part != FLIGHT_PROBE) /* the question that all wait for would be before them */
            break;
        if (room_blocked(f)) {
            upstream_dequeue(f);
            room_park(w, f);
            it = before->next;
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
        if (m) {
            n = gather(u, f, share);
            depart(u, container_of(m, struct link, member), n);
            it = before->next;
        } else if (share && !f->fresh_only) {
            break;
        } else {
            it = it->next;
        }
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
    return n;
}
