#include "gateway/route.h"
#include "gateway/route_move.h"

#include "base/plant.h"
#include "gateway/access_log.h"
#include "gateway/broadcast_lane.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/explain.h"
#include "gateway/filter_lane.h"
#include "gateway/hedge_lane.h"
#include "gateway/keep.h"
#include "gateway/last_word.h"
#include "gateway/learn.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/pipeline.h"
#include "gateway/prober.h"
#include "gateway/room.h"
#include "gateway/route_again.h"
#include "gateway/session.h"
#include "gateway/unit.h"
#include "gateway/worker.h"
#include "rpc/error.h"

enum {
    JOIN_SHARE = 4,     /* a flight may be joined in the first quarter of its time */
    JUST_LEFT_SHARE = 8 /* what was on the wire for less than an eighth of it has just left */
};

struct worker *route_owner(struct worker *w, const struct flight *f)
{
    (void)f;
    return w;
}

struct upstream *route_launch(struct worker *w, struct flight *f, struct upstream *with)
{
    bool bound = f->pinned || (f->in_unit && with);
    struct upstream *u = with;
    bool refused;

    if (!bound && (!u || f->chain->avoid >> u->index & 1 || !endpoint_usable(&u->endpoint, worker_now_ms(w)) ||
                   upstream_is_full(u)))
        u = choose_for(f->chain, f);
    refused = u && f->chain->refused >> u->index & 1; /* since an array was bound to it */
    if (u && !refused && upstream_enqueue(u, f, false))
        return u;
    if (refused || chain_refuses_all(f->chain))
        prober_refuse(w, f);
    else
        route_refuse(w, f, &(struct route_failure){.fail = FAIL_QUEUE_FULL});
    return NULL;
}

struct upstream *route_called(struct worker *w, struct flight *f, struct upstream *with)
{
    standing_called(f->chain, f);
    hedging_call(&f->chain->hedging, worker_now_ms(w));
    return route_launch(w, f, with);
}

/* f, or one of its calls, is told the best that is known of how it failed; `why`, the last of it, means class. */
static void give_up(struct worker *w, struct flight *f, enum answer_class class, const struct route_failure *why);
static void give_up_call(struct worker *w, struct call *c, enum answer_class class, const struct route_failure *why);

/* Those who joined a flight that failed have an attempt of their own, together; the call that it was made for has had
 * it. */
static bool set_out_again(struct worker *w, struct flight *f, enum answer_class class, const struct route_failure *why)
{
    struct upstream *next;

    if (f->second || f->calls.next == f->calls.prev || !flight_may_repeat(f) || !fail_get(why->fail)->retry)
        return false;
    f->second = true;
    flight_table_remove(&w->flights, f);
    f->tried |= UINT64_C(1) << f->upstream->index;
    next = choose_for(f->chain, f);
    if (!next) {
        f->tried = f->passed = 0;
        next = choose_for(f->chain, f);
    }
    if (!next || upstream_is_full(next))
        return false;
    w->stats.flights_second++;
    f->state = FLIGHT_WIRE; /* an answer may close a session whose calls wait here too: f must outlive them */
    give_up_call(w, flight_first(f), class, why); /* while f is still the endpoint's that failed */
    if (f->in_unit)
        unit_go(w, f, next, false, why);
    if (flight_alone(f))
        worker_flight_free(w, f);
    else if (!upstream_enqueue(next, f, true)) /* what that answer made room for took the last place */
        give_up(w, f, class, why);
    return true;
}

void route_failed(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct upstream *u = f->upstream;
    enum answer_class class;

    u->endpoint.stats.failures[why->fail]++;
    class = standing_failed(w, f, why);
    if (f->part == FLIGHT_HEDGE) {
        hedge_lane_failed(w, f, why);
        return;
    }
    if (f->part == FLIGHT_PROBE) {
        prober_failed(w, f, why);
        return;
    }
    if (f->part == FLIGHT_LEG && !(planted(PLANT_WRITE_REPEATED) && why->reused_died)) {
        lane_failed(w, f, why);
        return;
    }
    if (!f->wanted) {
        worker_flight_free(w, f);
        return;
    }
    if (f->pinned && !f->by_name && why->never_sent && !planted(PLANT_FILTER_MOVED)) {
        filter_lane_lost(w, f);
        return;
    }
    if (!route_again_failed(w, f, class, why) && !set_out_again(w, f, class, why))
        give_up(w, f, class, why);
}

