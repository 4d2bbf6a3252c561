/* route_again.h - a flight whose attempt failed, or whose answer another endpoint may better: it is asked again where
 * upstream/retry says so.  Part of route. */
#ifndef MILLRACE_GATEWAY_ROUTE_AGAIN_H
#define MILLRACE_GATEWAY_ROUTE_AGAIN_H

#include "gateway/route.h"
#include "rpc/classify.h"

/* f->upstream gave no answer, which is kept in f->said in case that nothing better comes.  true: f is under way again,
 * or pauses. */
bool route_again_failed(struct worker *w, struct flight *f, enum answer_class class, const struct route_failure *why);
/* The same after an answer, which is kept in f->said in case that nothing better comes. */
bool route_again_answered(struct worker *w, struct flight *f, enum answer_class class, bool is_error,
                          struct slice payload, struct blob *ref);
/* `at`, which f was asked of beside f->upstream, gave an answer that another one may better: f waits for that. */
void route_again_noted(struct flight *f, struct upstream *at, enum answer_class class, bool is_error,
                       struct slice payload, struct blob *ref);
/* What f->upstream says of the head is a step back for those who wait for f. */
bool route_again_stale(struct worker *w, struct flight *f);
/* The pause of f is over. */
void route_again_resume(struct worker *w, struct flight *f);

#endif
