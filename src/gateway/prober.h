/* prober.h - calls of the gateway's own: upstream/probe.h says what is asked, this asks it.  A question is a flight
 * without calls that stays with its endpoint; it uses the same queue, links and deadlines as those of clients.
 *
 * While an endpoint is not known to be on its chain, its queue holds everything back but the question (boarding.c). */
#ifndef MILLRACE_GATEWAY_PROBER_H
#define MILLRACE_GATEWAY_PROBER_H

#include "gateway/route.h"
#include "upstream/probe.h"

struct chain;
struct upstream;

/* Something changed at u, or its time has come: asks it what is due.  Of one that is not settled. */
void prober_look(struct upstream *u);

/* Asks u. */
void prober_ask(struct upstream *u, enum probe_question question);

/* An answer of `at` would have been worth keeping if a later block were known to be final: asks it how far the chain
 * is.  The caller has looked at probe_final_may. */
void prober_ask_finalized(struct upstream *at);

/* What at told makes it doubtful that what was final still is: asks it.  The caller has looked at past_is_due. */
void prober_ask_past(struct upstream *at);

/* How a question ended, off its queue and its link.  Frees f; takes ref. */
void prober_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref);
void prober_failed(struct worker *w, struct flight *f, const struct route_failure *why);

/* f's chain has no endpoint that is not refused: so is f.  Frees it. */
void prober_refuse(struct worker *w, struct flight *f);

#endif