void route_unanswered(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct upstream *u = f->upstream;

    if (!f->wanted) {
        worker_flight_free(w, f);
        return;
    }
    if (f->twin && hedge_lane_goes_on(w, f))
        return;
    if (!flight_may_repeat(f) || f->moves >= ROUTE_MOVES_MAX) {
        route_failed(w, f, why);
        return;
    }
    f->moves++;
    u->endpoint.stats.batch_splits++;
    if (upstream_enqueue(u, f, true))
        route_reconsider(f);
    else
        route_failed(w, f, why);
}

static void log_calls(struct worker *w, const struct flight *f, bool is_error, size_t bytes, enum fail fail)
{
    if (!w->conf->access_log)
        return;
    list_each (it, &f->calls)
        access_log_call(exchange_of(container_of(it, struct call, waiting)), f, f->upstream, is_error, bytes, fail);
}

static void note_answer(struct worker *w, const struct flight *f, bool is_error)
{
    struct method_stats *m = chain_method(f->chain, f->method);

    m->calls++;
    m->rpc_errors += is_error;
    hist_add(&m->latency, worker_clock_us(w) - f->start_us);
}

static void note_latency(struct worker *w, struct flight *f, bool is_error)
{
    uint64_t now_us = worker_clock_us(w);
    struct endpoint_stats *e = &f->upstream->endpoint.stats;

    if (f->part == FLIGHT_OF_CALLS || f->part == FLIGHT_LEAD)
        note_answer(w, f, is_error);
    if (f->part == FLIGHT_LEAD) /* its legs were counted there */
        return;
    e->calls++;
    e->rpc_errors += is_error;
    hist_add(&e->latency, now_us - f->sent_us);
}

/* Whom f answers now: nobody waits for it afterwards, and it is freed. */
static void take_waiters(struct worker *w, struct flight *f, struct list *calls)
{
    list_init(calls);
    list_splice(calls, &f->calls);
    worker_flight_free(w, f);
}

static void answer(struct worker *w, struct call *c, bool is_error, struct slice payload, struct blob *ref)
{
    struct exchange *x = exchange_of(c);

    w->n_waiting--;
    if (planted(PLANT_ANSWER_LOST) && x->envelope.pending == 3)
        return;
    session_answer(x->session, x, c, is_error, payload, ref ? blob_ref(ref) : NULL);
}

/* Those who wait know now how far the chain is. */
static void show(struct flight *f)
{
    list_each (it, &f->calls)
        heads_show(session_of(container_of(it, struct call, waiting)), f->chain, (enum head_kind)f->told_kind, f->told);
    pipeline_raise(f);
}

/* All who wait for f have this; f is freed. */
static void conclude(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref)
{
    struct list calls, *n;

    if (f->told && !is_error)
        pipeline_gather(w, f);
    if (f->in_unit)
        unit_sift(w, f);
    log_calls(w, f, is_error, payload.n, FAIL_NONE);
    if (f->explained)
        explain_note(f, f->upstream, worker_clock_us(w));
    if (f->told)
        show(f);
    if (f->calls.next != f->calls.prev && (!ref || blob_outweighs(ref, payload.n))) { /* one copy for all of them */
        struct blob *own = blob_copy(payload);

        if (own) {
            blob_unref(ref);
            ref = own;
            payload = slice_of(ref->p, ref->n);
        }
    }
    take_waiters(w, f, &calls);
    while ((n = list_pop(&calls)))
        answer(w, container_of(n, struct call, waiting), is_error, payload, ref);
    blob_unref(ref);
}

