#include "sim_standing.h"

#include <inttypes.h>

#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/worker.h"
#include "rpc/flight.h"
#include "sim_archive.h"
#include "sim_ask.h"
#include "sim_clock.h"
#include "sim_node.h"

enum { POOR = 3 /* extras left, or fewer: a retry may have been refused */ };

static struct node *node_of(struct world *w, const struct upstream *u)
{
    return node_at(w, u->target.port);
}

/* May the gateway send any call there, and has it a place for it? */
static bool may_get_calls(const struct upstream *u)
{
    return u->endpoint.head && u->endpoint.breaker.state == BREAKER_CLOSED && !upstream_is_full(u) &&
           !probe_holds(&u->probe) && !((u->chain->refused | u->chain->avoid) >> u->index & 1);
}

bool standing_may_get(const struct world *w, const struct upstream *u)
{
    return !w->ending && may_get_calls(u);
}

/* Also by one about the head, whatever its client was shown: no endpoint is known to be further. */
static bool is_fit(const struct upstream *u)
{
    for (unsigned i = 0; i < HEAD_KINDS; i++) {
        const struct freshness *f = &u->chain->heads.of[i];

        if (u->chain->n_upstreams > 1 && f->number && !((f->top & ~f->doubted) >> u->index & 1))
            return false;
    }
    if (u->watch.replay.late)
        return false;
    return may_get_calls(u);
}

static bool is_barred(const struct upstream *u, uint64_t now_ms)
{
    return !breaker_allows(&u->endpoint.breaker, now_ms);
}

/* A trial is one call, and who is on trial has one: else nothing would end it. */
static void check_trials(struct world *w)
{
    const struct heap *h = &w->gateway->flights_due;
    unsigned trials[SIM_NODES_MAX] = {0};

    for (size_t i = 0; i < h->n; i++) {
        const struct flight *f = container_of(h->v[i], struct flight, due);

        if (f->trial)
            trials[node_of(w, f->upstream)->index]++;
    }
    for (size_t i = 0; i < w->gateway->n_chains; i++)
        for (unsigned k = 0; k < w->gateway->chains[i]->n_upstreams; k++) {
            const struct upstream *u = w->gateway->chains[i]->upstreams[k];
            const struct node *n = node_of(w, u);

            sim_check(w, trials[n->index] <= 1, "%s: %u calls try it at once", n->name, trials[n->index]);
            sim_check(w, u->endpoint.breaker.state != BREAKER_TRIAL || trials[n->index] == 1,
                      "%s is on trial, and no call is there to end it", n->name);
        }
}

/* May f go nowhere near n?  A call about the head not to who is known to replay far behind what it receives. */
static bool is_to_be_left(const struct node *n, const struct flight *f)
{
    return n->barred_turns >= 2 || (n->unreplayed_turns >= 2 && f->fresh == FLIGHT_AT_HEAD);
}

/* Has it been known since before this turn that the k-th endpoint is where f needs it to be? */
static bool is_known_to_serve(const struct chain *c, unsigned k, const struct flight *f)
{
    return f->fresh != FLIGHT_AT_HEAD ||
           (heads_fit(f) >> k & 1 && c->heads.of[f->head_kind].at_ms[k] < worker_now_ms(c->worker));
}

/* It waited there for room at its client, since before n could be had: it is where it was sent in the first place. */
static bool was_there_before(const struct world *w, const struct node *n, const struct flight *f)
{
    return !f->sends && !f->moves && !f->tried && clock_mono_us(w) - f->start_us > w->now_us - n->fit_since_us;
}

/* f has just been queued where nothing is to go, while another endpoint was fit for it all the time. */
static void check_queued(struct world *w, const struct flight *f)
{
    const struct chain *c = f->chain;
    bool barred;

    if (f->part != FLIGHT_OF_CALLS || f->pinned || f->by_name || f->in_unit || f->trial || !f->upstream ||
        (f->state != FLIGHT_QUEUED && f->state != FLIGHT_WIRE) || f->queued_us <= w->last_turn_us ||
        !is_to_be_left(node_of(w, f->upstream), f))
        return;
    barred = node_of(w, f->upstream)->barred_turns >= 2;
    for (unsigned k = 0; k < c->n_upstreams; k++) {
        const struct node *n = node_of(w, c->upstreams[k]);

        /* Who lacks the method, or the block, is asked last. */
        sim_check(w,
                  n->fit_turns < 2 || was_there_before(w, n, f) || (f->tried | choose_lacking(f)) >> k & 1 ||
                      (!barred && !is_known_to_serve(c, k, f)),
                  "call %" PRIu64 " (%s, sent %u times) goes to %s, which is to be left alone, and not to %s", f->id,
                  f->method->name, f->sends, node_of(w, f->upstream)->name, n->name);
    }
}

