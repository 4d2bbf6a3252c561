/* scope.h - a credential scope: what a client's own Authorization says, where an endpoint gets that instead of a
 * credential of ours.  Calls of different scopes share nothing: no flight, kept answer, broadcast, filter or batch.
 *
 * There is one struct for each text in use, so that equal scopes are equal pointers; the text was compared whole when
 * it was looked up.  NULL is the scope of clients that send none.  Shared by references; the bytes are a secret, and
 * are overwritten when the last one is given back.  The table is the worker's.  Pure. */
#ifndef MILLRACE_RPC_SCOPE_H
#define MILLRACE_RPC_SCOPE_H

#include "base/hash.h"
#include "base/slice.h"

enum { SCOPE_MAX_BYTES = 4096 /* of the field's value: servers take heads of 8 KiB, and a flight may hold one each */ };

struct scope {
    struct scope *next; /* in its slot */
    struct scopes *of;
    uint64_t hash;
    unsigned refs;
    unsigned n;
    char text[]; /* no control bytes */
};

struct scopes {
    struct hash_secret secret;
    struct scope **slots;
    size_t mask, n;
};

void scopes_init(struct scopes *t, const struct hash_secret *secret);
void scopes_deinit(struct scopes *t); /* asserts that none is in use */

/* What may be forwarded.  A scheme that authenticates the connection instead of the request (NTLM; Negotiate, RFC 4559
 * section 6) may not: the connection carries the calls of others next. */
enum { SCOPE_TOO_LONG = 1, SCOPE_BINDS_CONNECTION };
int scope_check(struct slice authorization);

struct scope *scope_get(struct scopes *t, struct slice authorization); /* a reference */
struct scope *scope_ref(struct scope *s);                              /* NULL is fine */
struct scope *scope_unref(struct scope *s);                            /* NULL is fine; returns NULL */

static inline struct slice scope_text(const struct scope *s)
{
    return slice_of(s->text, s->n);
}

#endif
