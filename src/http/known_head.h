/* known_head.h - the last head that was accepted, but for the digits of its Content-Length.  By value; nothing to free.
 * Pure.  What the head says is kept by whoever read it. */
#ifndef MILLRACE_HTTP_KNOWN_HEAD_H
#define MILLRACE_HTTP_KNOWN_HEAD_H

#include <stdint.h>
#include <string.h>

#include "base/slice.h"
#include "http/field.h"

enum {
    KNOWN_HEAD_BYTES = 512, /* a longer one is not remembered */
    KNOWN_HEAD_DIGITS = 20  /* at most, for a head to be the same */
};

struct known_head {
    size_t n;  /* 0: none */
    size_t at; /* where the digits stood */
    char text[KNOWN_HEAD_BYTES];
};

/* digits: those of its Content-Length, inside the head. */
void known_head_set(struct known_head *k, struct slice head, struct slice digits);

/* How long the head is that `bytes` begin with, when that is `before`, the digits of a length, and `after`; else 0.
 * Inline: once for each request and each answer. */
static inline size_t known_head_same(struct slice before, struct slice after, struct slice bytes, uint64_t *length)
{
    const char *p = bytes.p;
    size_t at = before.n, end = at;

    if (bytes.n <= at + after.n || memcmp(p, before.p, at) != 0)
        return 0;
    while (end < bytes.n && end - at < KNOWN_HEAD_DIGITS && (unsigned char)(p[end] - '0') < 10)
        end++;
    if (bytes.n - end < after.n || memcmp(p + end, after.p, after.n) != 0 ||
        !field_length(slice_of(p + at, end - at), length))
        return 0;
    return end + after.n;
}

/* How long the head is that `bytes` begin with, when it is the known one but for its length; else 0. */
size_t known_head_match(const struct known_head *k, struct slice bytes, uint64_t *length);

#endif
