/* retry_hint.h - what an error says of when to ask again.  Pure; never allocates.
 *
 * Texts as they are seen: "limit will reset in 60 seconds", "try again in 1.5s", "retry after 30 seconds".  Infura puts
 * it into data: {"rate":{"allowed_rps":10.0,"backoff_seconds":30.0}}, once without "rate". */
#ifndef MILLRACE_RPC_RETRY_HINT_H
#define MILLRACE_RPC_RETRY_HINT_H

#include "rpc/error_object.h"

enum { RETRY_HINT_MAX_MS = 86400000 /* a day: quotas are for a day */ };

/* Milliseconds; -1: it does not say. */
int64_t retry_hint_ms(const struct error_object *e);

#endif
