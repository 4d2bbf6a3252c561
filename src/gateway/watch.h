/* watch.h - an eye on the endpoints between the answers of clients: where their heads are, whether they say that they
 * sync or receive more than they replay, and whether one that is down answers again.  The questions are the prober's,
 * upstream/probe.h has their words.
 *
 * Heads are asked for while calls that depend on them come, and where there is a choice: an idle gateway asks nothing,
 * and never more questions than there were such calls.  An endpoint that told its head in another way within the time
 * is not asked; one below the head is asked sooner.  The one that is down is asked when its breaker allows a trial:
 * that it is back is noticed without any traffic. */
#ifndef MILLRACE_GATEWAY_WATCH_H
#define MILLRACE_GATEWAY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "upstream/head.h"
#include "upstream/probe.h"
#include "upstream/replay.h"

struct chain;
struct route_failure;
struct upstream;

struct watch { /* of an endpoint, by value */
    bool asking;
    bool knows_no_sync; /* it has no method that would tell */
    uint64_t asked_ms, sync_ms;
    struct replay replay; /* Solana */
    uint64_t look_ms;     /* no sooner than this is there anything to do; UINT64_MAX: until something changes */
};

struct watching {        /* of a chain */
    bool lively;         /* calls about the head come */
    enum head_kind kind; /* of the last of them */
    unsigned credit;     /* so many questions may leave */
    uint64_t called_ms;
};

/* A call about the head comes. */
void watch_call(struct chain *c, enum head_kind kind);
/* The head has moved: those that are below it are asked sooner. */
void watch_moved(struct chain *c);

/* Asks u what is due, and sets look_ms. */
void watch_look(struct upstream *u);
/* u keeps calls waiting and says nothing: it is asked now, so that its silence, or its answer, is about a question that
 * is known to be light. */
void watch_doubted(struct upstream *u);
/* The answer to a question, of a head of that kind. */
void watch_told(struct upstream *u, enum probe_question question, enum head_kind kind, bool is_error,
                struct slice payload);
void watch_failed(struct upstream *u, enum probe_question question, const struct route_failure *why);

static inline bool watch_is_due(const struct watch *w, bool down, uint64_t now_ms)
{
    return now_ms >= w->look_ms || (down && w->look_ms == UINT64_MAX && !w->asking);
}

#endif
