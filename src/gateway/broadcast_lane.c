#include "gateway/broadcast_lane.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/prober.h"
#include "gateway/worker.h"
#include "rpc/broadcast.h"

struct lane_leg {
    struct flight *flight; /* NULL: it has ended */
    struct upstream *at;
    uint64_t queued_us, sent_us; /* as of its flight, once that has ended */
    unsigned sends;
    struct blob *answer; /* holds what the core borrows; until the client is answered */
    struct route_failure why;
    char *detail; /* why.detail, owned */
};

struct lane {
    struct worker *worker;
    struct chain *chain;
    struct list node;      /* in worker.lanes */
    struct flight *lead;   /* NULL: answered */
    char *tail;            /* of the lead and of all legs, owned */
    uint64_t start_us;     /* when the client asked */
    struct flight *lookup; /* NULL: not under way */
    uint64_t group;        /* bit per upstream that it may go to */
    uint64_t had;          /* bit per upstream that may have got the transaction */
    bool acting;           /* decisions are being acted upon: what that leads to waits for its turn */
    struct broadcast core;
    struct lane_leg legs[]; /* one for each of the group, and one for the retry */
};

static void drop(struct worker *w, struct flight *f)
{
    upstream_dequeue(f);
    if (f->link)
        link_abandon(f);
    worker_flight_free(w, f);
}

static void forget_answers(struct lane *l)
{
    for (unsigned i = 0; i < l->core.legs; i++) {
        l->legs[i].answer = blob_unref(l->legs[i].answer);
        free(l->legs[i].detail);
        l->legs[i].detail = NULL;
        l->legs[i].why.detail = NULL;
    }
}

static void lane_free(struct lane *l)
{
    forget_answers(l);
    for (unsigned i = 0; i < l->core.legs; i++)
        if (l->legs[i].flight)
            drop(l->worker, l->legs[i].flight);
    if (l->lookup)
        drop(l->worker, l->lookup);
    if (l->lead)
        drop(l->worker, l->lead);
    list_remove(&l->node);
    free(l->tail);
    free(l);
}

/* -- what the core decided */

/* The lead's answer is that of a leg: for the log, and for a client that asks how its call came by it. */
static void stand_in(struct lane *l, const struct lane_leg *leg)
{
    struct flight *f = l->lead;
    bool out = leg->flight != NULL;

    f->upstream = leg->at;
    f->queued_us = out ? leg->flight->queued_us : leg->queued_us;
    f->sent_us = out ? leg->flight->sent_us : leg->sent_us;
    f->sends = out ? leg->flight->sends : leg->sends;
    f->riders = f->sends ? 1 : 0;
}

static void answer(struct lane *l, const struct broadcast_decision *d)
{
    struct worker *w = l->worker;
    const struct lane_leg *leg = &l->legs[d->leg];
    bool made_up = d->bytes.p == raw_tx_json(&l->core.id).p; /* the transaction's own name: no endpoint's bytes */
    struct blob *ref = made_up || !leg->answer ? NULL : blob_ref(leg->answer);

    stand_in(l, leg);
    w->stats.broadcasts_accepted += d->kind == BROADCAST_RESULT;
    route_answered(w, l->lead, d->kind == BROADCAST_ERROR, d->bytes, ref);
    l->lead = NULL;
    forget_answers(l);
}

static void answer_fail(struct lane *l, const struct broadcast_decision *d)
{
    const struct lane_leg *leg = &l->legs[d->leg];
    struct route_failure why = {.fail = d->fail};

    if (leg->why.fail == d->fail)
        why = leg->why;
    stand_in(l, leg);
    route_refuse(l->worker, l->lead, &why);
    l->lead = NULL;
    forget_answers(l);
}

/* Where the transaction may be: not at an endpoint that just let us wait in vain, and never outside the group. */
static struct upstream *lookup_at(const struct lane *l, unsigned leg)
{
    const struct broadcast_leg *b = &l->core.leg[leg];
    bool silent =
        b->outcome == BROADCAST_LEG_OUT || (b->outcome == BROADCAST_LEG_FAILED && b->fail == FAIL_UPSTREAM_TIMEOUT);

    return silent ? NULL : l->legs[leg].at;
}

