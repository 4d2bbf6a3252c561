/* limiter_text.h - what a limiter holds against an endpoint now, for people.  Pure: the caller passes the time. */
#ifndef MILLRACE_UPSTREAM_LIMITER_TEXT_H
#define MILLRACE_UPSTREAM_LIMITER_TEXT_H

#include "base/buf.h"
#include "upstream/limiter.h"

/* "540 of 1000 requests/s (refused 12 s ago), left alone for 3 s, eth_getLogs for 5 s, quota spent (new in 3600 s)";
 * nothing when nothing was learned and nothing is paused.  0 or the error of buf.h. */
int limiter_text(const struct limiter *l, uint64_t now_us, struct buf *out);

/* "rate", "method", "quota"; "rate", "paused", "method_paused", "quota", "too_big": labels. */
const char *limit_kind_name(enum limit_kind k);
const char *limiter_why_name(enum limiter_why w);

#define LIMITER_NO_END UINT64_MAX

struct limiter_now {
    struct {
        uint64_t per_s, top; /* that are allowed now, and at best; 0: no limit */
        uint64_t tokens;
    } of[LIMITER_BUCKETS];
    uint64_t pause_us;                  /* left alone for so long; 0: not */
    uint64_t requests_left, units_left; /* of the day; LIMITER_NO_END: no limit */
    uint64_t reset_us;                  /* until the next day */
};

void limiter_look(const struct limiter *l, uint64_t now_us, struct limiter_now *out);

#endif
