/* tunnel.h - HTTP CONNECT through a proxy.  By value in its dial; borrows the stream, whose owner it is meanwhile. */
#ifndef MILLRACE_IO_TUNNEL_H
#define MILLRACE_IO_TUNNEL_H

#include "base/buf.h"
#include "io/stream.h"

enum { TUNNEL_HEAD_BYTES = 8192 };
enum { TUNNEL_MORE = 1 };

struct tunnel {
    struct stream *s;
    struct buf head;
    /* Once, from the loop: status 0, or <0 with why. */
    void (*done)(struct tunnel *t, int status, const char *text);
};

/* target: "host:port"; auth: the value of Proxy-Authorization, or NULL.  0 or <0 (then done never comes). */
int tunnel_start(struct tunnel *t, struct stream *s, const char *target, const char *auth,
                 void (*done)(struct tunnel *t, int status, const char *text));
void tunnel_deinit(struct tunnel *t); /* fine on a zeroed one; the stream is without owner after */

/* Pure.  What the bytes so far say: 0 and the status of the proxy, TUNNEL_MORE, or -EPROTO. */
int tunnel_parse(struct slice head, unsigned *http_status);

#endif
