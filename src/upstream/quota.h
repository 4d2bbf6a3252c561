/* quota.h - what may be spent a day, and what was.  By value; pure.  A day begins at the provider's hour, in UTC: the
 * caller tells the wall clock now and then, and in between the monotone clock counts on.
 * A wall clock that steps back over the beginning of a day does not begin that day twice; one that was days ahead is
 * believed again, and what was spent counts until the next day.  Lost at a restart. */
#ifndef MILLRACE_UPSTREAM_QUOTA_H
#define MILLRACE_UPSTREAM_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#define QUOTA_DAY_US UINT64_C(86400000000)

struct quota {
    uint64_t requests_max, units_max; /* UINT64_MAX: no limit */
    uint64_t requests, units;         /* spent since since_us */
    uint64_t since_us, reset_us;      /* monotone */
    int64_t day;                      /* days since 1970 */
    unsigned reset_hour;              /* UTC, 0..23 */
    bool spent;                       /* the provider says so, whatever was counted */
};

/* Limits of 0: none.  wall_s: seconds since 1970, UTC. */
void quota_init(struct quota *q, uint64_t requests_max, uint64_t units_max, unsigned reset_hour, int64_t wall_s,
                uint64_t now_us);
/* The wall clock says so now: worth telling once a minute, and before a long wait for the reset. */
void quota_clock(struct quota *q, int64_t wall_s, uint64_t now_us);
/* A new day has begun.  May so much be spent? */
bool quota_turn(struct quota *q, uint64_t requests, uint64_t units, uint64_t now_us);
/* What was spent at taken_us did not leave. */
void quota_give(struct quota *q, uint64_t requests, uint64_t units, uint64_t taken_us);

/* May so much be spent now?  What is more than a day's limit never may. */
static inline bool quota_has(struct quota *q, uint64_t requests, uint64_t units, uint64_t now_us)
{
    if (now_us >= q->reset_us)
        return quota_turn(q, requests, units, now_us);
    return !q->spent && requests <= q->requests_max - q->requests && units <= q->units_max - q->units;
}

static inline void quota_take(struct quota *q, uint64_t requests, uint64_t units)
{
    q->requests += requests;
    q->units += units;
}

#endif