/* What an endpoint said before is the best there is. */
static void conclude_as_said(struct worker *w, struct flight *f)
{
    struct flight_said *s = f->said;
    struct blob *ref = blob_ref(s->ref);
    struct slice payload = s->payload;

    standing_left(f);
    f->upstream = s->at;
    conclude(w, f, s->is_error, payload, ref);
}

void route_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref)
{
    enum answer_class class;

    class = f->part == FLIGHT_LEAD ? ANSWER_OK : standing_answered(w, f, is_error, payload);
    note_latency(w, f, is_error);
    if (f->part == FLIGHT_PROBE) {
        prober_answered(w, f, is_error, payload, ref);
        return;
    }
    if (is_error)
        endpoint_scrub(&f->upstream->endpoint, payload);
    if (f->part == FLIGHT_LEG || f->part == FLIGHT_LOOKUP) {
        lane_answered(w, f, is_error, payload, ref);
        return;
    }
    if (f->part == FLIGHT_HEDGE) {
        f = hedge_lane_answered(w, f, class, is_error, payload, ref);
        if (!f) {
            blob_unref(ref);
            return;
        }
        note_answer(w, f, is_error);
    }
    if (class != ANSWER_OK && f->wanted) {
        if (route_again_answered(w, f, class, is_error, payload, ref)) {
            blob_unref(ref);
            return;
        }
        /* An array is not told the words of an endpoint that does not answer it any more. */
        if (f->said && f->said->ref && f->said->rank < answer_meaning(class)->rank &&
            (!f->in_unit || f->said->at == f->upstream)) {
            blob_unref(ref);
            conclude_as_said(w, f);
            return;
        }
    } else if (f->blamed && class == ANSWER_OK) {
        standing_blame(f->chain, f->blamed & ~(UINT64_C(1) << f->upstream->index));
    }
    if (!is_error && !learn_from(f, payload)) {
        blob_unref(ref);
        if (!route_again_stale(w, f))
            route_refuse(w, f, &(struct route_failure){.fail = FAIL_UPSTREAM_BEHIND});
        return;
    }
    if (!is_error && f->keep)
        keep_offer(f, payload, ref);
    if (!is_error && f->method->sticky)
        filter_lane_answered(f, &payload, &ref);
    conclude(w, f, is_error, payload, ref);
}

/* The error that says `why`, for the log and the numbers too. */
static struct blob *refusal(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct error_detail d = {.fail = why->fail, .detail = why->detail, .http_status = why->http_status};

    if (why->at || f->upstream)
        d.endpoint = (why->at ? why->at : f->upstream)->endpoint.conf->name;
    chain_method(f->chain, f->method)->failures++;
    w->failures[why->fail]++;
    return error_blob(f->chain->conf->family, &d);
}

static void leave(struct call *c)
{
    if (c->flight->link)
        link_left(c->flight->link, session_of(c));
    flight_leave(c);
}

void route_detach(struct worker *w, struct call *c)
{
    leave(c);
    w->n_waiting--;
}

/* c alone has this, and waits no more; takes ref.  at: whose word it is. */
static void answer_one(struct worker *w, struct call *c, const struct upstream *at, bool is_error, struct slice payload,
                       struct blob *ref, enum fail fail)
{
    const struct flight *f = c->flight;

    if (w->conf->access_log)
        access_log_call(exchange_of(c), f, at, is_error, payload.n, fail);
    if (f->explained)
        explain_note(f, at, worker_clock_us(w));
    leave(c);
    w->stats.calls_failed += fail != FAIL_NONE;
    answer(w, c, is_error, payload, ref);
    blob_unref(ref);
}

void route_refuse_call(struct worker *w, struct call *c, const struct route_failure *why)
{
    struct blob *b = refusal(w, c->flight, why);

    answer_one(w, c, c->flight->upstream, true, slice_of(b->p, b->n), b, why->fail);
}

