#include "gateway/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/hedge_lane.h"
#include "gateway/route.h"
#include "gateway/session.h"
#include "gateway/worker.h"

enum { AGAIN_MAX = 2 /* times: a bound for what one array may cost */ };

void unit_init(struct unit *u)
{
    list_init(&u->torn);
    u->heads.fit = UINT64_MAX;
}

void unit_deinit(struct unit *u)
{
    list_remove(&u->torn);
    free(u->body);
}

void unit_keep(struct unit *u, struct slice body)
{
    u->body = malloc(body.n);
    if (!u->body)
        return;
    memcpy(u->body, body.p, body.n);
    u->body_n = body.n;
}

bool unit_asks_number(struct slice method)
{
    return slice_eq(method, SLICE("\"eth_blockNumber\"")) || slice_eq(method, SLICE("\"eth_getBlockByNumber\"")) ||
           slice_eq(method, SLICE("\"getSlot\"")) || slice_eq(method, SLICE("\"getBlockHeight\""));
}

void unit_bind(struct worker *w, struct flight *f)
{
    f->in_unit = true;
    if (f->twin)
        hedge_lane_part(w, f);
}

bool unit_may_join(const struct unit *u, const struct flight *lead)
{
    const struct upstream *at = lead->upstream;

    if (u->with)
        return at == u->with;
    return u->heads.fit >> at->index & 1 && endpoint_usable(&at->endpoint, worker_now_ms(at->worker));
}

/* The unit that binds c; NULL: none does. */
static struct unit *unit_of(const struct call *c)
{
    struct exchange *x = exchange_of(c);

    return c->in_unit && x->unit.n_calls > 1 ? &x->unit : NULL;
}

static bool can_take(const struct upstream *u)
{
    return !(u->chain->avoid >> u->index & 1) && endpoint_usable(&u->endpoint, worker_now_ms(u->worker)) &&
           !upstream_is_full(u);
}

static bool was_tried(const struct flight *f, const struct upstream *u)
{
    return f->tried >> u->index & 1;
}

struct upstream *unit_next(const struct flight *f, bool same)
{
    list_each (it, &f->calls) {
        const struct unit *u = unit_of(container_of(it, struct call, waiting));

        if (u && (same || u->with != f->upstream) && !was_tried(f, u->with) && can_take(u->with))
            return u->with;
    }
    return NULL;
}

bool unit_untold(const struct flight *f)
{
    list_each (it, &f->calls) {
        const struct unit *u = unit_of(container_of(it, struct call, waiting));

        if (u && u->told && u->with == f->upstream)
            return false;
    }
    return true;
}

/* May what was told of x be dropped, and all of it be asked again? */
static bool may_be_torn(const struct exchange *x)
{
    return x->unit.body && x->state == EXCHANGE_WAITS && x->unit.again < AGAIN_MAX;
}

bool unit_fits(const struct flight *f, const struct upstream *other)
{
    list_each (it, &f->calls) {
        const struct call *c = container_of(it, struct call, waiting);
        const struct unit *u = unit_of(c);

        if (u && u->with != other && (!(u->heads.fit >> other->index & 1) || !may_be_torn(exchange_of(c))))
            return false;
    }
    return true;
}

/* Is any call of x's unit but those of f on the wire there? */
static bool on_wire(const struct exchange *x, const struct upstream *u, const struct flight *f)
{
    for (unsigned i = x->envelope.next; i < x->envelope.n_calls; i++) {
        const struct call *c = &x->envelope.calls[i];

        if (c->in_unit && c->flight && c->flight != f && c->flight->state == FLIGHT_WIRE && c->flight->upstream == u)
            return true;
    }
    return false;
}

bool unit_is_out(const struct flight *f)
{
    list_each (it, &f->calls) {
        const struct call *c = container_of(it, struct call, waiting);
        const struct unit *u = unit_of(c);

        if (u && u->with == f->upstream && on_wire(exchange_of(c), u->with, f))
            return true;
    }
    return false;
}

struct upstream *unit_elsewhere(const struct flight *f, struct upstream *next)
{
    list_each (it, &f->calls) {
        const struct call *c = container_of(it, struct call, waiting);
        const struct unit *u = unit_of(c);

        if (!u)
            continue;
        if (u->with != f->upstream)
            next = was_tried(f, u->with) || !can_take(u->with) ? NULL : u->with;
        else if (u->told || on_wire(exchange_of(c), u->with, f))
            next = NULL;
        if (!next)
            return NULL;
    }
    return next;
}

/* c's answer may not be that of its flight. */
static void tear(struct worker *w, struct call *c, const struct route_failure *why)
{
    struct exchange *x = exchange_of(c);

    if (!may_be_torn(x)) {
        route_refuse_call(w, c, why);
        return;
    }
    route_detach(w, c);
    if (!list_linked(&x->unit.torn))
        list_push(&w->torn, &x->unit.torn);
}

void unit_go(struct worker *w, struct flight *f, struct upstream *to, bool gone, const struct route_failure *why)
{
    list_each_safe (it, nx, &f->calls) {
        struct call *c = container_of(it, struct call, waiting);
        struct unit *u = unit_of(c);

        if (!u || u->with == to || planted(PLANT_ARRAY_TORN))
            continue;
        if (gone && u->with == f->upstream && !u->told)
            u->with = to;
        else
            tear(w, c, why);
    }
}

void unit_sift(struct worker *w, struct flight *f)
{
    static const struct route_failure split = {.fail = FAIL_ARRAY_SPLIT};

    list_each_safe (it, nx, &f->calls) {
        struct call *c = container_of(it, struct call, waiting);
        struct unit *u = unit_of(c);

        if (!u)
            continue;
        if (u->with == f->upstream || planted(PLANT_ARRAY_TORN))
            u->told = c->told = true;
        else
            tear(w, c, &split);
    }
}

void unit_settle(struct exchange *x)
{
    struct unit *u = &x->unit;
    struct upstream *other;
    size_t held = x->envelope.held_bytes;

    u->again++;
    if (can_take(u->with))
        return;
    other = choose_other(x->chain, u->with);
    if (!other)
        return;
    u->with = other;
    u->told = false;
    for (unsigned i = 0; i < x->envelope.n_calls; i++)
        if (x->envelope.calls[i].told)
            envelope_forget(&x->envelope, &x->envelope.calls[i]);
    session_count(x->session, -(long)(held - x->envelope.held_bytes));
}

bool unit_wants(struct exchange *x, struct call *c)
{
    if (!c->in_unit || c->answered)
        return false;
    if (c->flight && c->flight->upstream == x->unit.with)
        return false;
    if (c->flight)
        route_leave(x->session->worker, c);
    return true;
}
