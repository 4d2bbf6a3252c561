#include "gateway/asker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/worker.h"

enum fail asker_check(const struct chain *c, const struct h1_request *q)
{
    if (!c->forwards || !q->authorizations)
        return FAIL_NONE;
    if (q->authorizations > 1)
        return FAIL_BAD_AUTHORIZATION;
    switch (scope_check(q->authorization)) {
    case 0:
        return FAIL_NONE;
    case SCOPE_TOO_LONG:
        return FAIL_HEADERS_TOO_LARGE;
    default:
        return FAIL_BAD_AUTHORIZATION;
    }
}

/* What may be said again to who sent it: other bytes than those of a name are not. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i]))
            return false;
    return s.n > 0 && s.n <= 64;
}

static void name_endpoint(struct asker *a, const struct chain *c, struct slice name)
{
    char why[256];

    for (unsigned i = 0; i < c->n_upstreams && c->conf->endpoint_header; i++)
        if (slice_eq(name, slice_str(c->conf->endpoints[i].name)))
            a->named = c->upstreams[i];
    if (a->named)
        return;
    if (!c->conf->endpoint_header)
        snprintf(why, sizeof why, "the chain's endpoint_header is off, so that no request may name its endpoint");
    else if (is_name(name))
        snprintf(why, sizeof why, "no endpoint of chain %s has the name %.*s", c->conf->name, (int)name.n, name.p);
    else
        snprintf(why, sizeof why, "X-Millrace-Endpoint must be the name of an endpoint of chain %s", c->conf->name);
    a->why = mem_strdup(why);
}

void asker_init(struct asker *a, const struct chain *c, const struct h1_request *q)
{
    if (c->forwards && q->authorization.n)
        a->scope = scope_get(&c->worker->scopes, q->authorization);
    if (q->endpoint.p)
        name_endpoint(a, c, q->endpoint);
}

void asker_deinit(struct asker *a)
{
    a->scope = scope_unref(a->scope);
    free(a->why);
}
