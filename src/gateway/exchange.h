/* exchange.h - one HTTP request of a client and the answer to it: an envelope of calls, or a body of our own.
 * From the worker's pool; owned by its session, in the order of the requests. */
#ifndef MILLRACE_GATEWAY_EXCHANGE_H
#define MILLRACE_GATEWAY_EXCHANGE_H

#include "base/list.h"
#include "gateway/asker.h"
#include "gateway/unit.h"
#include "rpc/envelope.h"
#include "upstream/priority.h"

struct chain;
struct explain;
struct h1_request;
struct session;
struct worker;

enum exchange_state {
    EXCHANGE_WAITS,   /* nothing of the answer was sent */
    EXCHANGE_STREAMS, /* its head was sent; the body follows as it gets ready and as the client takes it */
    EXCHANGE_SENT
};

struct exchange {
    enum exchange_state state;
    bool is_rpc;     /* envelope, else plain */
    bool keep_alive; /* after the answer */
    bool head_only;  /* HEAD: no body */
    bool chunked;    /* a streamed array: chunked, else (HTTP/1.0) delimited by close */
    uint8_t minor;
    unsigned status;
    unsigned retry_after_s;   /* 0: no such field */
    const char *content_type; /* static */
    const char *allow;        /* Allow field, static; NULL: none */
    char *origin;             /* Access-Control-Allow-Origin; owned; NULL: none */
    bool preflight;
    struct list node; /* in session.exchanges */
    struct session *session;
    struct chain *chain;           /* with is_rpc and preflight */
    enum priority_client priority; /* as the client says of its calls */
    uint64_t start_us;
    size_t asked_bytes;      /* of the request's body, as counted in the session */
    struct blob *plain;      /* the body when not is_rpc; NULL: empty */
    struct explain *explain; /* owned; NULL: not asked for */
    struct asker asker;      /* with is_rpc */
    struct unit unit;        /* of an array */
    struct envelope envelope;
};

/* The last of s, which owns it; to be answered with status 200 and JSON, and the connection closed: for what could not
 * be read as a request.  Never NULL. */
struct exchange *exchange_new(struct session *s);
/* The same for q, to be answered as that asks for: version, keep-alive, priority, HEAD, origin. */
struct exchange *exchange_for(struct session *s, const struct h1_request *q);
void exchange_free(struct worker *w, struct exchange *x); /* its calls leave their flights */

static inline struct exchange *exchange_of(const struct call *c)
{
    return container_of(c->envelope, struct exchange, envelope);
}

static inline bool exchange_complete(const struct exchange *x)
{
    return !x->is_rpc || envelope_complete(&x->envelope);
}

#endif
