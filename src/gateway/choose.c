#include "gateway/choose.h"

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/limits.h"
#include "gateway/worker.h"
#include "rpc/flight.h"

static unsigned pick(struct chain *c, uint64_t eligible)
{
    struct worker *w = c->worker;

    switch (c->conf->routing) {
    case ROUTING_WEIGHTED:
        break;
    case ROUTING_PRIORITY:
        return pick_first(c->turns, c->n_upstreams, eligible);
    case ROUTING_FASTEST:
        for (uint64_t left = eligible; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            struct upstream *u = c->upstreams[i];

            c->turns[i].latency_us = (uint32_t)latency_peak_get(&u->endpoint.peak, worker_clock_us(w));
            c->turns[i].in_flight = u->n_wire + u->n_waiting;
        }
        return pick_fastest(c->turns, c->n_upstreams, eligible, (uint64_t)worker_random(w) << 32 | worker_random(w));
    }
    return pick_next(c->turns, c->n_upstreams, eligible);
}

/* Of those whose limits all hold f back, where it may leave first. */
static struct upstream *earliest(struct chain *c, const struct flight *f, uint64_t among, uint64_t before_us)
{
    uint64_t now_us = worker_clock_us(c->worker);
    struct upstream *best = NULL;

    for (uint64_t left = among; left; left &= left - 1) {
        struct upstream *u = c->upstreams[__builtin_ctzll(left)];
        uint64_t at_us = limits_when_us(u, f, u->n_waiting, now_us);

        if (at_us < before_us || (!best && before_us == LIMITER_NEVER)) {
            best = u;
            before_us = at_us;
        }
    }
    return best;
}

uint64_t choose_lacking(const struct flight *f)
{
    const struct chain *c = f->chain;
    uint64_t lacking = standing_lacking(c, f->method);

    return f->depth < c->old.archive.shallowest[f->old_kind] ? lacking : lacking | old_blocks_lacking(f);
}

struct upstream *choose_sooner(struct chain *c, const struct flight *f, uint64_t before_us)
{
    uint64_t now_ms = worker_now_ms(c->worker), among = 0;

    for (unsigned i = 0; i < c->n_upstreams; i++) {
        const struct upstream *u = c->upstreams[i];

        if (u != f->upstream && endpoint_usable(&u->endpoint, now_ms) && !upstream_is_full(u))
            among |= UINT64_C(1) << i;
    }
    return earliest(c, f, among & ~(f->tried | c->avoid | choose_lacking(f)) & heads_fit(f), before_us);
}

struct upstream *choose_up(struct chain *c, const struct flight *f, uint64_t untried, bool *full)
{
    uint64_t now_ms = worker_now_ms(c->worker), up = 0, room = 0, shut = 0;
    unsigned i;

    *full = false;
    for (i = 0; i < c->n_upstreams; i++) {
        struct upstream *u = c->upstreams[i];
        uint64_t bit = UINT64_C(1) << i;

        if (!(untried & bit) || (!endpoint_usable(&u->endpoint, now_ms) && !planted(PLANT_BREAKER_IGNORED)))
            continue;
        if (upstream_is_full(u)) {
            *full = true;
            continue;
        }
        up |= bit;
        if (f && !limits_open(u, f))
            shut |= bit;
        else if (upstream_has_room(u))
            room |= bit;
    }
    if (shut && shut == up)
        return earliest(c, f, up, LIMITER_NEVER);
    up &= ~shut;
    up = pick_lowest_tier(c->turns, c->n_upstreams, up);
    i = pick(c, up & room ? up & room : up);
    return i == PICK_NONE ? NULL : c->upstreams[i];
}

struct upstream *choose_fresh(const struct flight *f, uint64_t open, bool strict, bool *full)
{
    struct chain *c = f->chain;
    uint64_t fit = heads_fit(f);
    struct upstream *u = choose_up(c, f, open & fit, full);

    if (u || *full || strict || fit == UINT64_MAX)
        return u;
    return choose_up(c, f, heads_best(f, open & standing_usable(c)), full);
}

struct upstream *choose_within(const struct flight *f, uint64_t among)
{
    bool full;

    return choose_fresh(f, among & ~(f->tried | f->chain->avoid | choose_lacking(f)), true, &full);
}

/* NULL: all were tried, refused, or are full.  A chain whose upstreams are all left alone still tries them: a refused
 * call would be no better. */
static struct upstream *choose(struct chain *c, const struct flight *f, uint64_t tried, uint64_t lacking)
{
    struct upstream *u;
    bool full;
    unsigned i;

    if (c->n_upstreams == 1)
        return tried | c->refused ? NULL : c->upstreams[0];
    u = f ? choose_fresh(f, ~(tried | c->avoid | lacking), false, &full)
          : choose_up(c, NULL, ~(tried | c->avoid | lacking), &full);
    if (!u && !full && lacking)
        u = choose_up(c, f, ~(tried | c->avoid), &full);
    if (u || full)
        return u;
    i = pick_next(c->turns, c->n_upstreams, ~(tried | c->refused | lacking));
    if (i == PICK_NONE && lacking)
        i = pick_next(c->turns, c->n_upstreams, ~(tried | c->refused));
    return i == PICK_NONE ? NULL : c->upstreams[i];
}

static __attribute__((noinline, cold)) struct upstream *choose_sure(struct chain *c, const struct flight *f)
{
    bool full;

    return choose_up(c, f, old_blocks_sure(f) & ~c->avoid & heads_fit(f), &full);
}

struct upstream *choose_for(struct chain *c, const struct flight *f)
{
    struct upstream *u = f->old_missed ? choose_sure(c, f) : NULL;

    return u ? u : choose(c, f, f->tried, c->n_upstreams > 1 ? choose_lacking(f) : 0);
}

struct upstream *choose_other(struct chain *c, const struct upstream *than)
{
    struct upstream *u = choose(c, NULL, UINT64_C(1) << than->index, 0);

    return u && !upstream_is_full(u) ? u : NULL;
}
