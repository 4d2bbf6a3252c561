/* envelope.h - one client body: a single request or an array.  Keeps the order of its calls, counts what is pending and
 * puts the reply together.  By value in its exchange; owns its calls, their ids and their answers.  Pure. A
 * notification is no call: nobody waits for it, and it is not in the reply. */
#ifndef MILLRACE_RPC_ENVELOPE_H
#define MILLRACE_RPC_ENVELOPE_H

#include "base/gather.h"
#include "base/list.h"
#include "rpc/message.h"

struct envelope;
struct flight;

struct call { /* one request of the envelope */
    struct envelope *envelope;
    struct flight *flight; /* what it waits for; NULL: answered, or not sent yet */
    struct list waiting;   /* among its flight's calls */
    struct slice id;       /* the client's own bytes; "null" where it could not be known */
    struct slice payload;  /* bytes of result or error, in ref or (until the loop turns) borrowed */
    struct blob *ref;
    uint64_t deadline_ms; /* while it waits for a flight */
    bool answered, is_error;
    bool in_unit; /* the shell's: gateway/unit.h */
    bool told;    /* in_unit: answered by the endpoint of its unit */
};

struct envelope {
    bool array;
    unsigned n_calls;
    unsigned pending; /* calls without an answer */
    unsigned next;    /* the first call without an answer */
    unsigned emitted; /* calls that have left through envelope_emit */
    unsigned released;
    size_t held_bytes;  /* payloads held by reference and not yet released */
    struct call *calls; /* `one`, or owned */
    char *ids;          /* id_store, or owned */
    struct call one;
    char id_store[40];
};

/* Calls for all requests of b but notifications, in order.  A body that failed as a whole becomes one call with id
 * null. */
void envelope_init(struct envelope *e, const struct message_body *b);
void envelope_deinit(struct envelope *e); /* severs calls from their flights */

/* Stores the answer of c. ref: taken over; NULL: payload is borrowed and good until the loop turns. */
void envelope_answer(struct envelope *e, struct call *c, bool is_error, struct slice payload, struct blob *ref);

/* Takes an answer back of which nothing was emitted. */
void envelope_forget(struct envelope *e, struct call *c);

static inline bool envelope_complete(const struct envelope *e)
{
    return e->pending == 0;
}

/* The call whose answer the reply waits for before all others; NULL: none is missing. */
static inline const struct call *envelope_next(const struct envelope *e)
{
    return e->next < e->n_calls ? &e->calls[e->next] : NULL;
}

/* Bytes of the whole reply; only when complete.  0: nothing to answer (all notifications). */
size_t envelope_reply_bytes(const struct envelope *e);
/* Bytes of the answered calls that come next in order, and of the brackets and commas that go with them. */
size_t envelope_ready_bytes(const struct envelope *e);

/* Moves what is ready into g, in order. 0: all that is ready; GATHER_FULL: write g out and call again. */
int envelope_emit(struct envelope *e, struct gather *g);
/* What was emitted has been written (or the stream took its own references): let the payloads go. */
void envelope_release(struct envelope *e);

#endif
