#include "gateway/room.h"

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/route.h"
#include "gateway/route_move.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/stream.h"

enum {
    UNPARK_AT_ONCE = 64, /* parked flights; the answers of those that leave bring the next */
    LOOK_AT_ONCE = 8,    /* stalled links a turn */
    PATIENCE_US = 10000, /* how long who has room waits for links of those who have none */
    REST_FIRST_MS = 50,
    REST_MAX_MS = 800
};

const char room_not_taken[] = "the client did not take the answers before this one";

/* The only session that waits for f; NULL: several calls do, or none. */
static struct session *sole_session(const struct flight *f)
{
    return !flight_alone(f) && f->calls.next == f->calls.prev ? session_of(flight_first(f)) : NULL;
}

/* The call whose answer must be sent before all others that are missing; NULL: there is none. */
static const struct call *next_call(const struct session *s)
{
    const struct exchange *x = container_of(s->exchanges.next, struct exchange, node);

    return !list_empty(&s->exchanges) && x->is_rpc ? envelope_next(&x->envelope) : NULL;
}

/* Oldest first, also those that come back: a younger one that set out instead could hold the connection that the call
 * whose turn it is must have. */
static void park_in_order(struct list *parked, struct flight *f)
{
    struct list *it = parked->next;

    if (list_empty(parked) || container_of(parked->prev, struct flight, queued)->id < f->id)
        it = parked;
    else
        while (container_of(it, struct flight, queued)->id < f->id)
            it = it->next;
    list_push(it, &f->queued); /* before it */
}

void room_park(struct worker *w, struct flight *f)
{
    struct session *s = sole_session(f);

    f->state = FLIGHT_PARKED;
    if (s)
        park_in_order(&s->parked, f);
    else
        list_push(&w->parked, &f->queued);
    w->stats.calls_parked++;
}

void room_rest(struct worker *w, struct flight *f)
{
    uint64_t ms = (uint64_t)REST_FIRST_MS << (f->rests < 8 ? f->rests : 8);

    standing_left(f);
    f->rests += f->rests < UINT8_MAX;
    f->state = FLIGHT_PARKED;
    f->try_until_ms = worker_now_ms(w) + (planted(PLANT_PUT_BACK_AT_ONCE) ? 0 : ms < REST_MAX_MS ? ms : REST_MAX_MS);
    route_arm(w, f);
    w->stats.calls_parked++;
}

void room_rested(struct flight *f)
{
    upstream_requeue_last(f);
    route_reconsider(f);
}

/* The only session that waits for flights on k; NULL: several do, or none. */
static struct session *sole_session_of_link(const struct link *k)
{
    struct session *sole = NULL;

    for (unsigned i = 0; i < k->n_seats; i++) {
        const struct flight *f = k->seats[i].flight;
        struct session *s = f && !flight_alone(f) ? sole_session(f) : sole;

        if (f && !flight_alone(f) && (!s || (sole && s != sole)))
            return NULL;
        sole = s;
    }
    return sole;
}

struct list *room_stalled(struct worker *w, const struct link *k)
{
    struct session *s = sole_session_of_link(k);

    return s ? &s->stalled : &w->stalled;
}

/* Does s hold more than it may before f sets out, or is read on? */
static bool is_over(const struct session *s, const struct flight *f)
{
    size_t most = s->worker->conf->limits.max_client_buffer_bytes;

    /* What gave up its link sets out again when it will not have to do so at once. */
    return stream_queued_bytes(s->stream) + s->held_bytes > (f && f->put_back ? most / 2 : most);
}

/* Must c, which waits for f, be answered before s has room for anything else? */
static bool has_turn(const struct session *s, const struct call *c)
{
    return c == next_call(s) && stream_queued_bytes(s->stream) <= ROOM_UNSENT;
}

static bool call_blocked(const struct call *c, const struct flight *f)
{
    const struct session *s = session_of(c);

    return is_over(s, f) && !has_turn(s, c);
}

bool room_blocked(const struct flight *f)
{
    if (flight_alone(f))
        return false;
    list_each (it, &f->calls)
        if (!call_blocked(container_of(it, struct call, waiting), f))
            return false;
    return true;
}

bool room_link_blocked(const struct link *k)
{
    bool waits = false;

    for (unsigned i = 0; i < k->n_seats; i++) {
        const struct flight *f = k->seats[i].flight;

        if (!f || flight_alone(f))
            continue;
        if (!room_blocked(f))
            return false;
        waits = true;
    }
    return waits;
}

static bool has_room(const struct flight *f)
{
    list_each (it, &f->calls)
        if (!is_over(session_of(container_of(it, struct call, waiting)), f))
            return true;
    return false;
}

bool room_link_torn(const struct link *k)
{
    bool blocked = false, room = false;

    for (unsigned i = 0; i < k->n_seats && !(blocked && room); i++) {
        const struct flight *f = k->seats[i].flight;

        if (!f || flight_alone(f))
            continue;
        if (has_room(f))
            room = true;
        else if (room_blocked(f))
            blocked = true;
    }
    return blocked && room;
}

/* f was parked: its place is at the front of its queue. */
static void set_out(struct flight *f)
{
    upstream_requeue(f);
    route_reconsider(f);
}

/* A bounded look each turn: those that stay go to the end. */
void room_look_again(struct worker *w)
{
    struct list *it, off;

    for (unsigned n = 0; n < LOOK_AT_ONCE && !list_empty(&w->stalled); n++) {
        struct link *k = container_of(w->stalled.next, struct link, stall);

        list_remove(&k->stall);
        list_push(&w->stalled, &k->stall);
        if (!room_link_blocked(k))
            link_resume(k);
    }
    list_init(&off);
    for (unsigned n = 0; n < UNPARK_AT_ONCE && (it = list_pop(&w->parked)) != NULL; n++)
        list_push(room_blocked(container_of(it, struct flight, queued)) ? &w->parked : &off, it);
    while (!list_empty(&off)) /* the last first: each goes to the front of its queue */
        set_out(container_of(off.prev, struct flight, queued));
}

