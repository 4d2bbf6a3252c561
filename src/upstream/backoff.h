/* backoff.h - leaves an endpoint alone for a while after it could not be connected.  By value; pure.
 * The pause doubles from 100 ms to 5 s and ends with the first success. */
#ifndef MILLRACE_UPSTREAM_BACKOFF_H
#define MILLRACE_UPSTREAM_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 5000 };

struct backoff {
    uint64_t until_ms; /* 0: not backing off */
    unsigned failures; /* in a row */
};

void backoff_failed(struct backoff *b, uint64_t now_ms);
void backoff_succeeded(struct backoff *b);

static inline bool backoff_active(const struct backoff *b, uint64_t now_ms)
{
    return now_ms < b->until_ms;
}

#endif
