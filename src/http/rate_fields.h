/* rate_fields.h - what the fields of a response say of the server's rate limit.  By value; pure; nothing to free.
 *
 * Retry-After (RFC 9110 section 10.2.3): seconds, or a date.  The x-ratelimit family has no standard: -limit,
 * -remaining and -reset as Helius, Triton and most gateways (Kong, Envoy) send them, with or without "x-", as
 * "ratelimit" or "rate-limit"; for one method as api.mainnet-beta.solana.com sends them (-method-limit,
 * -method-remaining).  A reset is in seconds from now, or in seconds or milliseconds since 1970: its size tells.
 *
 * A field's bytes are the server's: what is no number is ignored, and no wait is longer than RATE_FIELDS_MAX_MS. */
#ifndef MILLRACE_HTTP_RATE_FIELDS_H
#define MILLRACE_HTTP_RATE_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { RATE_FIELDS_MAX_MS = 86400000 /* a day: quotas are for a day */ };

/* -1: not said. */
struct rate_fields {
    int64_t retry_after_ms; /* from now */
    int64_t reset_ms;       /* from now until what remains is full again */
    int64_t limit, remaining;
    int64_t method_limit, method_remaining; /* of the method that was asked */
};

void rate_fields_init(struct rate_fields *f);

/* One field.  now_ms: milliseconds since 1970, for dates.  false: it is none of these. */
bool rate_fields_take(struct rate_fields *f, struct slice name, struct slice value, int64_t now_ms);

/* Lines as struct h1_response has them. */
void rate_fields_read(struct rate_fields *f, struct slice lines, int64_t now_ms);

/* Worth a call of rate_fields_take?  Cheap enough to ask of every field of every response. */
static inline bool rate_fields_may_be(struct slice name)
{
    char c = name.n ? (char)(name.p[0] | 0x20) : '\0';

    return name.n >= 11 && (c == 'r' || (c == 'x' && (name.p[2] | 0x20) == 'r'));
}

/* How long to leave the endpoint alone, in ms: Retry-After, else the reset when nothing remains; -1: it does not say.
 */
int64_t rate_fields_wait_ms(const struct rate_fields *f);

/* Is it the method's own limit that is used up, and not that of the endpoint? */
static inline bool rate_fields_method_only(const struct rate_fields *f)
{
    return f->method_remaining == 0 && f->remaining != 0;
}

enum { RATE_LINES_MAX = 2048 /* bytes of such lines that are worth keeping */ };

/* Keeps a whole line; one that does not fit is not kept.  Returns all that b holds. */
struct slice rate_line_keep(struct buf *b, struct slice line);

#endif
