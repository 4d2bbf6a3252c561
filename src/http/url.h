/* url.h - http and https URLs of endpoints and proxies (RFC 3986), into parts.  Owns copies; url_deinit frees. */
#ifndef MILLRACE_HTTP_URL_H
#define MILLRACE_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    URL_BAD_SCHEME = 1, /* not http:// or https:// */
    URL_BAD_HOST,
    URL_BAD_PORT,
    URL_BAD_BYTE /* space, control or non-ASCII byte, or a fragment */
};

struct url {
    bool tls;
    uint16_t port;     /* 80 or 443 when the URL names none */
    char *host;        /* lower case; an IPv6 address without brackets */
    char *host_header; /* as it belongs into a Host field: brackets for IPv6, the port unless it is the default */
    char *target;      /* path and query, at least "/" : may hold a secret */
    char *userinfo;    /* decoded "user:password", or NULL */
};

int url_parse(struct url *u, struct slice text); /* 0, or an outcome above; on failure nothing is owned */
void url_deinit(struct url *u);

/* "https://host:port/..." : what a log or page may show.  Path, query and userinfo never appear. Returns out. */
char *url_redacted(const struct url *u, char *out, size_t cap);

#endif
