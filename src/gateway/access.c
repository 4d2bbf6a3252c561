#include "gateway/access.h"

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

bool access_host(const struct config *c, struct slice host)
{
    struct slice name = without_port(host);

    if (!host.n) /* HTTP/1.0 without Host: no browser sends that */
        return true;
    for (size_t i = 0; i < c->n_hosts; i++) {
        struct slice allowed = slice_str(c->hosts[i]);

        if (slice_eq(allowed, SLICE("*")) || slice_eq_nocase(allowed, name))
            return true;
    }
    return false;
}

bool access_origin(const struct config *c, struct slice origin)
{
    for (size_t i = 0; i < c->n_cors_origins; i++) {
        struct slice allowed = slice_str(c->cors_origins[i]);

        if (slice_eq(allowed, SLICE("*")) || slice_eq_nocase(allowed, origin))
            return true;
    }
    return false;
}

bool access_content_type(struct slice value)
{
    static const char *const allowed[] = {"application/json", "application/json-rpc", "application/jsonrequest"};
    const char *semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;

    if (semicolon)
        value.n = (size_t)(semicolon - value.p);
    value = slice_trim(value);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (slice_eq_nocase(value, slice_str(allowed[i])))
            return true;
    return false;
}
