/* dial.h - outgoing connections: names to addresses (cached), happy eyeballs (RFC 8305), HTTP CONNECT, TLS handshake.
 * One dialer per worker holds the address cache.  A dial ends in exactly one callback, unless it is cancelled before.
 */
#ifndef MILLRACE_IO_DIAL_H
#define MILLRACE_IO_DIAL_H

#include <stdint.h>

#include "io/stream.h"
#include "io/tls.h"

enum dial_family { DIAL_ANY, DIAL_V4, DIAL_V6 };
enum dial_phase { DIAL_DNS, DIAL_CONNECT, DIAL_PROXY, DIAL_TLS };

struct dial_target { /* borrowed until the dial ends */
    const char *host;
    uint16_t port;
    enum dial_family family;
    uint64_t dns_ttl_ms;    /* how long a resolved name is trusted; a failed lookup for at most 1 s */
    struct tls *tls;        /* NULL: plain */
    const char *proxy_host; /* NULL: direct */
    uint16_t proxy_port;
    const char *proxy_auth;     /* value for Proxy-Authorization, or NULL: a secret */
    const char *connect_target; /* with a proxy: "host:port" for CONNECT */
    uint64_t timeout_ms;        /* for all of it, TLS handshake included */
};

struct dial_result {
    int status;            /* 0, or <0 */
    enum dial_phase phase; /* where it failed */
    char text[160]; /* what failed, for people; no URL path, no secret: "certificate has expired", "connection refused"
                     */
    struct stream *stream;               /* on success; the callback's owner now owns it (not reading yet, no ops) */
    uint32_t dns_us, connect_us, tls_us; /* how long each part took; 0 when it was not needed */
    bool tls_resumed;
};

struct dialer;
struct dial;

struct dialer *dialer_new(struct loop *loop); /* never NULL */
struct dialer *dialer_free(struct dialer *d); /* no dial may be under way */

/* The result (and its text) is good only inside the callback, which never comes from inside dial_start. */
struct dial *dial_start(struct dialer *d, const struct dial_target *t, void (*done)(void *owner, struct dial_result *r),
                        void *owner);
struct dial *dial_cancel(struct dial *d); /* no callback after; returns NULL */

#endif
