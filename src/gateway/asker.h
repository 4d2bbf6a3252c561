/* asker.h - what the head of an HTTP request says for all the calls in its body: the credential scope of its client,
 * and the one endpoint that it wants them to go to.  By value in its exchange; nothing, where neither was said.
 *
 * The scope is there only on a chain with an endpoint that forwards Authorization (forward_authorization): elsewhere
 * the field is not looked at.  A connection to such an endpoint carries the requests of all scopes, one after the
 * other: HTTP authorises each request by itself (RFC 9110 section 11), and schemes that do not are refused
 * (rpc/scope.h). */
#ifndef MILLRACE_GATEWAY_ASKER_H
#define MILLRACE_GATEWAY_ASKER_H

#include "base/fail.h"
#include "rpc/scope.h"

struct chain;
struct h1_request;
struct upstream;

struct asker {
    struct scope *scope;    /* a reference; NULL: none */
    struct upstream *named; /* NULL: any endpoint may be asked */
    char *why;              /* owned: an endpoint was named that cannot be had; no call is asked anywhere */
};

/* What q is refused for before its body matters; FAIL_NONE: it is welcome. */
enum fail asker_check(const struct chain *c, const struct h1_request *q);
void asker_init(struct asker *a, const struct chain *c, const struct h1_request *q); /* zeroed; q passed the check */
void asker_deinit(struct asker *a);

#endif
