/* hedge_lane.h - a read whose answer is late is asked a second time, of another endpoint (upstream/hedge.h says when).
 *
 * The second leg is a flight without calls, the `twin` of the one that they wait for, with an id of its own; it borrows
 * the tail, goes alone and is sent once.  Its twin has one answer to give:
 *   the second leg answers first: the twin takes its place, as if it had been sent there, and leaves its own seat to
 *     the leg, which waits there for the answer that nobody wants any more;
 *   the first answers first: the leg is taken back if it has not left; else it waits likewise;
 *   the first fails, or answers with what another endpoint might do better: the twin takes the leg's place and waits;
 *   the leg fails, or answers so: the twin waits on, with the endpoint's word as what was said so far.
 * An answer that comes too late frees its link and tells how slow the endpoint is; nothing else is held against it.
 *
 * The leg is the worker's; it lives no longer than its answer or deadline, and waits in a queue only while its twin
 * wants it. */
#ifndef MILLRACE_GATEWAY_HEDGE_LANE_H
#define MILLRACE_GATEWAY_HEDGE_LANE_H

#include "base/blob.h"
#include "rpc/classify.h"
#include "rpc/flight.h"
#include "upstream/hedge.h"

struct config;
struct hedge_keys;
struct route_failure;
struct worker;

/* Of a chain, by value. */
struct hedging {
    struct hedge_conf conf; /* permille 0: nothing is asked twice */
    struct budget budget;
};

void hedging_init(struct hedging *h, const struct hedge_keys *keys, unsigned n_upstreams, uint64_t now_ms);

/* A call sets out, for the first time. */
static inline void hedging_call(struct hedging *h, uint64_t now_ms)
{
    if (h->conf.permille)
        budget_call(&h->budget, &h->conf.budget, now_ms);
}

/* f, whose rule allows it to be asked twice, has left: sets f->hedge_ms.  Its leg has left: it counts. */
void hedge_lane_departed(struct worker *w, struct flight *f);
/* f->hedge_ms has come. */
void hedge_lane_due(struct worker *w, struct flight *f);

/* The leg of f is on the wire. */
static inline bool hedge_lane_is_out(const struct flight *f)
{
    return f->twin && f->twin->link;
}

/* The first leg of f has ended without the answer that its calls wait for: true: f goes on in the place of the second.
 */
bool hedge_lane_goes_on(struct worker *w, struct flight *f);

/* A leg that is off its link was answered.  Returns its twin, off its link too, to be answered with that; NULL: there
 * is nothing more to do, and leg is freed. */
struct flight *hedge_lane_answered(struct worker *w, struct flight *leg, enum answer_class class, bool is_error,
                                   struct slice payload, struct blob *ref);
/* It was not, or must not be sent again.  Frees leg. */
void hedge_lane_failed(struct worker *w, struct flight *leg, const struct route_failure *why);

/* f and its twin have nothing to do with each other any more: f is answered, or must be by its own endpoint. */
void hedge_lane_part(struct worker *w, struct flight *f);
/* More calls wait for f, one of them until then. */
void hedge_lane_prolong(struct worker *w, const struct flight *f);

#endif
