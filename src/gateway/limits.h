/* limits.h - what the limit of an endpoint (upstream/limiter.h) means for those who wait for it: who may depart now,
 * who waits and until when, and what its answers teach.  Part of upstream. */
#ifndef MILLRACE_GATEWAY_LIMITS_H
#define MILLRACE_GATEWAY_LIMITS_H

#include "base/plant.h"
#include "gateway/upstream.h"
#include "gateway/worker.h"
#include "io/loop.h"
#include "rpc/classify.h"
#include "rpc/flight.h"

void limits_init(struct upstream *u); /* its chain's rules are known */
void limits_deinit(struct upstream *u);
void limits_clock(struct worker *w); /* now and then: the wall clock, for quotas */

static inline uint32_t limits_units(const struct upstream *u, const struct flight *f)
{
    if (!u->units)
        return 0;
    return f->units != FLIGHT_UNITS_BY_METHOD ? f->units : u->units[f->method->slot];
}

/* The time that departures at u are counted by: that of the turn is too old where a window is held to. */
static inline uint64_t limits_now_us(const struct upstream *u)
{
    return u->endpoint.limiter.gates ? loop_clock_us(u->worker->loop) : worker_clock_us(u->worker);
}

/* May f depart now as the place-th call of a request, from 0? */
static inline bool limits_let(struct upstream *u, const struct flight *f, unsigned place, uint64_t now_us)
{
    struct limiter *l = &u->endpoint.limiter;

    return !l->gates || limiter_open(l, f->method->slot, limiter_requests(l, place), limits_units(u, f), now_us);
}

/* It departs. */
static inline void limits_take(struct upstream *u, struct flight *f, unsigned place, uint64_t now_us)
{
    struct limiter *l = &u->endpoint.limiter;

    f->counted = limiter_requests(l, place);
    f->taken_us = now_us;
    if (!planted(PLANT_TOKEN_NOT_TAKEN) || f->id % 4)
        limiter_take(l, f->counted, planted(PLANT_UNITS_NOT_TAKEN) ? 0 : limits_units(u, f), now_us);
}
/* It did not: not a byte left. */
void limits_give(struct upstream *u, const struct flight *f);

/* limits_let() said no to f as one more call of a request: to all like it, not just to its method? */
bool limits_blocks(struct upstream *u, const struct flight *f, unsigned place, uint64_t now_us);
/* Of n links that are wanted, how many may carry something soon. */
unsigned limits_links(struct upstream *u, unsigned n);

enum limits_hold {
    LIMITS_SHUT, /* all behind f wait too */
    LIMITS_PASS, /* f waits in its place, others may pass */
    LIMITS_GONE  /* f has left the queue, which may have changed: it waits elsewhere, or has failed */
};
/* limits_let() said no to f at place 0. */
enum limits_hold limits_hold(struct upstream *u, struct flight *f, uint64_t now_us);
/* u was found shut: those who wait go where they may leave sooner.  Not at every look. */
void limits_offer(struct upstream *u);

/* When f could depart from u behind `ahead` others; LIMITER_NEVER: it never may.  Links are not looked at. */
uint64_t limits_when_us(struct upstream *u, const struct flight *f, unsigned ahead, uint64_t now_us);
/* Is it left alone, because it refused calls for their number? */
static inline bool limits_paused(const struct upstream *u)
{
    const struct limiter *l = &u->endpoint.limiter;

    return l->gates & LIMITER_GATE_PARKED && worker_clock_us(u->worker) < l->park.all.until_us;
}
/* Could f, who would be the last to wait at u, depart at once? */
static inline bool limits_open(struct upstream *u, const struct flight *f)
{
    return !u->endpoint.limiter.gates ||
           limits_when_us(u, f, u->n_waiting, worker_clock_us(u->worker)) <= worker_clock_us(u->worker);
}

/* What f's endpoint said, or how it failed, means this.  error NULL: there is no JSON-RPC error. */
void limits_learn(struct worker *w, struct flight *f, enum answer_class class, const struct error_object *error);
static inline bool limits_is_refusal(enum answer_class class)
{
    return class >= ANSWER_RATE_LIMITED_METHOD && class <= ANSWER_QUOTA_EXHAUSTED;
}

/* Why f, whose time is over, is still waiting; NULL: it is not for the limit of its endpoint. */
const char *limits_reason(const struct flight *f);
/* How long f, which its endpoint has refused for its number, should wait before it is asked again, in ms. */
uint64_t limits_wait_ms(const struct flight *f);

#endif
