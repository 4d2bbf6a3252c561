#include "rpc/envelope.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"

static const char reply_open[] = "{\"jsonrpc\":\"2.0\",\"id\":";
static const char reply_result[] = ",\"result\":";
static const char reply_error[] = ",\"error\":";

enum {
    OPEN_BYTES = sizeof reply_open - 1,
    RESULT_BYTES = sizeof reply_result - 1,
    ERROR_BYTES = sizeof reply_error - 1
};

static void call_init(struct call *c, struct envelope *e, struct slice id)
{
    *c = (struct call){.envelope = e, .id = id};
    list_init(&c->waiting);
}

void envelope_init(struct envelope *e, const struct message_body *b)
{
    size_t id_bytes = 0, n = 0, at = 0;

    e->array = b->array;
    e->next = e->emitted = e->released = 0;
    e->held_bytes = 0;
    e->calls = &e->one;
    e->ids = e->id_store;
    if (b->fail) { /* the body as a whole is refused: one object, never an array (JSON-RPC 2.0 section 6) */
        e->array = false;
        e->n_calls = e->pending = 1;
        call_init(&e->one, e, SLICE("null"));
        return;
    }
    for (size_t i = 0; i < b->n; i++)
        if (!b->requests[i].notification) {
            n++;
            id_bytes += b->requests[i].id.n;
        }
    e->n_calls = e->pending = (unsigned)n;
    if (n > 1)
        e->calls = mem_array(n, sizeof *e->calls);
    if (id_bytes > sizeof e->id_store)
        e->ids = mem_zero(id_bytes);
    n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct message_request *q = &b->requests[i];
        struct slice id = SLICE("null");

        if (q->notification)
            continue;
        if (q->id.n) {
            memcpy(e->ids + at, q->id.p, q->id.n);
            id = slice_of(e->ids + at, q->id.n);
            at += q->id.n;
        }
        call_init(&e->calls[n++], e, id);
    }
}

void envelope_deinit(struct envelope *e)
{
    for (unsigned i = e->released; i < e->n_calls; i++) {
        struct call *c = &e->calls[i];

        list_remove(&c->waiting);
        c->flight = NULL;
        c->ref = blob_unref(c->ref);
    }
    if (e->calls != &e->one)
        free(e->calls);
    if (e->ids != e->id_store)
        free(e->ids);
    e->calls = NULL;
    e->ids = NULL;
    e->n_calls = 0;
}

void envelope_answer(struct envelope *e, struct call *c, bool is_error, struct slice payload, struct blob *ref)
{
    assert(!c->answered && e->pending > 0);
    list_remove(&c->waiting);
    c->flight = NULL;
    c->answered = true;
    c->is_error = is_error;
    c->payload = payload;
    c->ref = ref;
    if (ref)
        e->held_bytes += payload.n;
    e->pending--;
    while (e->next < e->n_calls && e->calls[e->next].answered)
        e->next++;
}

void envelope_forget(struct envelope *e, struct call *c)
{
    unsigned i = (unsigned)(c - e->calls);

    assert(c->answered && i >= e->emitted);
    c->answered = c->told = false;
    if (c->ref)
        e->held_bytes -= c->payload.n;
    c->ref = blob_unref(c->ref);
    e->pending++;
    if (i < e->next)
        e->next = i;
}

static size_t call_bytes(const struct call *c)
{
    return OPEN_BYTES + c->id.n + (c->is_error ? ERROR_BYTES : RESULT_BYTES) + c->payload.n + 1;
}

size_t envelope_reply_bytes(const struct envelope *e)
{
    size_t n = 0;

    assert(e->pending == 0 && e->emitted == 0);
    if (e->n_calls == 0)
        return 0;
    for (unsigned i = 0; i < e->n_calls; i++)
        n += call_bytes(&e->calls[i]);
    return e->array ? n + e->n_calls + 1 : n; /* brackets, and a comma less than calls */
}

size_t envelope_ready_bytes(const struct envelope *e)
{
    size_t n = 0;

    for (unsigned i = e->emitted; i < e->n_calls && e->calls[i].answered; i++)
        n += call_bytes(&e->calls[i]) + e->array;                 /* '[' or ',' before each */
    return e->array && e->pending == 0 && e->n_calls ? n + 1 : n; /* ']' */
}

/* A call on its own, but for its end: as one piece, and with the end too where the answer is small. */
static void emit_single(const struct call *c, struct gather *g)
{
    const char *verdict = c->is_error ? reply_error : reply_result;
    size_t verdict_n = c->is_error ? ERROR_BYTES : RESULT_BYTES, id_n = c->id.n;
    size_t small_n = c->payload.n <= GATHER_SMALL ? c->payload.n + 1 : 0;
    char *to = gather_space(g, OPEN_BYTES + id_n + verdict_n + small_n);

    memcpy(to, reply_open, OPEN_BYTES);
    memcpy(to + OPEN_BYTES, c->id.p, id_n);
    to += OPEN_BYTES + id_n;
    memcpy(to, verdict, verdict_n);
    to += verdict_n;
    if (small_n) {
        memcpy(to, c->payload.p, c->payload.n);
        to[c->payload.n] = '}';
    } else {
        gather_borrow(g, c->payload, c->ref);
        *gather_space(g, 1) = '}';
    }
}

int envelope_emit(struct envelope *e, struct gather *g)
{
    for (; e->emitted < e->n_calls; e->emitted++) {
        struct call *c = &e->calls[e->emitted];

        if (planted(PLANT_ORDER_TURNED) && e->pending == 0)
            c = &e->calls[e->n_calls - 1 - e->emitted];
        if (!c->answered)
            return 0;
        if (!gather_has_room(g, 7))
            return GATHER_FULL;
        if (!e->array && c->id.n <= GATHER_SMALL) {
            emit_single(c, g);
            continue;
        }
        if (e->array)
            *gather_space(g, 1) = e->emitted ? ',' : '[';
        memcpy(gather_space(g, OPEN_BYTES), reply_open, OPEN_BYTES);
        gather_add(g, planted(PLANT_ID_OF_FIRST) ? e->calls[0].id : c->id, NULL);
        if (c->is_error)
            memcpy(gather_space(g, ERROR_BYTES), reply_error, ERROR_BYTES);
        else
            memcpy(gather_space(g, RESULT_BYTES), reply_result, RESULT_BYTES);
        gather_add(g, c->payload, c->ref);
        *gather_space(g, 1) = '}';
        if (e->array && e->emitted + 1 == e->n_calls)
            *gather_space(g, 1) = ']';
    }
    return 0;
}

void envelope_release(struct envelope *e)
{
    for (; e->released < e->emitted; e->released++) {
        struct call *c = &e->calls[e->released];

        if (c->ref)
            e->held_bytes -= c->payload.n;
        c->ref = blob_unref(c->ref);
    }
}
