/* batch_limits.h - what an endpoint has shown to take in one batch, where that is less than configured.  By value in
 * its endpoint, zeroed at first; pure, the caller passes the time.
 *
 * What was learned is tried again: a limit doubles after a minute, a refusal to batch at all lapses after one.  When
 * that is refused once more, the pause doubles, up to an hour; when it works, it is a minute again. */
#ifndef MILLRACE_UPSTREAM_BATCH_LIMITS_H
#define MILLRACE_UPSTREAM_BATCH_LIMITS_H

#include "upstream/batch_refusal.h"
#include "upstream/endpoint_conf.h"

enum { BATCH_PAUSE_MS = 60000, BATCH_PAUSE_MAX_MS = 3600000 };
enum { BATCH_PROBE_CALLS = 2 };   /* in a batch that finds out whether there may be batches again */
enum { BATCH_UNCLEAR_MAX = 3 };   /* so many unclear refusals in a row are taken for "no batches" */
enum { BATCH_METHOD_BITS = 512 }; /* methods beyond share a place with one below: at worst, one goes alone */

struct batch_cap {
    size_t max;      /* 0: nothing learned */
    size_t good;     /* the most that was taken since */
    size_t from;     /* it was this, and is now tried for more; 0: no outcome is waited for */
    uint64_t due_ms; /* when it doubles */
    uint64_t pause_ms;
};

struct batch_limits {
    struct batch_cap calls, bytes;
    uint64_t off_until_ms; /* no batches before that */
    uint64_t off_pause_ms;
    bool probing; /* they were off, and may be on again */
    unsigned unclear;
    uint64_t barred[BATCH_METHOD_BITS / 64]; /* methods that go alone */
    uint64_t barred_until_ms, barred_pause_ms;
};

/* In one batch, now: calls, 1 meaning that there are to be no batches; bytes of its body. */
unsigned batch_limits_calls(struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms);
size_t batch_limits_bytes(struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms);
/* May calls of this method (method.slot) share? */
bool batch_limits_shares(struct batch_limits *l, unsigned slot, uint64_t now_ms);

/* A batch of so many calls and bytes was refused.  true: less is allowed now than before, or no batches. METHOD is for
 * batch_limits_bar(). */
bool batch_limits_refused(struct batch_limits *l, const struct batch_verdict *v, unsigned calls, size_t bytes,
                          uint64_t now_ms);
/* A batch was answered: its members have their answers, whatever those say. */
void batch_limits_taken(struct batch_limits *l, unsigned calls, size_t bytes, uint64_t now_ms);
/* This method goes alone for a while.  true: it did not before. */
bool batch_limits_bar(struct batch_limits *l, unsigned slot, uint64_t now_ms);

#endif
