/* retry.h - what becomes of a call whose attempt failed: asked of another endpoint at once, of the same one after a
 * pause, or answered with the failure.  Pure.
 *
 * What never left costs nobody anything: it moves on without budget, until it runs out of endpoints; so does, once,
 * what went into a dead idle connection.  Pauses on one endpoint are drawn from 0 to base_ms x 2^n ("full jitter").  A
 * retry that could not be answered before the deadline is not sent. */
#ifndef MILLRACE_UPSTREAM_RETRY_H
#define MILLRACE_UPSTREAM_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/budget.h"

struct retry_conf {
    unsigned max_attempts; /* that left, the first one too, without those into dead connections */
    uint64_t base_ms, max_ms;
    struct budget_conf budget;
};

#define RETRY_CONF_DEFAULT ((struct retry_conf){3, 50, 2000, BUDGET_RETRY_DEFAULT})

enum retry_cause {
    RETRY_FINAL,     /* it would fail the same way anywhere */
    RETRY_ELSEWHERE, /* this endpoint cannot serve it: data missing, not supported */
    RETRY_TRANSIENT  /* time-out, 5xx, throttled, unclear: the same endpoint may, later */
};

struct retry_ask {
    enum retry_cause cause;
    unsigned attempts;  /* that left so far */
    bool never_sent;    /* not a byte of this one did */
    bool may_repeat;    /* a read, and its method may be retried */
    bool stale_link;    /* the connection had carried others and died before the first byte: nobody's fault */
    bool other;         /* an endpoint that was not tried is there for it now */
    bool same;          /* this one may be asked again: not parked, its breaker is not open */
    uint64_t left_ms;   /* until the deadline */
    uint64_t wait_ms;   /* what the endpoint asked for (Retry-After); 0: nothing */
    uint64_t answer_ms; /* how long an answer usually takes; 0: not known */
};

enum retry_what {
    RETRY_OTHER,      /* at once, on another endpoint */
    RETRY_FRESH_LINK, /* at once, on the same endpoint, over a connection that carried nothing */
    RETRY_LATER,      /* on the same endpoint after delay_ms */
    RETRY_STOP_FINAL, /* and the reasons to give up */
    RETRY_STOP_ONCE,  /* it must not be sent twice */
    RETRY_STOP_ATTEMPTS,
    RETRY_STOP_BUDGET,
    RETRY_STOP_DEADLINE,
    RETRY_STOP_NOWHERE
};

struct retry_verdict {
    enum retry_what what;
    uint64_t delay_ms;
};

/* Takes one of the budget for what is sent again. */
struct retry_verdict retry_decide(struct budget *b, const struct retry_conf *c, const struct retry_ask *a,
                                  uint64_t now_ms, uint32_t random);

#endif
