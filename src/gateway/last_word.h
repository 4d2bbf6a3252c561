/* last_word.h - what a call is told that failed: of how its attempts ended, what says most.  Part of route. */
#ifndef MILLRACE_GATEWAY_LAST_WORD_H
#define MILLRACE_GATEWAY_LAST_WORD_H

#include "gateway/route.h"
#include "rpc/classify.h"

/* The time of f, or of one who waits for it, is over: why it has no answer. */
struct route_failure last_word_late(const struct flight *f);

/* Does what an endpoint told before (f->said) say more than `why`, which means that class? */
bool last_word_is_said(const struct flight *f, enum answer_class class, const struct route_failure *why);
/* f->said, where it is no answer. */
struct route_failure last_word_said(const struct flight *f);

#endif
