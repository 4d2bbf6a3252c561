/* sim_check.c - the gateway's own books against each other and against the configured bounds. */
#include <inttypes.h>

#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/stream.h"
#include "sim_node.h"
#include "sim_run.h"
#include "sim_standing.h"
#include "sim_stray.h"

/* What one answer and one read may add to what a client holds: more is a leak. */
enum { HELD_SLACK = 4 << 20 };

/* How long a connection beyond max_idle may be idle: what the loop takes to look again comes on top. */
enum { SURPLUS_MS = POOL_SURPLUS_MS + 100, SURPLUS_TURNS = 3 };

static unsigned length(const struct list *head)
{
    unsigned n = 0;

    list_each (it, head)
        n++;
    return n;
}

/* The clock may leap over the moment at which one is to be closed. */
static void check_idle(struct world *w, const struct upstream *u, struct node *n)
{
    const struct pool *p = &u->endpoint.pool;
    uint64_t now_ms = worker_now_ms(u->worker);
    bool surplus = p->n_idle > p->conf->max_idle && now_ms > pool_idle_since(p) + SURPLUS_MS;

    n->surplus_turns = surplus ? n->surplus_turns + 1 : 0;
    sim_check(w, n->surplus_turns <= SURPLUS_TURNS, "%s: %u idle sockets, the first for %" PRIu64 " ms", n->name,
              p->n_idle, now_ms - pool_idle_since(p));
}

static void check_upstream(struct world *w, const struct upstream *u, struct node *n)
{
    const struct pool *p = &u->endpoint.pool;
    unsigned max_wire = u->endpoint.conf->max_inflight, now = u->max_wire;
    unsigned waiting = 0;
    bool idle_link, light = false;

    if (u->n_waiting)
        sim_trace(
            w, "%s: %u wait, %u of them alone; %u links idle, %u busy, %u dialling; again in %lld us, due at %lld ms",
            n->name, u->n_waiting, u->n_solo, p->n_idle, p->n_busy, p->n_dialling, (long long)u->again_us,
            heap_linked(&u->due) ? (long long)u->due.key : -1);
    sim_check(w, pool_sockets(p) <= p->conf->max_sockets, "%s: %u sockets", n->name, pool_sockets(p));
    check_idle(w, u, n);
    sim_check(w, pool_sockets(p) == n->n_sockets + n->n_dials,
              "%s: the pool counts %u sockets, there are %u and %u dials", n->name, pool_sockets(p), n->n_sockets,
              n->n_dials);
    sim_check(w, !max_wire || u->n_wire <= max_wire, "%s: %u calls on the wire", n->name, u->n_wire);
    sim_check(w, (now && (!max_wire || now <= max_wire)) || now == max_wire, "%s: %u calls may be on the wire", n->name,
              now);
    sim_check(w, !now || u->n_wire <= now || u->n_wire <= n->was_wire, "%s: %u calls on the wire, where %u may be",
              n->name, u->n_wire, now);
    n->was_wire = u->n_wire;
    for (const struct flight *f = priority_front(&u->waiting); f; f = priority_next(&u->waiting, f)) {
        waiting++;
        /* One that can go nowhere else waits for its method. */
        if ((u->endpoint.limiter.gates & LIMITER_GATE_METHODS) && (f->pinned || f->part != FLIGHT_OF_CALLS))
            continue;
        light |= !f->fresh_only && !u->endpoint.conf->batch.window_us;
    }
    sim_check(w, u->n_waiting == waiting, "%s: %u calls are said to wait, there are %u", n->name, u->n_waiting,
              waiting);
    /* A call that finds an idle link departs in the same turn, unless it waits for company on purpose, or for a
     * credential. */
    idle_link = p->n_idle && u->endpoint.head && !u->shut && !(now && u->n_wire >= now);
    sim_check(w, !(idle_link && light && !probe_holds(&u->probe)), "%s: calls wait beside an idle connection", n->name);
}

