/* session.h - one client connection: HTTP requests in, answers out in the order of the requests.  Owned by the worker.
 */
#ifndef MILLRACE_GATEWAY_SESSION_H
#define MILLRACE_GATEWAY_SESSION_H

#include "base/heap.h"
#include "gateway/exchange.h"

struct freshness_shown;
struct h1_request;
struct h1_server;
struct flight;
struct link;
struct stream;
struct worker;

enum session_reading {
    READING_IDLE,   /* between requests */
    READING_HEAD,   /* inside a request's head: header_timeout_ms from its first byte */
    READING_BODY,   /* inside its body: body_timeout_ms from the end of the head */
    READING_PAUSED, /* too much is under way or unsent: the client is not read */
    READING_OVER,   /* nothing more is read: the client ended its side, broke the protocol, or we are closing */
    SESSION_CLOSED
};

struct session {
    enum session_reading reading;
    bool admin; /* came in on the admin port */
    bool owes_continue;
    bool parsing; /* inside the parser's loop: nothing is sent from there, since sending may close the session */
    unsigned n_exchanges;
    struct worker *worker;
    struct stream *stream;
    struct h1_server *http; /* only while a request is under way */
    struct list all, dirty, exchanges;
    struct list stalled, parked;   /* links that are not read, and flights that do not depart: it holds too much */
    struct freshness_shown *shown; /* what the client knows of each head of each chain, owned; NULL: nothing */
    struct buf *stash;             /* bytes read but not parsed while paused */
    size_t asked_bytes;            /* bodies of requests under way */
    size_t body_bytes;             /* of the request that arrives, once it takes more than one read */
    size_t held_bytes;             /* answers held, and parts of answers under way, for this client */
    uint64_t sent_bytes;           /* given to the stream */
    uint64_t taken_before;         /* of these, what the client had taken at the last look */
    uint64_t since_ms;             /* start of the present reading state */
    uint64_t write_ms;             /* last time the client took bytes of what is queued */
    struct heap_node due;
};

void session_open(struct worker *w, struct stream *s, bool admin); /* takes s */
void session_close(struct session *s);                             /* now: calls in flight are abandoned */
void session_refuse(struct worker *w, struct stream *s);           /* too many clients: 503, and goodbye; takes s */

/* c's answer is there. borrowed payloads are copied or sent before this returns. */
void session_answer(struct session *s, struct exchange *x, struct call *c, bool is_error, struct slice payload,
                    struct blob *ref);
void session_mark(struct session *s);  /* something to send at the end of the turn */
void session_flush(struct session *s); /* sends what is complete, in order; may close the session */
void session_due(struct session *s);
void session_drain(struct session *s); /* closes when nothing is under way; else after the last answer */

void session_count(struct session *s, long bytes);
void session_asks(struct session *s, long bytes); /* of requests under way: more, or fewer */

static inline struct session *session_of(const struct call *c)
{
    return exchange_of(c)->session;
}

#endif
