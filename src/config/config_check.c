#include "config/config_check.h"

#include <ctype.h>

#include "base/base58.h"
#include "base/slice.h"
#include "http/url.h"
#include "io/listener.h"

static bool only(const char *s, const char *also)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr(also, *s))
            return false;
    return true;
}

const char *config_check_address(const char *value)
{
    return listener_address_check(value) ? "must be IPv4:PORT, [IPv6]:PORT, localhost:PORT or unix:/path" : NULL;
}

const char *config_check_host(const char *value)
{
    static const char reason[] = "must be a host name or address without a port, or \"*\"";
    size_t n = strlen(value);

    if (strcmp(value, "*") == 0)
        return NULL;
    if (value[0] == '[') {
        bool good = n > 2 && value[n - 1] == ']' && strspn(value + 1, "0123456789abcdefABCDEF:.") == n - 2;

        return good ? NULL : reason;
    }
    return n && n <= 253 && only(value, "-._") ? NULL : reason;
}

const char *config_check_origin(const char *value)
{
    static const char reason[] = "must be an origin such as https://app.example, or \"*\"";
    const char *host = strstr(value, "://");

    if (strcmp(value, "*") == 0 || strcmp(value, "null") == 0)
        return NULL;
    if (!host || host == value || !host[3] || strlen(value) > 512)
        return reason;
    for (const char *p = value; p < host; p++)
        if (!isalnum((unsigned char)*p) && !strchr("+-.", *p))
            return reason;
    return only(host + 3, "-._:[]") ? NULL : reason;
}

const char *config_check_chain_name(const char *value)
{
    static const char *const taken[] = {"healthz", "readyz", "metrics", "status"};
    size_t n = strlen(value);

    if (n < 1 || n > 32 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
        return "the name must be 1..32 of a-z, 0-9, '_' and '-'";
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(value, taken[i]) == 0)
            return "the name must not be healthz, readyz, metrics or status: the gateway's own paths";
    return NULL;
}

const char *config_check_genesis_hash(const char *value)
{
    uint8_t hash[33];

    if (!*value || base58_decode(hash, sizeof hash, slice_str(value)) == 32)
        return NULL;
    return "must be 32 bytes in base58";
}

const char *config_check_endpoint_name(const char *value)
{
    return only(value, "._-") ? NULL : "must be of A-Z, a-z, 0-9, '.', '_' and '-'";
}

const char *config_check_method(const char *value)
{
    size_t n = strlen(value), end = n && value[n - 1] == '*' ? n - 1 : n;

    for (size_t i = 0; i < end; i++)
        if (!isalnum((unsigned char)value[i]) && !strchr("_.-", value[i]))
            n = 0;
    return n >= 1 && n <= 128 ? NULL : "the name must be a method, or a method's beginning and '*'";
}

const char *config_check_url(const char *value)
{
    struct url u;

    switch (url_parse(&u, slice_str(value))) {
    case 0:
        url_deinit(&u);
        return NULL;
    case URL_BAD_SCHEME:
        return "must begin with http:// or https://";
    case URL_BAD_HOST:
        return "must have a valid host";
    case URL_BAD_PORT:
        return "must have a port of 1..65535, or none";
    default:
        return "must not have spaces, control or non-ASCII bytes, nor a fragment (#)";
    }
}

const char *config_check_proxy(const char *value)
{
    if (!*value || strcmp(value, "none") == 0)
        return NULL;
    return strncasecmp(value, "http://", 7) == 0 ? config_check_url(value) : "must be an http:// URL, \"\" or \"none\"";
}

const char *config_check_server_name(const char *value)
{
    return only(value, ".-_:") ? NULL : "must be a host name";
}

const char *config_check_header_name(const char *value)
{
    /* What frames a message or belongs to one hop is ours to say; so are the fields that other keys decide. */
    static const char *const ours[] = {"host",
                                       "content-length",
                                       "transfer-encoding",
                                       "connection",
                                       "keep-alive",
                                       "proxy-connection",
                                       "proxy-authorization",
                                       "te",
                                       "trailer",
                                       "upgrade",
                                       "expect",
                                       "content-type",
                                       "content-encoding",
                                       "accept-encoding"};

    if (!*value || strlen(value) > 256 || !only(value, "!#$%&'*+-.^_`|~"))
        return "the name must be an HTTP field name";
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (slice_eq_nocase(slice_str(value), slice_str(ours[i])))
            return "the gateway sets this field itself";
    return NULL;
}

const char *config_check_text(const char *value)
{
    size_t n = strlen(value);

    for (size_t i = 0; i < n; i++)
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
            return "must not have control bytes";
    if (n && (strchr(" \t", value[0]) || strchr(" \t", value[n - 1])))
        return "must not begin or end with a space";
    return NULL;
}

const char *config_check_token(const char *value)
{
    for (; *value; value++)
        if (*value <= ' ' || *value > '~')
            return "must be of visible ASCII characters";
    return NULL;
}

const char *config_check_user(const char *value)
{
    return strchr(value, ':') ? "must not have a ':'" : NULL;
}

const char *config_check_query_name(const char *value)
{
    return *value && only(value, "-._~") ? NULL : "the name must be of A-Z, a-z, 0-9, '-', '.', '_' and '~'";
}
