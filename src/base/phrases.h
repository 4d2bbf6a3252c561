/* phrases.h - which phrases of a fixed set a text holds: all are found in one pass.  The set is made once, borrows its
 * words, is constant from then on and may be shared.  Pure; never allocates.
 *
 * Text and phrases are in lower case. A pass looks closer only where a phrase may begin, so a text of usual length (a
 * hundred bytes) costs a fraction of a microsecond, whatever the number of phrases. */
#ifndef MILLRACE_BASE_PHRASES_H
#define MILLRACE_BASE_PHRASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    PHRASES_MAX = 512,
    PHRASES_SHORTEST = 4, /* bytes; an empty phrase is never found */
    PHRASES_BUCKETS = 1024
};

enum phrases_where {
    PHRASES_AT_WORDS, /* no letter stands before: "rate limit" is in "over rate limit", "limited to" not in "unlimited
                         to" */
    PHRASES_ANYWHERE
};

struct phrases {
    const struct slice *words;
    unsigned n;
    enum phrases_where where;
    uint16_t head[PHRASES_BUCKETS]; /* by the first four bytes: 1 + the index of a phrase; 0: none */
    uint16_t next[PHRASES_MAX];
};

struct phrases_found {
    uint64_t bits[PHRASES_MAX / 64];
};

void phrases_init(struct phrases *s, const struct slice *words, unsigned n, enum phrases_where where);
void phrases_find(const struct phrases *s, struct slice text, struct phrases_found *found);

static inline bool phrases_has(const struct phrases_found *found, unsigned i)
{
    return found->bits[i / 64] >> i % 64 & 1;
}

/* ASCII only, in place. */
void phrases_lower(char *p, size_t n);

#endif
