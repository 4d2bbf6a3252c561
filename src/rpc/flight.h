/* flight.h - one upstream question in the air.  Owns a copy of the request's bytes, so that it depends on no client;
 * borrows its waiting calls by intrusive link.  From a pool of the worker, which owns it. */
#ifndef MILLRACE_RPC_FLIGHT_H
#define MILLRACE_RPC_FLIGHT_H

#include "base/heap.h"
#include "base/list.h"
#include "rpc/envelope.h"
#include "rpc/method.h"

struct chain;
struct upstream;
struct link;

enum flight_state {
    FLIGHT_NEW,
    FLIGHT_QUEUED, /* waits at `upstream` for a link */
    FLIGHT_PARKED, /* waits in session.parked: its client holds too much */
    FLIGHT_WIRE,   /* rides on `link` */
};

struct flight {
    enum flight_state state;
    bool
        wanted; /* someone waits, or it is a notification not sent yet: else it is dropped when it is not on the wire */
    bool fresh_only; /* a reused link died under it: only a link that carried nothing yet will do */
    uint8_t moves;   /* how many times it changed link or endpoint */
    uint64_t id;     /* our own id, unique within the worker */
    uint64_t tried;  /* bit per endpoint of the chain that failed it */
    uint64_t start_us, sent_us;
    uint64_t deadline_ms; /* of its longest waiter */
    struct heap_node due; /* in the worker's heap of deadlines: deadline_ms, or sooner by the endpoint's own time-out */
    struct list queued;   /* in its endpoint's queue, or parked */
    struct list calls;    /* call.waiting */
    const struct method *method;
    struct chain *chain;
    struct upstream *upstream;
    struct link *link;
    char *tail; /* what follows the id in the request: `,"method":...,"params":...}`; tail_store or owned */
    size_t tail_n;
    char tail_store[256];
};

/* From a valid request; the tail is a copy of its method and params bytes. */
void flight_init(struct flight *f, const struct message_request *q, const struct method *m, uint64_t id);
void flight_deinit(struct flight *f); /* nobody may wait for it */

void flight_join(struct flight *f, struct call *c);
void flight_leave(struct call *c); /* the caller looks after a flight that nobody waits for any more */

static inline bool flight_alone(const struct flight *f)
{
    return list_empty(&f->calls);
}

/* May it go out again after an endpoint may have seen it? */
static inline bool flight_may_repeat(const struct flight *f)
{
    return method_may_repeat(f->method);
}

#endif