static void note_fitness(struct world *w, const struct upstream *u, uint64_t now_ms)
{
    struct node *n = node_of(w, u);

    if (is_fit(u) != (n->fit_turns > 0))
        sim_trace(w, "%s may%s get calls", n->name, is_fit(u) ? "" : " not");
    n->fit_turns = is_fit(u) ? n->fit_turns + 1 : 0;
    n->barred_turns = is_barred(u, now_ms) ? n->barred_turns + 1 : 0;
    n->unreplayed_turns = u->watch.replay.late ? n->unreplayed_turns + 1 : 0;
    sim_check(w,
              w->p.astray || !u->watch.replay.told_ms || u->watch.replay.late == (n->unreplayed == NODE_UNREPLAYED_FAR),
              "%s receives %u slots beyond its head, and is taken to be %" PRIu64 " behind", n->name, n->unreplayed,
              u->watch.replay.behind);
    if (n->fit_turns == 1)
        n->fit_since_us = w->now_us;
}

static void check_sound(struct world *w, const struct chain *c, unsigned k)
{
    const struct health *h = &c->standing.health[k];
    const struct breaker *b = &c->upstreams[k]->endpoint.breaker;

    sim_check(w, h->hard == 0 && h->soft == 0 && b->state == BREAKER_CLOSED && b->failures == 0,
              "%s made no mistake, and some are held against it", node_of(w, c->upstreams[k])->name);
}

void standing_check_turn(struct world *w)
{
    const struct worker *g = w->gateway;
    uint64_t now_ms = worker_now_ms(g);

    for (size_t i = 0; i < g->n_chains; i++) {
        const struct chain *c = g->chains[i];

        if (budget_left(&c->standing.retries) <= POOR || budget_left(&c->standing.lookups) <= POOR)
            w->chains[i].poor_us = w->now_us;
        for (unsigned k = 0; k < c->n_upstreams; k++) {
            note_fitness(w, c->upstreams[k], now_ms);
            if (w->p.calm)
                check_sound(w, c, k);
        }
    }
    check_trials(w);
    for (size_t i = 0; i < g->flights_due.n; i++)
        check_queued(w, container_of(g->flights_due.v[i], struct flight, due));
    archive_check_turn(w);
    w->last_turn_us = clock_mono_us(w) + 1;
}

/* Endpoints that have said that they do not know the method. */
static uint64_t lacks(const struct chain *c, const char *method)
{
    return standing_lacking(c, method_get(c->conf->family, slice_str(method)));
}

/* And those that have said that they lack the old block that some questions are about. */
static uint64_t prunes(const struct chain *c, const struct ask *a)
{
    return a->old ? archive_lacking_(&c->old.archive, ARCHIVE_STATE, ARCHIVE_UNKNOWN, worker_now_ms(c->worker)) : 0;
}

bool standing_was_fit(const struct world *w, const struct node *n, const struct ask *a, uint64_t since_us)
{
    const struct worker *g = w->gateway;

    for (size_t i = 0; i < g->n_chains; i++)
        for (unsigned k = 0; k < g->chains[i]->n_upstreams; k++) {
            const struct upstream *u = g->chains[i]->upstreams[k];

            if (u->target.port == NODE_PORT + n->index)
                return n->fit_turns && n->fit_since_us < since_us && is_fit(u) &&
                       !((lacks(g->chains[i], a->method) | prunes(g->chains[i], a)) >> k & 1);
        }
    return false;
}

const char *standing_open(const struct world *w)
{
    const struct worker *g = w->gateway;

    for (size_t i = 0; i < g->n_chains; i++) {
        const struct chain *c = g->chains[i];
        /* On another chain, or without the method that is asked for: nothing need ever go there. */
        uint64_t out = c->refused | lacks(c, ask_plain_name(&w->chains[i]));
        unsigned lowest = UINT32_MAX;

        for (unsigned k = 0; k < c->n_upstreams; k++)
            if (!(out >> k & 1) && c->turns[k].tier < lowest)
                lowest = c->turns[k].tier;
        for (unsigned k = 0; k < c->n_upstreams; k++) {
            const struct upstream *u = c->upstreams[k];

            if (c->turns[k].tier != lowest || (out >> k & 1))
                continue;
            if (u->endpoint.breaker.state != BREAKER_CLOSED || !u->endpoint.head || (c->avoid >> k & 1))
                return u->endpoint.conf->name;
            if (c->conf->routing == ROUTING_PRIORITY) /* the others get no calls while the first is there */
                break;
        }
    }
    return NULL;
}
