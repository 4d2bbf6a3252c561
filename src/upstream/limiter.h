/* limiter.h - what may leave for an endpoint now: requests and compute units a second with a burst, requests and units
 * a day, pauses that the provider asked for, and the rate that it really takes (limit_learned.h).  By value in its
 * endpoint; pure, the caller passes a monotone time, and the wall clock for the days.
 *
 * What was taken in any window is at most the configured rate times the window and the burst; what is learned only
 * makes that less.  Nothing configured and nothing learned: one branch, and a count for the learning. */
#ifndef MILLRACE_UPSTREAM_LIMITER_H
#define MILLRACE_UPSTREAM_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/bucket.h"
#include "upstream/limit_learned.h"
#include "upstream/limit_park.h"
#include "upstream/limiter_conf.h"
#include "upstream/quota.h"

enum { LIMITER_REQUESTS, LIMITER_UNITS, LIMITER_BUCKETS };

enum limiter_gate { /* what can say no; none: everything may leave */
                    LIMITER_GATE_REQUESTS = 1 << LIMITER_REQUESTS,
                    LIMITER_GATE_UNITS = 1 << LIMITER_UNITS,
                    LIMITER_GATE_QUOTA = 4,
                    LIMITER_GATE_PARKED = 8,
                    LIMITER_GATE_METHODS = 16
};

struct limiter {
    unsigned gates;
    unsigned more, extra; /* what each call but the first of a request counts, and the second on top */
    struct bucket buckets[LIMITER_BUCKETS];
    uint64_t top[LIMITER_BUCKETS];  /* a second: as configured, or seen at the first refusal; 0: no limit */
    uint64_t cap[LIMITER_BUCKETS];  /* grains, as configured */
    uint64_t most[LIMITER_BUCKETS]; /* tokens that one call needed */
    struct quota quota;
    struct limit_park park;
    struct limit_learned learned;
};

/* What a call waits for. */
enum limiter_why {
    LIMITER_FREE,
    LIMITER_RATE,
    LIMITER_PARKED,
    LIMITER_METHOD_PARKED,
    LIMITER_QUOTA,
    LIMITER_TOO_BIG,
    LIMITER_WHYS
};

#define LIMITER_NEVER UINT64_MAX

/* wall_s: seconds since 1970, UTC. */
void limiter_init(struct limiter *l, const struct limiter_conf *c, int64_t wall_s, uint64_t now_us);
/* The wall clock: once a minute is enough. */
void limiter_clock(struct limiter *l, int64_t wall_s, uint64_t now_us);

/* What a call counts that is the place-th of its request, from 0. */
static inline unsigned limiter_requests(const struct limiter *l, unsigned place)
{
    return place == 0 ? 1 : l->more + (place == 1 ? l->extra : 0);
}

bool limiter_open(struct limiter *l, unsigned slot, unsigned requests, uint32_t units, uint64_t now_us);
void limiter_tick(struct limiter *l, uint64_t now_us);

/* May a call of this method (method.slot) leave now? */
static inline bool limiter_may(struct limiter *l, unsigned slot, unsigned requests, uint32_t units, uint64_t now_us)
{
    return !l->gates || limiter_open(l, slot, requests, units, now_us);
}

/* It leaves now, as limiter_may() allowed at the same now_us. */
static inline void limiter_take(struct limiter *l, unsigned requests, uint32_t units, uint64_t now_us)
{
    if (now_us >= l->learned.tick_us)
        limiter_tick(l, now_us);
    limit_learned_sent(&l->learned, requests, units);
    if (!l->gates)
        return;
    if (l->gates & LIMITER_GATE_REQUESTS)
        bucket_take(&l->buckets[LIMITER_REQUESTS], requests);
    if (l->gates & LIMITER_GATE_UNITS)
        bucket_take(&l->buckets[LIMITER_UNITS], units);
    if (l->gates & LIMITER_GATE_QUOTA)
        quota_take(&l->quota, requests, units);
}

/* When it may leave if nothing else does meanwhile, and what it waits for: now_us and FREE, a later time, or
 * LIMITER_NEVER and TOO_BIG: it counts more than a burst, or than a day, allows. */
uint64_t limiter_when(struct limiter *l, unsigned slot, unsigned requests, uint32_t units, uint64_t now_us,
                      enum limiter_why *why);
/* The same for a call behind `ahead` others like it; an estimate, which changes nothing. */
uint64_t limiter_when_behind(struct limiter *l, unsigned ahead, unsigned slot, unsigned requests, uint32_t units,
                             uint64_t now_us);
/* So many requests may leave at once now, as far as tokens go. */
uint64_t limiter_tokens(struct limiter *l, uint64_t now_us);
/* Its bytes never left, though it was taken at taken_us. */
void limiter_give(struct limiter *l, unsigned requests, uint32_t units, uint64_t taken_us, uint64_t now_us);

/* Leave the endpoint, or one method, alone until then. */
void limiter_park(struct limiter *l, uint64_t until_us);
void limiter_park_method(struct limiter *l, unsigned slot, uint64_t until_us);

enum limit_kind {
    LIMIT_RATE,    /* too many: 429, or what says so in an answer or in an element of a batch */
    LIMIT_METHOD,  /* too many of this method */
    LIMIT_QUOTA,   /* nothing more until the provider's day is over, or until it is paid: 402 and its family */
    LIMIT_AT_ONCE, /* too many on the wire, which says nothing of the rate: it pauses only when it is told to */
    LIMIT_KINDS
};

struct limit_refusal {
    enum limit_kind kind;
    unsigned slot; /* the method */
    unsigned requests;
    uint32_t units;
    uint64_t sent_us;
    /* How long the provider wants to be left alone, as Retry-After or x-ratelimit-reset say; 0: no word.  Believed up
     * to an hour, of a quota up to a day. */
    uint64_t wait_us;
    bool pauses; /* AT_ONCE: fewer on the wire there cannot be */
};

/* What a refusal changed. */
enum limiter_change { LIMITER_SAME, LIMITER_PAUSED, LIMITER_LOWERED, LIMITER_SPENT };

enum limiter_change limiter_refused(struct limiter *l, const struct limit_refusal *r, uint64_t now_us);

void limiter_accepted_method(struct limiter *l, unsigned slot, uint64_t sent_us);

/* An answer that was no refusal, to a call that left at sent_us. */
static inline void limiter_accepted(struct limiter *l, unsigned slot, uint64_t sent_us)
{
    if (sent_us >= l->park.all.until_us)
        l->park.all.accepted = true;
    if (l->gates & LIMITER_GATE_METHODS)
        limiter_accepted_method(l, slot, sent_us);
}

/* The rate that is allowed now, in requests or units a second; 0: no limit. */
uint64_t limiter_rate(const struct limiter *l, unsigned bucket);

#endif