static void give_up_call(struct worker *w, struct call *c, enum answer_class class, const struct route_failure *why)
{
    const struct flight *f = c->flight;
    const struct flight_said *s = f->said;
    struct route_failure before;
    struct blob *b;

    if (!last_word_is_said(f, class, why) || (s->ref && c->in_unit)) {
        route_refuse_call(w, c, why);
    } else if (s->ref) {
        answer_one(w, c, s->at, s->is_error, s->payload, blob_ref(s->ref), FAIL_NONE);
    } else {
        before = last_word_said(f);
        b = refusal(w, c->flight, &before);
        answer_one(w, c, s->at, true, slice_of(b->p, b->n), b, before.fail);
    }
}

static void give_up(struct worker *w, struct flight *f, enum answer_class class, const struct route_failure *why)
{
    struct route_failure before;
    struct blob *b;
    struct list calls, *n;

    if (f->part == FLIGHT_LEG || f->part == FLIGHT_LOOKUP) {
        lane_failed(w, f, why);
        return;
    }
    if (last_word_is_said(f, class, why)) {
        if (f->said->ref) {
            conclude_as_said(w, f);
            return;
        }
        before = last_word_said(f);
        why = &before;
        standing_left(f);
        f->upstream = f->said->at;
    }
    b = refusal(w, f, why);
    log_calls(w, f, true, b->n, why->fail);
    if (f->explained)
        explain_note(f, f->upstream, worker_clock_us(w));
    take_waiters(w, f, &calls);
    while ((n = list_pop(&calls))) {
        w->stats.calls_failed++;
        answer(w, container_of(n, struct call, waiting), true, slice_of(b->p, b->n), b);
    }
    blob_unref(b);
}

void route_refuse(struct worker *w, struct flight *f, const struct route_failure *why)
{
    give_up(w, f, ANSWER_LOCAL, why);
}

void route_arm(struct worker *w, struct flight *f)
{
    uint64_t at_ms = flight_alone(f) ? f->deadline_ms : flight_first(f)->deadline_ms;

    if (f->try_until_ms < at_ms)
        at_ms = f->try_until_ms;
    if (f->hedge_ms < at_ms)
        at_ms = f->hedge_ms;
    if (!heap_linked(&f->due) || f->due.key != at_ms)
        heap_set(&w->flights_due, &f->due, at_ms);
}

/* Nobody waits for f any more. */
static void forsake(struct worker *w, struct flight *f)
{
    f->wanted = false;
    if (f->state == FLIGHT_SPREAD) /* a transaction goes on to all endpoints that it was meant for */
        return;
    /* On the wire it stays: the answer is on its way and will free the connection. Its deadline still stands. */
    if (f->state == FLIGHT_WIRE && !planted(PLANT_FREED_ON_WIRE)) {
        f->hedge_ms = UINT64_MAX;
        if (f->twin)
            hedge_lane_part(w, f);
        route_arm(w, f);
        if (f->link)
            link_resume(f->link); /* nobody is there who could hold too much */
        return;
    }
    upstream_dequeue(f);
    worker_flight_free(w, f);
}

/* The end of all its time came when it had hardly left: that says nothing of the endpoint. */
static bool has_just_left(struct worker *w, const struct flight *f)
{
    return (worker_clock_us(w) - f->sent_us) / 1000 * JUST_LEFT_SHARE < f->deadline_ms - f->born_ms;
}

