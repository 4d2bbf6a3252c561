/* batcher.h - how the calls that wait for an endpoint spread over its links: how many board the next one that departs,
 * whether a new one is worth dialling, and what fits into one body.  Pure decisions over numbers; holds nothing.
 *
 * The queue's order decides who departs next.  A heavy method (traces, logs, program accounts) always goes alone: an
 * endpoint answers a batch when its slowest member is done.  A light call takes other light ones along, past heavy ones
 * that stand between them. */
#ifndef MILLRACE_UPSTREAM_BATCHER_H
#define MILLRACE_UPSTREAM_BATCHER_H

#include "upstream/endpoint_conf.h"

/* The calls that wait and the links there are. */
struct batch_load {
    unsigned light, heavy;     /* calls waiting */
    unsigned idle, dialling;   /* links */
    unsigned busy, busy_heavy; /* links with a call or batch on them, and those of them that carry a heavy call */
    uint64_t waited_us;        /* by the light call that has waited longest */
    uint64_t dial_us;          /* what opening a connection takes lately; 0: not known */
    uint64_t turn_us;          /* how long the loop has been at work on this turn */
};

/* How many light calls the next departing link takes; 0: none waits, or no link is idle.
 *
 * auto: one each while there are as many links as calls, since geth and reth work a batch off one by one; else the
 * calls are shared out evenly.  But a loop that is busy for long in one turn is what all calls wait for, and each
 * request keeps it busy longer: then no fewer than one call for each BATCHER_TURN_US of the turn board together.
 * always: as many as fit. off: one.  max_calls: what the endpoint takes now (batch_limits_calls). */
unsigned batcher_share(const struct batch_conf *c, const struct batch_load *l, unsigned max_calls);

/* How many links these calls are worth, idle and dialling ones included: what pool_dials_wanted() takes for `waiting`.
 * again_us: ask again after so long if nothing happened until then; UINT64_MAX: no need.
 *
 * One for each call with `off`, and for each heavy one.  Light calls that the open links can carry in their next round
 * wait for that round, as long as opening a connection and two turns of the loop would take: what frees within that
 * time was sooner than a new connection, and for what does not the wait was at most doubled.  So quick endpoints keep
 * few connections with full batches, slow ones get more connections with small batches, and one slow answer holds
 * nobody up. */
unsigned batcher_links_wanted(const struct batch_conf *c, const struct batch_load *l, unsigned max_calls,
                              uint64_t *again_us);

enum {
    BATCHER_DIAL_US = 1000, /* taken for dial_us while that is not known */
    BATCHER_TURN_US = 256   /* 50 calls or so */
};

/* How long a batch that could depart now still waits for more calls, in us; 0: it departs.  Not when it is full, and
 * never longer than window_us from the arrival of its first call. */
uint64_t batcher_hold_us(const struct batch_conf *c, unsigned light, unsigned max_calls, uint64_t waited_us);

/* Packing, exact to the byte: a body is the plain object for one call, and "[" members with "," between them "]" for
 * more.  One call always fits: max_bytes bounds what is shared. */
struct batch_room {
    unsigned calls, max_calls;
    size_t members, max_bytes; /* bytes of all members together; of the body */
};

static inline size_t batch_room_bytes(const struct batch_room *r)
{
    return r->calls > 1 ? r->members + r->calls + 1 : r->members;
}

/* false: it does not fit any more, and was not taken. */
static inline bool batch_room_take(struct batch_room *r, size_t member_bytes)
{
    struct batch_room with = {r->calls + 1, r->max_calls, r->members + member_bytes, r->max_bytes};

    if (r->calls && (with.calls > r->max_calls || batch_room_bytes(&with) > r->max_bytes))
        return false;
    *r = with;
    return true;
}

#endif
