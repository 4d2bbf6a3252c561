/* link.h - one upstream connection and the flight on it.  Owned by its upstream's pool. */
#ifndef MILLRACE_GATEWAY_LINK_H
#define MILLRACE_GATEWAY_LINK_H

#include "gateway/upstream.h"
#include "rpc/flight.h"

struct session;
struct stream;

enum { LINK_READ_MAX = 65536 }; /* of a large answer at a time, so that many cannot outrun the bound of their client */

enum link_state { LINK_DIALLING, LINK_IDLE, LINK_BUSY, LINK_CLOSING };

struct link {
    enum link_state state;
    bool stalled; /* not read because its client does not read; in session.stalled by `stall` */
    struct pool_member member;
    struct upstream *upstream;
    struct dial *dial;
    struct stream *stream;
    struct h1_client *http;
    struct flight *flight; /* borrowed; NULL unless busy */
    struct list stall;
    size_t counted_bytes; /* of the answer under way, as counted in its session */
};

void link_dial(struct upstream *u); /* a new link, dialling */
/* Sends f on an idle link that the pool gave (busy there already). <0: nothing was sent, the link is closed, f is
 * untouched. */
int link_send(struct link *k, struct flight *f);
/* Gives up the flight on it: its answer is not wanted any more, and the connection cannot be used again. */
void link_abandon(struct link *k);
void link_close(struct link *k);  /* no flight may be on it */
void link_resume(struct link *k); /* reads again after a stall */
/* Another call of s waits for the flight on it; or one does no more. */
void link_joined(struct link *k, struct session *s);
void link_left(struct link *k, struct session *s);

#endif
