/* endpoint.h - one upstream URL with one credential: where it is, how a request to it begins, its pool and its numbers.
 * Owned by its chain, on one worker.  Pure. */
#ifndef MILLRACE_UPSTREAM_ENDPOINT_H
#define MILLRACE_UPSTREAM_ENDPOINT_H

#include "base/fail.h"
#include "base/hist.h"
#include "http/h1_client.h"
#include "http/url.h"
#include "rpc/broadcast.h"
#include "rpc/classify.h"
#include "upstream/batch_limits.h"
#include "upstream/breaker.h"
#include "upstream/latency.h"
#include "upstream/limiter.h"
#include "upstream/pool.h"
#include "upstream/secrets.h"

struct endpoint_stats {
    uint64_t calls; /* answered by it, errors of JSON-RPC included */
    uint64_t rpc_errors;
    uint64_t failures[FAIL_COUNT];
    uint64_t retries;             /* calls that set out again after an attempt here */
    uint64_t moved;               /* calls that waited here, and found another endpoint sooner */
    uint64_t bytes_in, bytes_out; /* HTTP bytes, TLS not counted */
    uint64_t tls_full, tls_resumed;
    struct hist latency;
    uint64_t batches;                 /* requests with more than one call */
    uint64_t batch_splits;            /* calls that shared one, were not answered there, and set out again */
    uint64_t batch_refused;           /* batches that were refused as a whole */
    struct hist batch_calls;          /* calls in a request */
    struct hist boarding_wait_us;     /* from the queue to a link */
    uint64_t opened;                  /* how often its breaker did */
    uint64_t limited[LIMIT_KINDS];    /* calls that it refused for their number, and why */
    uint64_t waited[LIMITER_WHYS];    /* calls that its limit held back, and why */
    uint64_t slowed;                  /* how often what it takes was found to be less */
    uint64_t classes[ANSWER_CLASSES]; /* what its answers and failures meant */
    uint64_t broadcasts[BROADCAST_OUTCOMES];
    struct hist broadcast_us; /* from a client's transaction to the answer of this one, whatever it was */
};

struct endpoint {
    const struct endpoint_conf *conf;
    struct url url;
    char redacted[128]; /* scheme, host, port */
    struct pool pool;
    struct breaker breaker;
    struct latency_peak peak;
    struct limiter limiter; /* gateway/limits.h */
    struct batch_limits limits;
    struct h1_client_conf http;
    char *head; /* the request's head up to and with "Content-Length: " : holds secrets.  NULL: a credential is needed,
                   and there is none that holds */
    size_t head_n;
    uint64_t generation; /* of the credential in it: what was connected under an older one is not used again */
    struct secrets secrets;
    struct secrets tokens; /* the last ones that came from outside: what left with one may be answered after the next */
    /* Of the last failed dial, for /readyz and for calls that found no one else. */
    enum fail last_fail;
    char last_text[160];
    struct endpoint_stats stats;
};

enum { ENDPOINT_BAD_URL = 1 };

int endpoint_init(struct endpoint *e, const struct endpoint_conf *conf); /* 0 or ENDPOINT_BAD_URL */
void endpoint_deinit(struct endpoint *e);

/* Where auth.kind says that a token comes from outside: requests carry this one from now on; p NULL: there is none, and
 * no request can be made.  0 or ENDPOINT_BAD_URL: with it the head is too long, and the one before stays. */
int endpoint_authorize(struct endpoint *e, struct slice token, uint64_t generation);
/* Stars in place of every credential of ours that an error of the endpoint repeats; of the same length. */
void endpoint_scrub(const struct endpoint *e, struct slice text);

/* May a call go there now, as a trial if need be? */
static inline bool endpoint_usable(const struct endpoint *e, uint64_t now_ms)
{
    return e->head && breaker_allows(&e->breaker, now_ms);
}

#endif