static void look_up(struct lane *l, unsigned leg)
{
    struct worker *w = l->worker;
    struct chain *c = l->chain;
    struct upstream *with = lookup_at(l, leg);
    struct slice method = SLICE("\"eth_getTransactionByHash\""), name = raw_tx_json(&l->core.id);
    uint64_t group = l->group, silent = UINT64_C(1) << l->legs[leg].at->index;
    struct message_request q = {.method.raw = method};
    struct flight *f = worker_flight_new(w);
    char params[RAW_TX_ID_CAP + 2];

    q.params = slice_of(params, (size_t)snprintf(params, sizeof params, "[%.*s]", (int)name.n, name.p));
    flight_init(f, &q, method_get(CHAIN_EVM, slice_of(method.p + 1, method.n - 2)), w->next_id++);
    f->part = FLIGHT_LOOKUP;
    f->lane = l;
    f->chain = c;
    f->scope = l->lead ? scope_ref(l->lead->scope) : NULL;
    f->start_us = worker_clock_us(w);
    f->born_ms = worker_now_ms(w);
    f->deadline_ms = l->core.probe_deadline_ms;
    if (c->n_upstreams > 1) {
        f->tried = ~group;
        if (!with && group != silent)
            f->tried |= silent;
    }
    l->lookup = f;
    w->stats.broadcast_lookups++;
    route_launch(w, f, with);
}

static void send_leg(struct lane *l, unsigned i, struct upstream *u)
{
    struct worker *w = l->worker;
    struct flight *f = worker_flight_new(w);

    flight_init_copy(f, l->lead, w->next_id++);
    f->part = FLIGHT_LEG;
    f->lane = l;
    f->leg = i;
    f->born_ms = worker_now_ms(w);
    f->upstream = u;
    l->legs[i] = (struct lane_leg){.flight = f, .at = u};
    l->had |= UINT64_C(1) << u->index;
    if (!upstream_enqueue(u, f, false))
        route_failed(w, f, &(struct route_failure){.fail = FAIL_QUEUE_FULL, .never_sent = true});
}

/* An endpoint that does not know the blockhash is behind: the one of the group is asked that is furthest, among those
 * that surely have not had the transaction. */
static void retry(struct lane *l, unsigned leg)
{
    struct chain *c = l->chain;
    uint64_t open = l->group & ~l->had & ~c->avoid & standing_usable(c);
    unsigned i = pick_next(c->turns, c->n_upstreams, heads_highest(c, open));

    if (i == PICK_NONE) {
        broadcast_withdraw(&l->core, worker_now_ms(l->worker));
        return;
    }
    l->worker->stats.broadcast_retries++;
    send_leg(l, leg, c->upstreams[i]);
}

/* After each event.  May free l. */
static void act(struct lane *l)
{
    struct broadcast_decision d;

    if (l->acting)
        return;
    l->acting = true;
    while (broadcast_take(&l->core, &d))
        switch (d.kind) {
        case BROADCAST_RESULT:
        case BROADCAST_ERROR:
            answer(l, &d);
            break;
        case BROADCAST_FAIL:
            answer_fail(l, &d);
            break;
        case BROADCAST_PROBE:
            look_up(l, d.leg);
            break;
        case BROADCAST_RETRY:
            retry(l, d.leg);
            break;
        }
    l->acting = false;
    if (broadcast_is_over(&l->core)) {
        lane_free(l);
        return;
    }
    if (l->lead)
        heap_set(&l->worker->flights_due, &l->lead->due, broadcast_deadline(&l->core));
}

/* -- what happens to it */

void lane_launch(struct worker *w, struct flight *f, struct upstream *only)
{
    struct chain *c = f->chain;
    uint64_t group = (only ? UINT64_C(1) << only->index : c->broadcast) & ~c->refused;
    unsigned n = (unsigned)__builtin_popcountll(group), i = 0;
    struct slice params = flight_params(f);
    struct lane *l;

    if (n == 0) { /* all of its group are on another chain */
        prober_refuse(w, f);
        return;
    }
    l = mem_zero(sizeof *l + (n + 1) * sizeof l->legs[0]);
    l->worker = w;
    l->chain = c;
    l->lead = f;
    l->group = only ? group : c->broadcast;
    l->tail = flight_give_tail(f);
    l->start_us = f->start_us;
    list_push(&w->lanes, &l->node);
    f->state = FLIGHT_SPREAD;
    f->part = FLIGHT_LEAD;
    f->lane = l;
    w->stats.broadcasts++;
    broadcast_init(&l->core, c->conf->family, params, n, worker_now_ms(w), f->deadline_ms, BROADCAST_PROBE_MS);
    l->acting = true;
    for (uint64_t left = group; left; left &= left - 1)
        send_leg(l, i++, c->upstreams[__builtin_ctzll(left)]);
    l->acting = false;
    act(l);
}

