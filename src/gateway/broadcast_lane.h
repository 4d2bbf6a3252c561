/* broadcast_lane.h - a signed transaction's way to its group of endpoints: one leg each, at once; rpc/broadcast.h says
 * when the client is answered, with what, and what else is to be done.
 *
 * The flight that the calls wait for leads a lane: equal calls join it as any other, and it is answered by the lane.
 * A leg is a flight without calls.  It stays with its endpoint, shares nothing and is never sent again.  Legs that are
 * out when the client is answered go on until their own deadline, and their outcome is counted.  A client that leaves
 * stops nothing.
 *
 * Owned by the worker (worker.lanes) until the last leg and the look-up have ended; owns its legs, and its lead until
 * that is answered. */
#ifndef MILLRACE_GATEWAY_BROADCAST_LANE_H
#define MILLRACE_GATEWAY_BROADCAST_LANE_H

#include "gateway/route.h"

/* Takes f, which may have waiting calls already.  only: where its client wants it; NULL: the chain's group. */
void lane_launch(struct worker *w, struct flight *f, struct upstream *only);

/* How a leg or a look-up ended, off its queue and its link.  Frees f; takes ref. */
void lane_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref);
void lane_failed(struct worker *w, struct flight *f, const struct route_failure *why);
void lane_due(struct worker *w, struct flight *lead); /* its time has come */

void lane_close_all(struct worker *w); /* now: nobody is answered, nobody may wait */

#endif
