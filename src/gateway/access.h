/* access.h - who may talk to us, judged by a request's head: Host against DNS rebinding, Origin against foreign pages,
 * and Content-Type so that no page can post JSON-RPC without a preflight.  Pure. */
#ifndef MILLRACE_GATEWAY_ACCESS_H
#define MILLRACE_GATEWAY_ACCESS_H

#include "base/fail.h"
#include "config/config.h"
#include "http/h1_server.h"

struct access { /* borrows the configuration's strings */
    struct slice *hosts, *origins;
    size_t n_hosts, n_origins;
    bool any_host, any_origin;
};

void access_init(struct access *a, const struct config *c);
void access_deinit(struct access *a);

bool access_host(const struct access *a, struct slice host);     /* host as in the field, port and all */
bool access_origin(const struct access *a, struct slice origin); /* an Origin that is there */
bool access_content_type(struct slice value);                    /* geth's list (rpc/http.go), parameters allowed */

struct target;

/* What a request for t is refused for before its body matters; FAIL_NONE: it is welcome. */
enum fail access_check(const struct access *a, const struct h1_request *q, const struct target *t);

#endif
