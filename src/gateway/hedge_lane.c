#include "gateway/hedge_lane.h"

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/route.h"
#include "gateway/route_again.h"
#include "gateway/worker.h"

enum { US_PER_MS = 1000 };

void hedging_init(struct hedging *h, const struct hedge_keys *keys, unsigned n_upstreams, uint64_t now_ms)
{
    *h = (struct hedging){.conf = HEDGE_CONF_DEFAULT};
    h->conf.permille = n_upstreams > 1 && keys->budget_percent ? (unsigned)(keys->quantile * 1000 + 0.5) : 0;
    h->conf.min_delay_us = keys->min_delay_ms * US_PER_MS;
    h->conf.budget.percent = keys->budget_percent;
    budget_init(&h->budget, &h->conf.budget, now_ms);
}

/* -- when it leaves */

static void leg_departed(struct worker *w, struct flight *leg)
{
    struct flight *f = leg->twin;

    w->stats.hedges++;
    f->hedged = HEDGED_LOST; /* unless it wins */
    f->sends += f->sends < UINT8_MAX;
    if (f->link)
        standing_late(w, f);
}

void hedge_lane_departed(struct worker *w, struct flight *f)
{
    const struct chain *c = f->chain;
    uint64_t now_ms = worker_now_ms(w), delay_us;
    uint32_t quantile_us;

    if (f->part == FLIGHT_HEDGE) {
        leg_departed(w, f);
        return;
    }
    if (!c->hedging.conf.permille || f->part != FLIGHT_OF_CALLS || f->twin || f->in_unit || f->pinned ||
        now_ms >= f->deadline_ms)
        return;
    quantile_us =
        latency_table_quantile(&c->standing.latency, f->method->slot, f->upstream->index, c->hedging.conf.permille);
    if (planted(PLANT_HEDGE_OF_ANY))
        quantile_us = 1;
    delay_us =
        hedge_delay_us(&c->hedging.conf, true, c->n_upstreams - 1, quantile_us, (f->deadline_ms - now_ms) * US_PER_MS);
    if (delay_us != HEDGE_NEVER)
        f->hedge_ms = now_ms + (delay_us + US_PER_MS - 1) / US_PER_MS;
}

/* Is the answer to f late, and would another one help those who wait? */
static bool is_wanted(const struct worker *w, const struct flight *f)
{
    return f->link && f->wanted && !f->pinned && !f->in_unit && !f->twin && !link_began(f->link) &&
           w->n_flights < w->conf->limits.max_inflight_calls;
}

/* Another endpoint where f's question would leave at once; NULL: there is none. */
static struct upstream *place_for(struct flight *f)
{
    uint64_t tried = f->tried;
    struct upstream *u;

    /* One that is down is not even drawn: that would cost it the turn of the call that is to try it. */
    for (unsigned i = 0; i < f->chain->n_upstreams; i++)
        f->tried |= (uint64_t)(f->chain->upstreams[i] == f->upstream || upstream_is_down(f->chain->upstreams[i])) << i;
    u = choose_for(f->chain, f);
    f->tried = tried;
    if (!u || !((heads_fit(f) & ~choose_lacking(f)) >> u->index & 1) || upstream_is_down(u) || !upstream_has_room(u) ||
        !limits_open(u, f) || !endpoint_usable(&u->endpoint, worker_now_ms(u->worker)))
        return NULL;
    return u->max_wire && u->n_wire + u->n_waiting >= u->max_wire ? NULL : u;
}

void hedge_lane_due(struct worker *w, struct flight *f)
{
    struct hedging *h = &f->chain->hedging;
    struct upstream *u;
    struct flight *leg;

    f->hedge_ms = UINT64_MAX;
    u = is_wanted(w, f) ? place_for(f) : NULL;
    if (!u)
        return;
    if (!hedge_launch(&h->budget, &h->conf, true, worker_now_ms(w)) && !planted(PLANT_HEDGE_UNPAID)) {
        w->stats.hedges_over_budget++;
        return;
    }
    leg = worker_flight_new(w);
    flight_init_copy(leg, f, w->next_id++);
    leg->part = FLIGHT_HEDGE;
    leg->hedge = true; /* its latency counts as that of others of its method */
    leg->alone = true; /* who it shared a request with could bring it back into a queue */
    leg->born_ms = worker_now_ms(w);
    leg->twin = f;
    f->twin = leg;
    if (!upstream_enqueue(u, leg, false))
        hedge_lane_failed(w, leg, &(struct route_failure){.fail = FAIL_QUEUE_FULL, .never_sent = true});
}

/* -- how it ends */

static void sever(struct flight *f)
{
    f->twin->twin = NULL;
    f->twin = NULL;
}

