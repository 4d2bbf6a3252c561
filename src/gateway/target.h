/* target.h - what a request's path asks for (design: the routes of the service and the admin port).  Pure. */
#ifndef MILLRACE_GATEWAY_TARGET_H
#define MILLRACE_GATEWAY_TARGET_H

#include "base/fail.h"
#include "base/slice.h"

struct chain;
struct h1_request;
struct session;
struct worker;

enum target_kind {
    TARGET_NONE,          /* no such path */
    TARGET_UNKNOWN_CHAIN, /* /{chain} or /readyz/{chain} names none */
    TARGET_RPC,           /* POST / and /{chain} */
    TARGET_HEALTH,
    TARGET_READY, /* chain NULL: all of them */
    TARGET_METRICS,
    TARGET_STATUS,
    TARGET_INDEX
};

struct target {
    enum target_kind kind;
    struct chain *chain;
};

struct target target_find(const struct worker *w, bool admin, struct slice path);

/* The same for a whole request, and whether it is welcome there; FAIL_NONE: it is.  A head that was welcome on the
 * service port once is welcome when it comes again: its tag says to which chain. */
enum fail target_recognize(struct session *s, const struct h1_request *q, struct target *t);

#endif
