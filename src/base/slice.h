/* slice.h - a borrowed run of bytes.  Never owns, never NUL-terminated by contract.
 * A slice is good until its owner says otherwise; most point into a read buffer and die with the event. */
#ifndef MILLRACE_BASE_SLICE_H
#define MILLRACE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *p;
    size_t n;
};

/* A slice over a string literal. */
#define SLICE(lit) ((struct slice){(lit), sizeof(lit) - 1})

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case folding only, as HTTP field names and codings want it (RFC 9110 section 5.1). */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || (((a.p[0] ^ b.p[0]) & ~0x20) == 0 && strncasecmp(a.p, b.p, a.n) == 0));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
    return a.n >= prefix.n && memcmp(a.p, prefix.p, prefix.n) == 0;
}

/* Without spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3). */
static inline struct slice slice_trim(struct slice a)
{
    while (a.n && (a.p[0] == ' ' || a.p[0] == '\t'))
        a.p++, a.n--;
    while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
        a.n--;
    return a;
}

#endif
