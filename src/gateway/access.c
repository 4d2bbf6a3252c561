#include "gateway/access.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/asker.h"
#include "gateway/target.h"

static struct slice *slices(const char *const *v, size_t n, bool *any)
{
    struct slice *out = mem_array(n, sizeof *out);

    for (size_t i = 0; i < n; i++) {
        out[i] = slice_str(v[i]);
        *any |= slice_eq(out[i], SLICE("*"));
    }
    return out;
}

void access_init(struct access *a, const struct config *c)
{
    *a = (struct access){.n_hosts = c->n_hosts, .n_origins = c->n_cors_origins};
    a->hosts = slices(c->hosts, c->n_hosts, &a->any_host);
    a->origins = slices(c->cors_origins, c->n_cors_origins, &a->any_origin);
}

void access_deinit(struct access *a)
{
    free(a->hosts);
    free(a->origins);
    *a = (struct access){0};
}

static struct slice without_port(struct slice host)
{
    const char *colon = host.n && host.p[0] != '[' ? memchr(host.p, ':', host.n) : NULL;
    const char *bracket = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;

    if (colon)
        host.n = (size_t)(colon - host.p);
    else if (bracket)
        host.n = (size_t)(bracket + 1 - host.p);
    return host;
}

static bool one_of(const struct slice *v, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(v[i], s))
            return true;
    return false;
}

bool access_host(const struct access *a, struct slice host)
{
    /* HTTP/1.0 without Host: no browser sends that. */
    return a->any_host || !host.n || one_of(a->hosts, a->n_hosts, without_port(host));
}

bool access_origin(const struct access *a, struct slice origin)
{
    return a->any_origin || one_of(a->origins, a->n_origins, origin);
}

bool access_content_type(struct slice value)
{
    struct slice json = SLICE("application/json");
    const char *semicolon;

    if (slice_eq(value, json))
        return true;
    semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;
    if (semicolon)
        value.n = (size_t)(semicolon - value.p);
    value = slice_trim(value);
    return slice_eq_nocase(value, json) || slice_eq_nocase(value, SLICE("application/json-rpc")) ||
           slice_eq_nocase(value, SLICE("application/jsonrequest"));
}

enum fail access_check(const struct access *a, const struct h1_request *q, const struct target *t)
{
    switch (t->kind) {
    case TARGET_NONE:
        return FAIL_NOT_FOUND;
    case TARGET_UNKNOWN_CHAIN:
        return FAIL_UNKNOWN_CHAIN;
    case TARGET_HEALTH: /* probes come by any name */
    case TARGET_READY:
        return q->method == H1_GET || q->method == H1_HEAD ? FAIL_NONE : FAIL_HTTP_METHOD;
    case TARGET_METRICS:
    case TARGET_STATUS:
    case TARGET_INDEX:
        if (!access_host(a, q->host))
            return FAIL_FORBIDDEN_HOST;
        return q->method == H1_GET || q->method == H1_HEAD ? FAIL_NONE : FAIL_HTTP_METHOD;
    case TARGET_RPC:
        break;
    }
    if (!access_host(a, q->host))
        return FAIL_FORBIDDEN_HOST;
    if (q->origin.p && !access_origin(a, q->origin))
        return FAIL_FORBIDDEN_ORIGIN;
    if (q->method == H1_OPTIONS && q->origin.p)
        return FAIL_NONE;
    if (q->method != H1_POST)
        return FAIL_HTTP_METHOD;
    return access_content_type(q->content_type) ? asker_check(t->chain, q) : FAIL_CONTENT_TYPE;
}
