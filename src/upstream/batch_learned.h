/* batch_learned.h - what batch_limits holds against an endpoint now, for people and for numbers.  Pure: looks at a
 * copy, the caller passes the time. */
#ifndef MILLRACE_UPSTREAM_BATCH_LEARNED_H
#define MILLRACE_UPSTREAM_BATCH_LEARNED_H

#include "base/buf.h"
#include "upstream/batch_limits.h"

struct batch_now {
    unsigned calls;  /* in one request; 1: no batches */
    size_t bytes;    /* of its body */
    bool shares;     /* calls may share a request, as configured and as learned */
    unsigned barred; /* methods that go alone */
};

struct batch_now batch_now(const struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms);

/* "at most 25 calls (more in 42 s), eth_call alone (55 s)"; nothing when nothing is learned.  0 or the error
 * of buf.h. */
int batch_learned(const struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms, struct buf *out);

#endif
