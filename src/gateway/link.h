/* link.h - one upstream connection and the flights on it.  Owned by its upstream's pool. */
#ifndef MILLRACE_GATEWAY_LINK_H
#define MILLRACE_GATEWAY_LINK_H

#include "gateway/upstream.h"
#include "rpc/flight.h"

struct gather;
struct scope;
struct session;
struct stream;

enum {
    LINK_READ_MAX = 65536 /* of a large answer at a time, so that many cannot outrun the bound of their client */
};

struct seat {
    struct flight *flight; /* borrowed; NULL: it was answered, or left */
    uint64_t id;
};

enum link_state { LINK_DIALLING, LINK_IDLE, LINK_BUSY, LINK_CLOSING };

struct link {
    enum link_state state;
    bool stalled; /* not read because its clients do not read; in session.stalled or worker.stalled by `stall` */
    bool delayed; /* it was, since its request left: what comes late is not its endpoint's fault */
    bool pressed; /* its answer is read to the end, though there is no room for it */
    struct pool_member member;
    struct upstream *upstream;
    struct dial *dial;
    struct stream *stream;
    struct h1_client *http;
    struct seat *seats; /* of the request under way; `one`, or owned */
    unsigned n_seats, n_aboard, seats_cap;
    struct seat one;
    size_t body_bytes;   /* of a request with several calls */
    uint64_t generation; /* of the credential that its last request carried */
    bool solo;           /* counted in upstream.n_busy_solo */
    struct list stall;
    size_t counted_bytes; /* of the answer under way, as counted for each of its flights with each who waits */
};

void link_dial(struct upstream *u); /* a new link, dialling */
/* Sends them in one request on an idle link that the pool gave (busy there already). <0: nothing was sent, the link is
 * closed, the flights are untouched. */
int link_send(struct link *k, struct flight *const *v, unsigned n);
/* Gives up a flight on a link: its answer is not wanted any more.  The connection cannot be used again when it was the
 * last one. */
void link_abandon(struct flight *f);
/* `to`, which is on no link, takes the seat of `from`, and what is counted there. */
void link_change_seat(struct flight *from, struct flight *to);
/* Part of its answer is there. */
bool link_began(const struct link *k);
/* What the modules of a link share: f leaves its seat; all leave, into `out` by flight.queued. */
void link_detach(struct link *k, struct flight *f);
void link_detach_all(struct link *k, struct list *out);
/* The flight of a request with only one; NULL: it has several. */
static inline struct flight *link_sole(const struct link *k)
{
    return k->n_seats == 1 ? k->seats[0].flight : NULL;
}
void link_close(struct link *k);  /* no flight may be on it */
void link_resume(struct link *k); /* reads again after a stall */
void link_press(struct link *k);  /* the same, and it does not stall before the answer is there */
/* Gives up an answer that is being read, and the connection: its flights, all of which may be repeated, queue again.
 * Those whose clients have no room wait until they hold little. */
void link_put_back(struct link *k);
/* Another call of s waits for the flight on it; or one does no more. */
void link_joined(struct link *k, struct session *s);
void link_left(struct link *k, struct session *s);

#endif
