#include "http/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "http/field.h"

enum { MAX_HOST = 253 }; /* of a DNS name in text form */

static bool read_scheme(struct url *u, struct slice *text)
{
    if (text->n >= 7 && field_same(text->p, "http://", 7)) {
        *text = slice_of(text->p + 7, text->n - 7);
        return true;
    }
    if (text->n >= 8 && field_same(text->p, "https://", 8)) {
        u->tls = true;
        *text = slice_of(text->p + 8, text->n - 8);
        return true;
    }
    return false;
}

static bool bytes_good(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!byte_is(text.p[i], BYTE_TARGET))
            return false;
    return true;
}

/* "user:password", percent-decoded.  A colon inside the user's name could not be told from the separator in a Basic
 * credential (RFC 7617 section 2), and a control byte has no place in it. */
static int read_userinfo(struct url *u, struct slice s)
{
    bool in_password = false;
    char *out;
    size_t n = 0;

    if (s.n == 0 || slice_eq(s, SLICE(":")))
        return 0;
    out = u->userinfo = mem_zero(s.n + 2);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return URL_BAD_BYTE;
            c = (char)(high << 4 | low);
            i += 2;
            if ((unsigned char)c < 0x20 || c == 0x7f || (c == ':' && !in_password))
                return URL_BAD_BYTE;
        } else if (c == ':') {
            in_password = true;
        }
        out[n++] = c;
    }
    if (!in_password)
        out[n] = ':';
    return 0;
}

static int read_host(struct url *u, struct slice s)
{
    if (s.n && s.p[0] == '[') {
        unsigned char address[16];

        if (s.n < 3 || s.p[s.n - 1] != ']' || s.n - 2 >= INET6_ADDRSTRLEN)
            return URL_BAD_HOST;
        u->host = mem_strndup(s.p + 1, s.n - 2);
        if (inet_pton(AF_INET6, u->host, address) != 1)
            return URL_BAD_HOST;
    } else {
        if (s.n == 0 || s.n > MAX_HOST || s.p[0] == '.' || s.p[0] == '-')
            return URL_BAD_HOST;
        for (size_t i = 0; i < s.n; i++)
            if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
                (s.p[i] != '.' || s.p[i - 1] == '.'))
                return URL_BAD_HOST;
        u->host = mem_strndup(s.p, s.n);
    }
    for (char *p = u->host; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return 0;
}

static int read_port(struct url *u, struct slice s)
{
    unsigned port = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return URL_BAD_PORT;
        port = port * 10 + (unsigned)(s.p[i] - '0');
        if (port > 65535)
            return URL_BAD_PORT;
    }
    if (port == 0)
        return URL_BAD_PORT;
    u->port = (uint16_t)port;
    return 0;
}

static unsigned default_port(const struct url *u)
{
    return u->tls ? 443 : 80;
}

static int read_authority(struct url *u, struct slice s)
{
    const char *mark = memchr(s.p, '@', s.n);
    struct slice port = {NULL, 0};
    size_t n;
    int r = 0;

    if (mark) {
        r = read_userinfo(u, slice_of(s.p, (size_t)(mark - s.p)));
        s = slice_of(mark + 1, s.n - (size_t)(mark - s.p) - 1);
    }
    if (r)
        return r;
    mark = s.n && s.p[0] == '[' ? memchr(s.p, ']', s.n) : s.p;
    if (!mark)
        return URL_BAD_HOST;
    mark = memchr(mark, ':', s.n - (size_t)(mark - s.p));
    n = mark ? (size_t)(mark - s.p) : s.n;
    if (mark)
        port = slice_of(mark + 1, s.n - n - 1);
    r = read_host(u, slice_of(s.p, n));
    if (r == 0 && mark)
        r = read_port(u, port);
    return r;
}

/* Brackets around an address of IPv6. */
static bool needs_brackets(const struct url *u)
{
    return strchr(u->host, ':') != NULL;
}

static void make_host_header(struct url *u)
{
    size_t cap = strlen(u->host) + sizeof "[]:65535";
    const char *open = needs_brackets(u) ? "[" : "", *close = *open ? "]" : "";

    u->host_header = mem_zero(cap);
    if (u->port == default_port(u))
        snprintf(u->host_header, cap, "%s%s%s", open, u->host, close);
    else
        snprintf(u->host_header, cap, "%s%s%s:%u", open, u->host, close, (unsigned)u->port);
}

int url_parse(struct url *u, struct slice text)
{
    size_t n = 0;
    int r;

    *u = (struct url){0};
    if (!bytes_good(text))
        return URL_BAD_BYTE;
    if (!read_scheme(u, &text))
        return URL_BAD_SCHEME;
    u->port = (uint16_t)default_port(u);
    while (n < text.n && text.p[n] != '/' && text.p[n] != '?')
        n++;
    r = read_authority(u, slice_of(text.p, n));
    if (r) {
        url_deinit(u);
        return r;
    }
    make_host_header(u);
    /* A query right after the authority still needs its path. */
    u->target = mem_zero(text.n - n + 2);
    if (n == text.n || text.p[n] == '?')
        u->target[0] = '/';
    memcpy(u->target + strlen(u->target), text.p + n, text.n - n);
    return 0;
}

void url_deinit(struct url *u)
{
    free(u->host);
    free(u->host_header);
    free(u->target);
    free(u->userinfo);
    *u = (struct url){0};
}

char *url_redacted(const struct url *u, char *out, size_t cap)
{
    bool ip6 = needs_brackets(u);

    if (cap)
        snprintf(out, cap, "http%s://%s%s%s:%u/...", u->tls ? "s" : "", ip6 ? "[" : "", u->host, ip6 ? "]" : "",
                 (unsigned)u->port);
    return out;
}
