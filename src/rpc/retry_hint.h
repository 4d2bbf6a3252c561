/* retry_hint.h - what an error says of when to ask again, and how often.  Pure; never allocates.
 *
 * Texts as they are seen: "limit will reset in 60 seconds", "try again in 1.5s", "retry after 30 seconds" (the wait);
 * QuickNode "50/second request limit reached", "credits limited to 6000/sec" (the rate).  Infura puts both into data:
 * {"rate":{"allowed_rps":10.0,"backoff_seconds":30.0}}, once without "rate". */
#ifndef MILLRACE_RPC_RETRY_HINT_H
#define MILLRACE_RPC_RETRY_HINT_H

#include "rpc/error_object.h"

enum { RETRY_HINT_MAX_MS = 86400000 /* a day: quotas are for a day */ };

struct retry_hint {
    int64_t wait_ms;         /* -1: it does not say */
    uint64_t rate_per_1000s; /* calls it allows in 1000 s; 0: it does not say */
    bool units;              /* the rate counts compute units or credits */
};

void retry_hint_read(struct retry_hint *h, const struct error_object *e);

#endif
