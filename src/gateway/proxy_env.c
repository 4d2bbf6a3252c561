#include "gateway/proxy_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

static const char *env(const char *lower, const char *upper)
{
    const char *v = getenv(lower);

    if (!v || !*v)
        v = getenv(upper);
    return v && *v ? v : NULL;
}

/* NO_PROXY: names separated by commas; a name covers its subdomains, a leading dot or none; "*" covers all; a port may
 * follow. */
static bool no_proxy_covers(const char *list, const struct url *url)
{
    char port[8];
    struct slice host = slice_str(url->host);

    snprintf(port, sizeof port, "%u", url->port);
    while (*list) {
        size_t n = strcspn(list, ", ");
        struct slice name = slice_of(list, n);
        const char *colon = memrchr(list, ':', n);

        list += n + strspn(list + n, ", ");
        if (colon && memchr(name.p, ':', name.n) == colon) { /* not an IPv6 literal */
            if (!slice_eq(slice_of(colon + 1, (size_t)(name.p + name.n - colon - 1)), slice_str(port)))
                continue;
            name.n = (size_t)(colon - name.p);
        }
        if (slice_eq(name, SLICE("*")))
            return true;
        if (name.n && name.p[0] == '.')
            name = slice_of(name.p + 1, name.n - 1);
        if (!name.n || name.n > host.n)
            continue;
        if (slice_eq_nocase(slice_of(host.p + host.n - name.n, name.n), name) &&
            (name.n == host.n || host.p[host.n - name.n - 1] == '.'))
            return true;
    }
    return false;
}

enum proxy_choice proxy_resolve(struct url *out, const char *configured, const struct url *url)
{
    const char *proxy = configured;
    char with_scheme[1024];

    if (strcmp(proxy, "none") == 0)
        return PROXY_DIRECT;
    if (!*proxy) {
        const char *no = env("no_proxy", "NO_PROXY");

        proxy = url->tls ? env("https_proxy", "HTTPS_PROXY") : env("http_proxy", "HTTP_PROXY");
        if (!proxy)
            proxy = env("all_proxy", "ALL_PROXY");
        if (!proxy || (no && no_proxy_covers(no, url)))
            return PROXY_DIRECT;
    }
    if (!strstr(proxy, "://")) {
        if ((size_t)snprintf(with_scheme, sizeof with_scheme, "http://%s", proxy) >= sizeof with_scheme)
            return PROXY_BAD;
        proxy = with_scheme;
    }
    if (url_parse(out, slice_str(proxy)))
        return PROXY_BAD;
    if (out->tls) { /* only plain connections to the proxy itself */
        url_deinit(out);
        *out = (struct url){0};
        return PROXY_BAD;
    }
    return PROXY_USED;
}

char *proxy_authorization(const struct url *proxy)
{
    char *code, *v;
    size_t n;

    if (!proxy->userinfo)
        return NULL;
    code = base64_encode(slice_str(proxy->userinfo));
    n = strlen(code) + sizeof "Basic ";
    v = mem_zero(n);
    snprintf(v, n, "Basic %s", code);
    free(code);
    return v;
}

char *proxy_connect_target(const struct url *url)
{
    size_t n = strlen(url->host) + 16;
    char *v = mem_zero(n);

    snprintf(v, n, strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
    return v;
}
