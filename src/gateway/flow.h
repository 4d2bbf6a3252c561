/* flow.h - how many calls an upstream may have on the wire: max_inflight, or with adaptive_inflight a limit that
 * follows its latency below that (upstream/concurrency.h).  upstream.max_wire holds it, 0: none.  Part of upstream. */
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

#endif
