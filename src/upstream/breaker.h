/* breaker.h - keeps calls away from an endpoint that does not answer, and dials away from one that cannot be reached.
 * By value in its endpoint.  Pure: the caller passes the time and a random number.
 *
 * CLOSED: calls go.  `failures` hard failures in a row open it, at the moment of the last one.
 *
 * OPEN: none goes until the pause is over.  Pauses double from first_ms to max_ms; each is drawn between half of that
 * and all of it, so that many gateways do not come back together.
 *
 * TRIAL: one call is out to see (a probe will do as well).  Its success closes, its failure opens again.
 *
 * DISABLED: the credential was refused (401, 403).  Like OPEN, with pauses of barred_ms, as keys do get fixed.
 *
 * failures is 3 unless configured: HAProxy's "fall 3" is what its users know; nginx' 1 opens on any stray reset;
 * Envoy's and Finagle's 5 suit pauses of many seconds, where a wrong verdict is dear.  Here it costs 50 to 100 ms, and
 * each failure that is waited for costs a retry.
 *
 * A dial that failed is one such failure; when no connection is left it opens at once, because no call can be answered
 * there.  One pause serves both: closed or not, breaker_pausing() says that no dial should start. */
#ifndef MILLRACE_UPSTREAM_BREAKER_H
#define MILLRACE_UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker_conf {
    unsigned failures;         /* in a row, 1.. */
    uint64_t first_ms, max_ms; /* pauses */
    uint64_t trial_ms;         /* a trial without an outcome is given up then */
    uint64_t barred_ms;
};

#define BREAKER_CONF_DEFAULT ((struct breaker_conf){3, 100, 5000, 10000, 60000})

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRIAL, BREAKER_DISABLED };

enum breaker_fault {
    BREAKER_NO_ANSWER,   /* a call had no usable answer */
    BREAKER_NO_DIAL,     /* a dial failed; other connections are there */
    BREAKER_UNREACHABLE, /* a dial failed; there is no connection */
    BREAKER_REFUSED      /* the credential was */
};

/* What changed, for the log: each is told once. */
enum breaker_news { BREAKER_NO_NEWS, BREAKER_HAS_OPENED, BREAKER_HAS_CLOSED, BREAKER_IS_DISABLED };

struct breaker {
    enum breaker_state state;
    enum breaker_fault why; /* it is not closed */
    unsigned failures;      /* in a row */
    unsigned pauses;        /* in a row */
    uint64_t until_ms;      /* of the pause, or of the trial; 0: none */
};

/* May a call go there?  OPEN and DISABLED: the pause is over, a trial is due. */
static inline bool breaker_allows(const struct breaker *b, uint64_t now_ms)
{
    return b->state == BREAKER_CLOSED || now_ms >= b->until_ms;
}

/* Should dials wait?  A trial may dial. */
static inline bool breaker_pausing(const struct breaker *b, uint64_t now_ms)
{
    return b->state != BREAKER_TRIAL && now_ms < b->until_ms;
}

/* A call goes there.  true: it is the trial, and that must be said with its outcome. */
bool breaker_depart(struct breaker *b, const struct breaker_conf *c, uint64_t now_ms);
/* The trial has no outcome: its client left, or it never departed. */
void breaker_trial_lost(struct breaker *b, uint64_t now_ms);

/* An answer (deterministic errors and throttling too: it is there), or a good probe: trial. */
enum breaker_news breaker_succeeded(struct breaker *b, bool trial, uint64_t now_ms);
enum breaker_news breaker_failed(struct breaker *b, const struct breaker_conf *c, enum breaker_fault fault, bool trial,
                                 uint64_t now_ms, uint32_t random);
/* A connection is there.  It closes what could not be reached; it proves nothing about answers. */
enum breaker_news breaker_dialled(struct breaker *b);
/* Another credential: all is forgotten. */
void breaker_reset(struct breaker *b);

#endif
