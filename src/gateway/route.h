/* route.h - from a flight to an upstream: the first choice, the next one after a failure, and the answer when none is
 * left. */
#ifndef MILLRACE_GATEWAY_ROUTE_H
#define MILLRACE_GATEWAY_ROUTE_H

#include "base/blob.h"
#include "base/fail.h"
#include "rpc/flight.h"

struct chain;
struct upstream;
struct worker;

/* How a try ended without an answer. */
struct route_failure {
    enum fail fail;
    const char *detail;        /* for people; no secret; may be NULL */
    unsigned http_status;      /* 0: none */
    bool never_sent;           /* not a byte of the request left */
    const struct upstream *at; /* NULL: where the flight is */
    bool reused_died;          /* sent on a connection that had carried others, and not a byte came back */
};

/* Which worker answers for a call: today always this one. The seam for equal calls to meet on one worker. */
struct worker *route_owner(struct worker *w, const struct flight *f);

/* Queues f at `with` if that can take it, else where it is its turn, unless it is bound to `with`.  Returns where;
 * NULL: nowhere, it was refused. */
struct upstream *route_launch(struct worker *w, struct flight *f, struct upstream *with);
/* The same for a call that has just come: it earns its part of what is asked twice. */
struct upstream *route_called(struct worker *w, struct flight *f, struct upstream *with);
/* The try at f->upstream failed: moves f on to another socket or upstream if that is safe, else answers it. */
void route_failed(struct worker *w, struct flight *f, const struct route_failure *why);
/* f shared a request, and its endpoint did not answer it there: it sets out again if that is safe. */
void route_unanswered(struct worker *w, struct flight *f, const struct route_failure *why);
/* The answer of an endpoint. ref NULL: payload is borrowed. Frees f. */
void route_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref);
/* An answer of ours. Frees f. */
void route_refuse(struct worker *w, struct flight *f, const struct route_failure *why);
void route_due(struct worker *w, struct flight *f); /* a waiter's deadline has passed, or that of the try */
/* May a call with that deadline (ms), which `same` was made for, join f, or is f too old to be waited for once more, or
 * asked where the head is below what the client was shown?  A transaction that is out never is. */
bool route_may_join(const struct worker *w, struct flight *f, const struct flight *same, uint64_t deadline_ms);
void route_join(struct worker *w, struct flight *f, struct call *c);
void route_leave(struct worker *w, struct call *c); /* its client left: what nobody wants is dropped */
/* c waits for its flight no more: an error of ours, or nothing yet, is its answer.  The caller looks after the flight.
 */
void route_refuse_call(struct worker *w, struct call *c, const struct route_failure *why);
void route_detach(struct worker *w, struct call *c);
void route_arm(struct worker *w, struct flight *f); /* its next deadline may have changed */

#endif