/* How many calls are on the links of u, and how many of the links carry one that goes alone. */
static void check_wire(struct world *w, const struct upstream *u, const struct node *n)
{
    unsigned aboard = 0, solo_links = 0, solo = 0, stalled = 0, stalled_solo = 0;

    list_each (it, &u->endpoint.pool.busy) {
        const struct link *k = container_of(container_of(it, struct pool_member, node), struct link, member);
        unsigned seated = 0;

        for (unsigned i = 0; i < k->n_seats; i++)
            seated += k->seats[i].flight != NULL;
        sim_check(w, seated == k->n_aboard, "%s: %u calls are said to be on a link, there are %u", n->name, k->n_aboard,
                  seated);
        aboard += seated;
        solo_links += k->solo;
        stalled += k->stalled;
        stalled_solo += k->stalled && k->solo;
    }
    for (const struct flight *f = priority_front(&u->waiting); f; f = priority_next(&u->waiting, f))
        solo += f->solo;
    sim_check(w, aboard == u->n_wire, "%s: %u calls are said to be on the wire, there are %u", n->name, u->n_wire,
              aboard);
    sim_check(w, solo_links == u->n_busy_solo && solo == u->n_solo,
              "%s: %u links and %u waiting calls are said to be alone, there are %u and %u", n->name, u->n_busy_solo,
              u->n_solo, solo_links, solo);
    sim_check(w, stalled == u->n_stalled && stalled_solo == u->n_stalled_solo,
              "%s: %u links are said not to be read, %u of them with one alone; there are %u and %u", n->name,
              u->n_stalled, u->n_stalled_solo, stalled, stalled_solo);
}

/* Every call that waits is counted once, and no flight sets out that nobody waits for. */
static void check_flights(struct world *w)
{
    const struct worker *g = w->gateway;
    unsigned waiting = 0;

    for (size_t i = 0; i < g->flights_due.n; i++) {
        const struct flight *f = container_of(g->flights_due.v[i], struct flight, due);

        waiting += length(&f->calls);
        sim_check(w, f->wanted || flight_alone(f), "calls wait for a flight that is not wanted");
        sim_check(w, !(f->listed && flight_alone(f)) || f->state == FLIGHT_WIRE || f->state == FLIGHT_SPREAD,
                  "a flight that nobody waits for is about to depart");
    }
    sim_check(w, waiting == g->n_waiting, "%u calls are said to wait, there are %u", g->n_waiting, waiting);
}

/* Calls are asked a second time within the budget that the configuration gives. */
static void check_hedges(struct world *w)
{
    const struct heap *h = &w->gateway->flights_due;
    uint64_t last[SIM_CHAINS];

    for (unsigned i = 0; i < w->n_chains; i++)
        last[i] = w->chains[i].hedge_id;
    for (size_t i = 0; i < h->n; i++) {
        const struct flight *f = container_of(h->v[i], struct flight, due);
        unsigned k = f->chain == w->gateway->chains[0] ? 0 : 1;

        sim_check(w, !f->twin || f->twin->twin == f, "two flights are one question, and one does not know");
        if (f->part != FLIGHT_HEDGE || !f->sends || f->id <= last[k])
            continue;
        w->chains[k].hedged++;
        if (f->id > w->chains[k].hedge_id)
            w->chains[k].hedge_id = f->id;
    }
    for (unsigned i = 0; i < w->n_chains; i++) {
        const struct sim_chain *c = &w->chains[i];
        /* Calls of an array that are asked again are new ones for the budget. */
        uint64_t calls = c->asked + w->gateway->stats.arrays_again * w->p.max_batch_calls;

        sim_check(w, c->hedged * 100 <= calls * c->hedge_percent,
                  "%s: %u of %u calls were asked a second time, where %u %% may be", c->name, c->hedged, c->asked,
                  c->hedge_percent);
    }
}

/* Equal transactions that are under way at once are one broadcast, unless the first has been for too long. */
static void check_broadcasts(struct world *w)
{
    const struct heap *h = &w->gateway->flights_due;

    for (size_t i = 0; i < h->n; i++) {
        const struct flight *f = container_of(h->v[i], struct flight, due);

        for (size_t k = 0; f->part == FLIGHT_LEAD && f->key.n && k < h->n; k++) {
            const struct flight *g = container_of(h->v[k], struct flight, due);

            sim_check(w,
                      g->part != FLIGHT_LEAD || g->id <= f->id || g->chain != f->chain || !slice_eq(f->key, g->key) ||
                          g->born_ms - f->born_ms > w->p.call_timeout_ms / 4,
                      "a transaction is broadcast twice at once");
        }
    }
}

/* What is held for a client: its answers, and the parts of those under way. */
static size_t held(const struct session *s)
{
    size_t n = 0;

    list_each (it, &s->exchanges) {
        const struct exchange *x = container_of(it, struct exchange, node);

        if (!x->is_rpc)
            continue;
        n += x->envelope.held_bytes;
        for (unsigned i = x->envelope.released; i < x->envelope.n_calls; i++) {
            const struct flight *f = x->envelope.calls[i].flight;

            if (f && f->link)
                n += f->link->counted_bytes;
        }
    }
    return n;
}

