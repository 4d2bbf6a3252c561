/* limiter_text.h - what a limiter holds against an endpoint now, for people.  Pure: the caller passes the time. */
#ifndef MILLRACE_UPSTREAM_LIMITER_TEXT_H
#define MILLRACE_UPSTREAM_LIMITER_TEXT_H

#include "base/buf.h"
#include "upstream/limiter.h"

/* "540 of 1000 requests/s (refused 12 s ago), left alone for 3 s, eth_getLogs for 5 s, quota spent (new in 3600 s)";
 * nothing when nothing was learned and nothing is paused.  0 or the error of buf.h. */
int limiter_text(const struct limiter *l, uint64_t now_us, struct buf *out);

#endif
