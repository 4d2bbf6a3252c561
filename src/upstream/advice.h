/* advice.h - what an operator should do about an endpoint, from its numbers: rows of a table, each with a name, what
 * was seen in figures, and what to do.  Pure: numbers in, text out.  What is 0 was not measured and leads to nothing.
 */
#ifndef MILLRACE_UPSTREAM_ADVICE_H
#define MILLRACE_UPSTREAM_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

struct advice_facts {
    uint64_t up_ms;      /* since the program started: totals are of this time */
    int64_t unix_s;      /* now */
    const char *no_key;  /* why there is no token; NULL: there is one, or none is needed */
    bool refused;        /* the credential: by 401 or 403, and no calls go there for that */
    uint64_t refused_ms; /* until one tries again */
    const char *foreign; /* what it says of its chain, when that is another one; else NULL */

    uint64_t opened; /* times that its breaker did */

    unsigned waiting, busy, open, sockets_max; /* calls without a socket; sockets, busy and all */
    unsigned inflight, inflight_max;           /* calls on the wire */
    uint64_t waits, wait_p90_us;               /* calls that left, and how long they had waited */
    uint64_t answer_p50_us;
    uint64_t window_us; /* that they wait on purpose */

    uint64_t requests, reused; /* over a connection that had carried others */
    unsigned per_socket_max;   /* as configured; 0: no limit */

    uint64_t calls;               /* answered or failed */
    uint64_t throttled;           /* of these, refused for their number */
    uint64_t rate_sent, rate_max; /* requests or units a second: lately, and at most */

    uint64_t behind, behind_max; /* blocks or slots behind the others; how many are borne */
    uint64_t behind_ms;          /* for how long without a break */

    uint64_t unreplayed, unreplayed_max; /* slots that it received and has not replayed; how many are borne */
    uint64_t unreplayed_ms;              /* for how long without a break */

    bool quota_spent;                       /* the provider says so, whatever was counted */
    uint64_t quota_used, quota_max;         /* of the day, requests or units */
    uint64_t quota_since_s, quota_left_s;   /* since the day began, until it ends */
    const char *quota_what;                 /* "requests", "units" */
    uint64_t batches_refused;               /* as a whole */
    unsigned batch_calls, batch_configured; /* most in one request: now, and as configured */
};

/* Of the gateway as a whole. */
struct advice_common {
    unsigned sockets, sockets_max; /* of all endpoints */
    unsigned clients, clients_max;
    uint64_t retries, retries_over_budget;
};

enum { ADVICE_MAX = 16, ADVICE_SEEN = 200 };

struct advice {
    const char *name; /* static: "raise_max_sockets" */
    char seen[ADVICE_SEEN];
    const char *todo; /* static */
};

/* How many there are; the most urgent first. */
unsigned advice_endpoint(const struct advice_facts *f, struct advice out[ADVICE_MAX]);
unsigned advice_gateway(const struct advice_common *c, struct advice out[ADVICE_MAX]);

#endif