void route_due(struct worker *w, struct flight *f)
{
    struct route_failure why = last_word_late(f);
    enum answer_class class;
    uint64_t now_ms = worker_now_ms(w);
    bool blameless, over = now_ms >= f->deadline_ms; /* for all of its waiters: there is no time for another try */

    if (now_ms >= f->hedge_ms) {
        hedge_lane_due(w, f);
        route_arm(w, f);
        if (f->due.key > now_ms)
            return;
    }
    if (f->part == FLIGHT_LEAD) {
        lane_due(w, f);
        return;
    }
    if (f->part == FLIGHT_HEDGE && !f->wanted) {
        link_abandon(f);
        worker_flight_free(w, f);
        return;
    }
    if (now_ms < f->try_until_ms && !over) { /* only some of its waiters have waited long enough */
        while (!flight_alone(f) && flight_first(f)->deadline_ms <= now_ms)
            give_up_call(w, flight_first(f), f->state == FLIGHT_WIRE ? ANSWER_TIMEOUT : ANSWER_LOCAL, &why);
        if (flight_alone(f)) /* the one with time left has left */
            forsake(w, f);
        else
            route_arm(w, f);
        return;
    }
    if (f->state == FLIGHT_PAUSED && !over) {
        route_again_resume(w, f);
        return;
    }
    if (f->state == FLIGHT_PARKED && !over) {
        room_rested(f);
        return;
    }
    if (f->upstream)
        f->upstream->endpoint.stats.failures[why.fail]++;
    upstream_dequeue(f);
    why.never_sent = f->state != FLIGHT_WIRE;
    blameless = f->link && (f->link->delayed || (over && has_just_left(w, f)));
    if (f->link)
        link_abandon(f);
    class = why.never_sent || blameless ? ANSWER_LOCAL : standing_failed(w, f, &why);
    standing_left(f);
    if (f->part == FLIGHT_PROBE)
        prober_failed(w, f, &why);
    else if (f->part == FLIGHT_LEG)
        lane_failed(w, f, &why);
    else if (f->part == FLIGHT_HEDGE)
        hedge_lane_failed(w, f, &why);
    else if (!f->wanted)
        worker_flight_free(w, f);
    else if (over || (!route_again_failed(w, f, class, &why) && !set_out_again(w, f, class, &why)))
        give_up(w, f, why.never_sent ? ANSWER_LOCAL : ANSWER_TIMEOUT, &why);
}

bool route_may_join(const struct worker *w, struct flight *f, const struct flight *same, uint64_t deadline_ms)
{
    uint64_t now_ms = worker_now_ms(w), age_ms = now_ms - f->born_ms;

    /* While a transaction is out it is not sent again, however late its copy comes. */
    if (f->part == FLIGHT_LEAD)
        return true;
    /* A flight that hangs must not be kept in the air by those who join it: the longest waiter's deadline is its own.
     */
    return age_ms <= (deadline_ms - now_ms) / JOIN_SHARE && !f->second && heads_may_join(f, same);
}

/* One who waits for f is in more of a hurry. */
static void hasten(struct flight *f, unsigned client)
{
    unsigned before = f->rank ? (f->rank - 1u) % PRIORITY_CLIENTS : PRIORITY_HIGH;

    if (client >= before)
        return;
    if (f->state == FLIGHT_QUEUED)
        priority_remove(&f->upstream->waiting, f);
    f->rank -= (uint8_t)(before - client);
    if (f->state == FLIGHT_QUEUED)
        priority_push(&f->upstream->waiting, f, false);
}

void route_join(struct worker *w, struct flight *f, struct call *c)
{
    bool joins = f->state != FLIGHT_NEW;

    flight_join(f, c);
    w->n_waiting++;
    if (!joins) {
        route_arm(w, f);
        return;
    }
    w->stats.calls_coalesced++;
    chain_method(f->chain, f->method)->coalesced++;
    f->wanted |= !planted(PLANT_JOINED_UNWANTED); /* on the wire, all who waited before may have left */
    if (f->deadline_ms < c->deadline_ms)
        f->deadline_ms = c->deadline_ms;
    if (f->twin)
        hedge_lane_prolong(w, f);
    hasten(f, exchange_of(c)->priority);
    if (f->link)
        link_joined(f->link, session_of(c));
    else if (f->state == FLIGHT_PARKED) {
        upstream_requeue(f);
        if (!f->in_unit) /* then it is not freed */
            route_reconsider(f);
    }
}

void route_leave(struct worker *w, struct call *c)
{
    struct flight *f = c->flight;

    route_detach(w, c);
    if (!flight_alone(f) && !planted(PLANT_FREED_BY_FIRST_LEAVER))
        return;
    forsake(w, f);
}