static void note_outcome(struct lane *l, const struct lane_leg *leg, enum broadcast_outcome outcome)
{
    struct endpoint_stats *e = &leg->at->endpoint.stats;

    e->broadcasts[outcome]++;
    if (outcome != BROADCAST_LEG_FAILED)
        hist_add(&e->broadcast_us, worker_clock_us(l->worker) - l->start_us);
    /* Pending state has changed there. */
    l->chain->write_epoch += outcome == BROADCAST_LEG_ACCEPTED;
}

static void lookup_ended(struct lane *l, struct slice result)
{
    worker_flight_free(l->worker, l->lookup);
    l->lookup = NULL;
    broadcast_probed(&l->core, result, worker_now_ms(l->worker));
    act(l);
}

static struct lane_leg *leg_ended(struct lane *l, struct flight *f)
{
    struct lane_leg *leg = &l->legs[f->leg];

    assert(leg->flight == f);
    leg->queued_us = f->queued_us;
    leg->sent_us = f->sent_us;
    leg->sends = f->sends;
    leg->flight = NULL;
    worker_flight_free(l->worker, f);
    return leg;
}

void lane_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref)
{
    struct lane *l = f->lane;
    unsigned i = f->leg;
    uint64_t now_ms = worker_now_ms(w);
    enum broadcast_outcome outcome;
    struct lane_leg *leg;

    if (f->part == FLIGHT_LOOKUP) {
        lookup_ended(l, is_error ? slice_of(NULL, 0) : payload);
        blob_unref(ref);
        return;
    }
    leg = leg_ended(l, f);
    if (is_error && !ref && l->core.state == BROADCAST_OPEN) { /* the core will look back at it */
        ref = blob_copy(payload);
        if (ref)
            payload = slice_of(ref->p, ref->n);
    }
    leg->answer = ref;
    if (is_error && !ref && l->core.state == BROADCAST_OPEN) {
        leg->why.fail = FAIL_OUT_OF_MEMORY;
        outcome = broadcast_fail(&l->core, i, FAIL_OUT_OF_MEMORY, false, now_ms);
    } else if (is_error) {
        outcome = broadcast_error(&l->core, i, payload, now_ms);
    } else {
        outcome = broadcast_result(&l->core, i, payload, now_ms);
        if (outcome == BROADCAST_LEG_FAILED)
            leg->at->endpoint.stats.failures[FAIL_UPSTREAM_WRONG_HASH]++;
    }
    note_outcome(l, leg, outcome);
    if (l->core.state == BROADCAST_ANSWERED)
        leg->answer = blob_unref(leg->answer);
    act(l);
}

void lane_failed(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct lane *l = f->lane;
    unsigned i = f->leg;
    struct lane_leg *leg;

    if (f->part == FLIGHT_LOOKUP) {
        lookup_ended(l, slice_of(NULL, 0));
        return;
    }
    leg = leg_ended(l, f);
    leg->why = *why;
    leg->why.detail = NULL;
    if (l->core.state == BROADCAST_OPEN)
        leg->why.detail = leg->detail = mem_strdup(why->detail);
    if (why->never_sent)
        l->had &= ~(UINT64_C(1) << leg->at->index);
    note_outcome(l, leg, broadcast_fail(&l->core, i, why->fail, why->never_sent, worker_now_ms(w)));
    act(l);
}

void lane_due(struct worker *w, struct flight *lead)
{
    struct lane *l = lead->lane;

    broadcast_expire(&l->core, worker_now_ms(w));
    act(l);
}

void lane_close_all(struct worker *w)
{
    while (!list_empty(&w->lanes))
        lane_free(container_of(w->lanes.next, struct lane, node));
}
