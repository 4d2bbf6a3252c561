/* secrets.h - the credentials of one endpoint, to be found in texts that come from it: an endpoint, or a proxy before
 * it, that repeats what it was sent in an error must not hand it to our clients or our log.  By value in its endpoint;
 * owns copies.  Pure.
 *
 * What counts as one: what Authorization says, tokens and passwords as they are and as they travel, and of other
 * fields, the path and the query what looks like a key: at least SECRETS_MIN_PART bytes with a digit. Nothing shorter
 * than SECRETS_MIN: it would be found in texts that mean something else. */
#ifndef MILLRACE_UPSTREAM_SECRETS_H
#define MILLRACE_UPSTREAM_SECRETS_H

#include "base/slice.h"

enum { SECRETS_MAX = 80, SECRETS_MIN = 8, SECRETS_MIN_PART = 12 };

struct secrets {
    struct slice v[SECRETS_MAX]; /* owned */
    unsigned n;
};

void secrets_clear(struct secrets *s);
void secrets_deinit(struct secrets *s);                   /* overwrites them */
void secrets_add(struct secrets *s, struct slice secret); /* NULL and short ones are left out */
void secrets_drop_oldest(struct secrets *s);              /* fine when there is none */
/* All that are in the head of a request. */
void secrets_add_head(struct secrets *s, struct slice head);

/* Overwrites one with '*', in place, wherever it is in text, be it in escapes of JSON; nothing when it is short. */
void secrets_star(struct slice text, struct slice secret);
/* Overwrites each with '*', in place: text is in memory of ours that may be written. */
void secrets_scrub(const struct secrets *s, struct slice text);

#endif