/* Each answer may make room, or change whose turn it is; for what s shares with others too. */
bool room_waits(const struct session *s)
{
    const struct worker *w = s->worker;

    return s->reading == READING_PAUSED || !list_empty(&s->stalled) || !list_empty(&s->parked) ||
           !list_empty(&w->parked) || !list_empty(&w->stalled);
}

/* Lets stalled links read on, as many as there is room for. */
static void resume_links(struct session *s)
{
    size_t expected = stream_queued_bytes(s->stream) + s->held_bytes;

    list_each_safe (it, nx, &s->stalled) {
        expected += LINK_READ_MAX;
        if (expected > s->worker->conf->limits.max_client_buffer_bytes)
            break;
        link_resume(container_of(it, struct link, stall));
    }
}

/* Sends parked flights on their way, as many as there is room for; each may come back when it is about to depart. */
static void resume_flights(struct session *s)
{
    struct list *it = &s->parked;

    for (unsigned n = 0; n < UNPARK_AT_ONCE && it->next != &s->parked; n++) {
        if (is_over(s, container_of(it->next, struct flight, queued)))
            break;
        it = it->next;
    }
    while (it != &s->parked) { /* the last first: each goes to the front of its queue */
        struct flight *f = container_of(it, struct flight, queued);

        it = it->prev;
        set_out(f);
    }
}

/* The call whose turn it is goes on, whoever else waits for its answer: there may be no other turn of the loop that
 * would find it. */
static void resume_next(struct session *s)
{
    const struct call *next = next_call(s);
    struct flight *f = next ? next->flight : NULL;

    if (!f || call_blocked(next, f))
        return;
    if (f->state == FLIGHT_PARKED)
        set_out(f);
    else if (f->link)
        link_resume(f->link);
    else if (f->state == FLIGHT_QUEUED)
        upstream_mark(f->upstream); /* links that are not read may be in its way */
}

void room_resume(struct session *s)
{
    resume_links(s);
    resume_flights(s);
    resume_next(s);
}

/* -- making way */

/* The first who could depart now; those before it who could not are parked.  NULL: there is none. */
static const struct flight *first_with_room(struct upstream *u)
{
    struct flight *f = priority_front(&u->waiting), *next;

    for (; f && room_blocked(f); f = next) {
        next = priority_next(&u->waiting, f);
        upstream_dequeue(f);
        room_park(u->worker, f);
    }
    return f;
}

/* May what is on k set out again?  Only a call that goes alone may not. */
static bool repeats(const struct link *k)
{
    return k->n_seats > 1 || !link_sole(k) || flight_may_repeat(link_sole(k));
}

/* The call on k must not be sent again: its answer is read to the end now, beyond the bound of its client.  But for one
 * that takes nothing only up to twice the bound: then it goes without. */
static void read_or_refuse(struct worker *w, struct link *k)
{
    struct flight *f = link_sole(k);
    const struct session *s = session_of(flight_first(f));
    size_t queued = stream_queued_bytes(s->stream);

    if (queued <= ROOM_UNSENT || queued + s->held_bytes <= 2 * w->conf->limits.max_client_buffer_bytes) {
        link_press(k);
        return;
    }
    link_abandon(f);
    route_refuse(w, f, &(struct route_failure){.fail = FAIL_QUEUE_TIMEOUT, .detail = room_not_taken});
}

/* Of two stalled links, the one that goes first: one whose calls may set out again, and of these the youngest, which
 * its client needs last; of others the oldest. */
static struct link *better(struct link *a, struct link *b)
{
    if (!a || repeats(a) != repeats(b))
        return !a || repeats(b) ? b : a;
    return (b->seats[0].id > a->seats[0].id) == repeats(b) ? b : a;
}

static struct link *best_of(const struct upstream *u, struct link *k)
{
    list_each (it, &u->endpoint.pool.busy) {
        struct link *b = container_of(container_of(it, struct pool_member, node), struct link, member);

        if (b->stalled)
            k = better(k, b);
    }
    return k;
}

static struct link *best_anywhere(const struct worker *w)
{
    struct link *k = NULL;

    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned j = 0; j < w->chains[i]->n_upstreams; j++)
            if (w->chains[i]->upstreams[j]->n_stalled)
                k = best_of(w->chains[i]->upstreams[j], k);
    return k;
}

void room_make_way(struct upstream *u)
{
    const struct pool *p = &u->endpoint.pool;
    struct worker *w = u->worker;
    unsigned max_wire = u->max_wire;
    bool wire_full = max_wire && u->n_wire >= max_wire;
    bool own = wire_full || pool_sockets(p) >= p->conf->max_sockets;
    const struct flight *f;
    struct link *k;
    uint64_t waited_us;

    if (planted(PLANT_NO_WAY_MADE) || u->shut || p->n_dialling || (p->n_idle && !wire_full) ||
        breaker_pausing(&u->endpoint.breaker, worker_now_ms(w)))
        return;
    if (own ? u->n_stalled == 0 : !list_linked(&u->starved))
        return;
    f = first_with_room(u);
    if (!f)
        return;
    waited_us = worker_clock_us(w) - f->queued_us;
    if (waited_us < PATIENCE_US) {
        if (PATIENCE_US - waited_us < u->again_us)
            u->again_us = PATIENCE_US - waited_us;
        return;
    }
    k = own ? best_of(u, NULL) : best_anywhere(w);
    if (k && repeats(k))
        link_put_back(k);
    else if (k)
        read_or_refuse(w, k);
}
