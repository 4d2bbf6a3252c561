#include "gateway/route_move.h"

#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/hedge_lane.h"
#include "gateway/route.h"
#include "gateway/unit.h"
#include "gateway/worker.h"

/* f leaves the queue of its endpoint for that of another, which is not full. */
static void go(struct flight *f, struct upstream *next, bool front)
{
    static const struct route_failure why = {.fail = FAIL_ARRAY_SPLIT};
    struct worker *w = f->chain->worker;

    standing_left(f);
    upstream_dequeue(f);
    f->upstream->endpoint.stats.moved++;
    if (f->in_unit)
        unit_go(w, f, next, true, &why);
    if (flight_alone(f) && f->in_unit)
        worker_flight_free(w, f);
    else
        upstream_enqueue(next, f, front);
}

bool route_to(struct flight *f, struct upstream *next)
{
    if (f->in_unit)
        next = unit_elsewhere(f, next);
    if (!next || next == f->upstream)
        return false;
    go(f, next, false);
    return true;
}

bool route_elsewhere(struct flight *f)
{
    struct upstream *u = f->upstream, *next;
    uint64_t tried = f->tried | UINT64_C(1) << u->index, open = ~(tried | f->chain->avoid), lacking;
    bool full;

    if (f->part == FLIGHT_HEDGE) {
        hedge_lane_failed(f->chain->worker, f, &(struct route_failure){.fail = FAIL_QUEUE_FULL, .never_sent = true});
        return true;
    }
    if (f->pinned || f->moves >= ROUTE_MOVES_MAX || f->part == FLIGHT_LEG)
        return false;
    lacking = choose_lacking(f);
    next = choose_fresh(f, open & ~lacking, !upstream_is_down(u), &full);
    if (!next && !full && lacking && upstream_is_down(u))
        next = choose_fresh(f, open, false, &full);
    if (next && f->in_unit)
        next = unit_elsewhere(f, next);
    if (!next)
        return false;
    f->moves++;
    f->tried = tried;
    f->passed |= UINT64_C(1) << u->index;
    u->endpoint.stats.failures[u->endpoint.last_fail]++;
    go(f, next, true);
    return true;
}

void route_elsewhere_too(struct flight *f)
{
    struct upstream *u = f->upstream;
    bool in_unit = f->in_unit;

    if (route_elsewhere(f) && in_unit)
        upstream_offer_waiting(u);
}

void route_reconsider(struct flight *f)
{
    if (upstream_is_down(f->upstream) && !f->trial && f->part == FLIGHT_OF_CALLS)
        route_elsewhere_too(f);
}