/* How many questions of its own the gateway has under way. */
static unsigned questions(const struct worker *g)
{
    unsigned n = 0;

    for (size_t i = 0; i < g->n_chains; i++) {
        const struct chain *c = g->chains[i];

        n += c->final.asking + c->past.asking;
        for (unsigned k = 0; k < c->n_upstreams; k++)
            n += c->upstreams[k]->probe.asking + c->upstreams[k]->watch.asking;
    }
    return n;
}

void sim_check_turn(struct world *w)
{
    const struct worker *g = w->gateway;
    unsigned sockets = 0, k = 0, extra = 0;
    size_t bodies = 0;

    sim_check(w, list_empty(&g->ready) && list_empty(&g->dirty), "the turn left work behind");
    sim_check(w, g->n_sockets <= w->p.max_upstream_sockets, "%u sockets in all", g->n_sockets);
    sim_check(w, g->flights_due.n == g->n_flights, "%u flights, %zu of them with a deadline", g->n_flights,
              g->flights_due.n);
    /* The last call that is let in may be a broadcast, with a leg to each endpoint; and each may look once at the end.
     */
    for (size_t i = 0; i < g->n_chains; i++)
        if (extra < g->chains[i]->n_upstreams)
            extra = g->chains[i]->n_upstreams;
    extra += questions(g);
    list_each (it, &g->lanes)
        extra++;
    sim_check(w, g->n_flights <= w->p.max_inflight_calls + extra, "%u calls in flight", g->n_flights);
    for (size_t i = 0; i < g->n_chains; i++)
        for (unsigned j = 0; j < g->chains[i]->n_upstreams; j++, k++) {
            check_upstream(w, g->chains[i]->upstreams[j], w->nodes[k]);
            check_wire(w, g->chains[i]->upstreams[j], w->nodes[k]);
            sockets += w->nodes[k]->n_sockets + w->nodes[k]->n_dials;
        }
    sim_check(w, sockets == g->n_sockets, "the gateway counts %u sockets, there are %u", g->n_sockets, sockets);
    sim_check(w, g->n_waiting <= w->p.max_inflight_calls, "%u calls wait", g->n_waiting);
    check_flights(w);
    check_broadcasts(w);
    check_hedges(w);
    standing_check_turn(w);
    stray_check_turn(w);
    list_each (it, &g->sessions) {
        const struct session *s = container_of(it, struct session, all);

        sim_check(w, s->held_bytes == held(s), "%zu bytes are said to be held for a client, there are %zu",
                  s->held_bytes, held(s));
        sim_check(w, s->held_bytes + stream_queued_bytes(s->stream) < w->p.max_client_buffer_bytes + HELD_SLACK,
                  "%zu bytes are held for a client", s->held_bytes + stream_queued_bytes(s->stream));
        sim_check(w, s->n_exchanges == length(&s->exchanges), "an exchange is lost");
        sim_check(w, s->n_exchanges || s->held_bytes == 0, "%zu bytes held for nobody", s->held_bytes);
        bodies += s->asked_bytes + s->body_bytes;
    }
    sim_check(w, g->bodies_bytes == bodies, "%zu bytes of requests are said to be there, there are %zu",
              g->bodies_bytes, bodies);
}

void sim_check_quiet(struct world *w)
{
    const struct worker *g = w->gateway;

    sim_check(w, g->n_flights == 0 && list_empty(&g->sessions), "%u flights and %u sessions are left", g->n_flights,
              g->n_sessions);
    sim_check(w, g->n_waiting == 0 && g->flights.n == 0, "%u calls wait, and %zu flights may be joined", g->n_waiting,
              g->flights.n);
    sim_check(w, list_empty(&g->parked) && list_empty(&g->stalled), "flights or links wait for clients that are gone");
    sim_check(w, g->exchange_pool.live == 0 && g->flight_pool.live == 0 && g->session_pool.live == 0,
              "exchanges, flights or sessions leak");
    sim_check(w, g->link_pool.live == g->n_sockets, "links leak");
    for (size_t i = 0; i < g->n_chains; i++)
        for (unsigned j = 0; j < g->chains[i]->n_upstreams; j++)
            sim_check(w, g->chains[i]->upstreams[j]->endpoint.pool.n_busy == 0, "a link is busy with nothing");
}
