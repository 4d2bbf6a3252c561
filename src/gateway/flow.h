/* flow.h - how many calls an upstream may have on the wire: max_inflight, or with adaptive_inflight a limit that
 * follows its latency below that (upstream/concurrency.h); and no more than it was found to take at once
 * (upstream/crowd.h).  upstream.max_wire holds it, 0: none.  Part of upstream. */
#ifndef MILLRACE_GATEWAY_FLOW_H
#define MILLRACE_GATEWAY_FLOW_H

#include "gateway/upstream.h"
#include "rpc/classify.h"

void flow_init(struct upstream *u);

/* What became of f, which is off its link.  timed: it was answered with a result. */
void flow_learn(struct upstream *u, const struct flight *f, enum answer_class class, bool timed);

static inline void flow_note(struct upstream *u, const struct flight *f, enum answer_class class, bool timed)
{
    if (u->endpoint.conf->adaptive_inflight)
        flow_learn(u, f, class, timed);
}

/* f, off its link, was refused because too many were on the wire.  false: not even one call is taken. */
bool flow_refused(struct upstream *u, const struct flight *f);

void flow_answered_(struct upstream *u);
/* A call was answered, and not refused. */
static inline void flow_answered(struct upstream *u)
{
    if (u->crowd.limit_q8)
        flow_answered_(u);
}

#endif