/* Its twin is rid of it, which goes on alone. */
static void leg_over(struct worker *w, struct flight *leg)
{
    if (!leg->sends)
        budget_give_back(&leg->chain->hedging.budget);
    upstream_dequeue(leg);
    worker_flight_free(w, leg);
}

/* It stays on its link for an answer that nobody waits for.  Its question was its twin's, which goes. */
static void forsake(struct worker *w, struct flight *leg)
{
    leg->wanted = false;
    leg->tail = NULL;
    leg->tail_n = leg->params_at = 0;
    route_arm(w, leg);
    link_resume(leg->link); /* nobody is there who could hold too much */
}

void hedge_lane_part(struct worker *w, struct flight *f)
{
    struct flight *leg = f->twin;

    if (planted(PLANT_HEDGE_LOSER_ANSWERS) && f->part != FLIGHT_HEDGE && leg->link) {
        f->twin = NULL;
        return;
    }
    sever(f);
    if (f->part == FLIGHT_HEDGE) /* its twin waits on */
        return;
    if (!leg->link) {
        leg_over(w, leg);
        return;
    }
    w->stats.hedges_lost++;
    forsake(w, leg);
}

void hedge_lane_prolong(struct worker *w, const struct flight *f)
{
    f->twin->deadline_ms = f->deadline_ms;
    route_arm(w, f->twin);
}

/* Where a flight is, and since when. */
struct place {
    struct upstream *upstream;
    uint64_t queued_us, sent_us, taken_us, try_until_ms;
    unsigned counted;
    unsigned http_status, riders;
    bool trial, late;
};

static struct place place_of(const struct flight *f)
{
    return (struct place){
        .upstream = f->upstream,
        .queued_us = f->queued_us,
        .sent_us = f->sent_us,
        .taken_us = f->taken_us,
        .counted = f->counted,
        .try_until_ms = f->try_until_ms,
        .http_status = f->http_status,
        .riders = f->riders,
        .trial = f->trial,
        .late = f->late,
    };
}

static void place_take(struct flight *f, const struct place *p)
{
    f->state = FLIGHT_WIRE;
    f->upstream = p->upstream;
    f->queued_us = p->queued_us;
    f->sent_us = p->sent_us;
    f->taken_us = p->taken_us;
    f->counted = p->counted;
    f->try_until_ms = p->try_until_ms;
    f->http_status = p->http_status;
    f->riders = p->riders;
    f->trial = p->trial;
    f->late = p->late;
    if (f->trial)
        f->upstream->trial = f;
}

/* f, which is on no link, stands where leg stood. */
static void take_over(struct worker *w, struct flight *f, struct flight *leg)
{
    struct place p = place_of(leg);

    upstream_dequeue(f); /* it may have been on its way back to a link */
    standing_left(f);
    place_take(f, &p);
    leg->trial = false;
    worker_flight_free(w, leg);
}

static void note_won(struct worker *w, struct flight *f)
{
    w->stats.hedges_won++;
    f->hedged = HEDGED_WON;
}

bool hedge_lane_goes_on(struct worker *w, struct flight *f)
{
    struct flight *leg = f->twin;

    if (!leg || !leg->link)
        return false;
    sever(f);
    link_change_seat(leg, f);
    take_over(w, f, leg);
    note_won(w, f);
    route_arm(w, f);
    return true;
}

/* f stands where leg was answered; leg where f was, if that was on the wire. */
static void change_places(struct worker *w, struct flight *f, struct flight *leg)
{
    struct place p, q;

    sever(f);
    if (!f->link) {
        take_over(w, f, leg);
        return;
    }
    p = place_of(f);
    q = place_of(leg);
    link_change_seat(f, leg);
    place_take(f, &q);
    place_take(leg, &p);
    forsake(w, leg);
}

struct flight *hedge_lane_answered(struct worker *w, struct flight *leg, enum answer_class class, bool is_error,
                                   struct slice payload, struct blob *ref)
{
    const struct answer_meaning *a = answer_meaning(class);
    struct flight *f = leg->twin;

    if (!leg->wanted || (planted(PLANT_HEDGE_LOSER_ANSWERS) && flight_alone(f))) {
        leg->twin = NULL;
        worker_flight_free(w, leg);
        return NULL;
    }
    if (class != ANSWER_OK && answer_may_move(a, f->method)) {
        route_again_noted(f, leg->upstream, class, is_error, payload, ref);
        worker_flight_free(w, leg);
        return NULL;
    }
    note_won(w, f);
    change_places(w, f, leg);
    return f;
}

void hedge_lane_failed(struct worker *w, struct flight *leg, const struct route_failure *why)
{
    if (leg->twin && !why->never_sent && !why->reused_died)
        leg->twin->tried |= UINT64_C(1) << leg->upstream->index;
    leg_over(w, leg);
}
