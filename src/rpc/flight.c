#include "rpc/flight.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static const char tail_method[] = ",\"method\":";
static const char tail_params[] = ",\"params\":";

static char *put(char *to, const char *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

static void begin(struct flight *f, const struct method *m, uint64_t id)
{
    /* Member by member: all of it is written once, and the store for the tail not at all. */
    f->state = FLIGHT_NEW;
    f->wanted = true;
    f->fresh_only = false;
    f->fold_hex = false;
    f->listed = false;
    f->second = false;
    f->heavy = false;
    f->alone = false;
    f->solo = false;
    f->explained = false;
    f->put_back = false;
    f->pinned = f->by_name = f->old_credential = false;
    f->in_unit = f->is_first = f->old_missed = false;
    f->retry = f->hedge = f->trial = f->late = f->asked_once = false;
    f->blamed = 0;
    f->http_status = 0;
    f->said = NULL;
    f->borrows = false;
    f->fresh = FLIGHT_ANY;
    f->head_kind = f->told_kind = f->old_kind = f->waits = 0;
    f->need_setbacks = 0;
    f->need = f->told = f->depth = 0;
    f->moves = f->rests = 0;
    f->sends = f->stale = 0;
    f->rank = 0;
    f->counted = 0;
    f->units = FLIGHT_UNITS_BY_METHOD;
    f->taken_us = 0;
    f->riders = 0;
    f->id = id;
    f->tried = f->passed = 0;
    f->start_us = f->sent_us = 0;
    f->deadline_ms = 0;
    f->try_until_ms = UINT64_MAX;
    f->key = slice_of(NULL, 0);
    f->key_own = NULL;
    f->scope = NULL;
    f->keep = false;
    f->due = (struct heap_node){0};
    f->method = m;
    f->chain = NULL;
    f->upstream = NULL;
    f->link = NULL;
    f->part = FLIGHT_OF_CALLS;
    f->lane = NULL;
    f->twin = NULL;
    f->hedged = HEDGED_NOT;
    f->hedge_ms = UINT64_MAX;
    list_init(&f->queued);
    list_init(&f->calls);
}

void flight_init(struct flight *f, const struct message_request *q, const struct method *m, uint64_t id)
{
    /* Absent params and [] mean the same to every server; all four members are always there (agave refuses others). */
    struct slice params = q->params.n ? q->params : SLICE("[]");
    size_t n = sizeof tail_method - 1 + q->method.raw.n + sizeof tail_params - 1 + params.n + 1;
    char *to;

    begin(f, m, id);
    f->tail = n <= sizeof f->tail_store ? f->tail_store : mem_grow(NULL, n);
    f->tail_n = n;
    to = put(f->tail, tail_method, sizeof tail_method - 1);
    to = put(to, q->method.raw.p, q->method.raw.n);
    to = put(to, tail_params, sizeof tail_params - 1);
    f->params_at = (size_t)(to - f->tail);
    to = put(to, params.p, params.n);
    *to = '}';
}

char *flight_give_tail(struct flight *f)
{
    assert(!f->borrows);
    if (f->tail == f->tail_store) {
        f->tail = mem_grow(NULL, f->tail_n);
        memcpy(f->tail, f->tail_store, f->tail_n);
    }
    f->borrows = true;
    return f->tail;
}

void flight_init_copy(struct flight *f, const struct flight *of, uint64_t id)
{
    begin(f, of->method, id);
    f->chain = of->chain;
    f->heavy = of->heavy;
    f->rank = of->rank;
    f->units = of->units;
    f->depth = of->depth;
    f->old_kind = of->old_kind;
    f->is_first = of->is_first;
    f->start_us = of->start_us;
    f->scope = scope_ref(of->scope);
    f->deadline_ms = of->deadline_ms;
    f->borrows = true;
    f->tail = of->tail;
    f->tail_n = of->tail_n;
    f->params_at = of->params_at;
}

void flight_deinit(struct flight *f)
{
    assert(flight_alone(f) && !list_linked(&f->queued) && !heap_linked(&f->due));
    assert(!f->listed);
    if (f->tail != f->tail_store && !f->borrows)
        free(f->tail);
    free(f->key_own);
    if (f->said)
        blob_unref(f->said->ref);
    free(f->said);
    if (f->scope)
        f->scope = scope_unref(f->scope);
    f->tail = NULL;
}

void flight_join(struct flight *f, struct call *c)
{
    assert(!c->flight && !c->answered);
    c->flight = f;
    list_push(&f->calls, &c->waiting);
}

void flight_leave(struct call *c)
{
    list_remove(&c->waiting);
    c->flight = NULL;
}
