#include "gateway/room.h"

#include "gateway/link.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/stream.h"

enum { UNPARK_AT_ONCE = 64 /* parked flights; the answers of those that leave bring the next */ };

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

struct list *room_stalled(struct worker *w, const struct flight *f)
{
    struct session *s = sole_session(f);

    return s ? &s->stalled : &w->stalled;
}

static bool session_backed_up(const struct session *s, const struct call *c)
{
    size_t queued = stream_queued_bytes(s->stream);

    if (queued + s->held_bytes <= s->worker->conf->limits.max_client_buffer_bytes)
        return false;
    return queued > ROOM_UNSENT || c != next_call(s);
}

bool room_blocked(const struct flight *f)
{
    if (flight_alone(f))
        return false;
    list_each (it, &f->calls) {
        const struct call *c = container_of(it, struct call, waiting);

        if (!session_backed_up(session_of(c), c))
            return false;
    }
    return true;
}

/* A bounded look each turn: those that stay go to the end. */
void room_look_again(struct worker *w)
{
    struct list *it, off;

    list_each_safe (k, nx, &w->stalled) {
        struct link *link = container_of(k, struct link, stall);

        if (!room_blocked(link_sole(link)))
            link_resume(link);
    }
    list_init(&off);
    for (unsigned n = 0; n < UNPARK_AT_ONCE && (it = list_pop(&w->parked)) != NULL; n++)
        list_push(room_blocked(container_of(it, struct flight, queued)) ? &w->parked : &off, it);
    while (!list_empty(&off)) /* the last first: each goes to the front of its queue */
        upstream_requeue(container_of(off.prev, struct flight, queued));
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
    size_t queued = stream_queued_bytes(s->stream), expected = queued + s->held_bytes;

    list_each_safe (it, nx, &s->stalled) {
        struct link *k = container_of(it, struct link, stall);
        const struct flight *f = link_sole(k);

        if (expected + LINK_READ_MAX <= s->worker->conf->limits.max_client_buffer_bytes) {
            expected += LINK_READ_MAX;
            link_resume(k);
        } else if (flight_alone(f) || (queued <= ROOM_UNSENT && flight_first(f) == next_call(s))) {
            link_resume(k);
        }
    }
}

/* Sends parked flights on their way, as many as there is room for; each may come back when it is about to depart. */
static void resume_flights(struct session *s)
{
    struct list *it = &s->parked;

    for (unsigned n = 0; n < UNPARK_AT_ONCE && it->next != &s->parked && !session_backed_up(s, NULL); n++)
        it = it->next;
    while (it != &s->parked) { /* the last first: each goes to the front of its queue */
        struct flight *f = container_of(it, struct flight, queued);

        it = it->prev;
        upstream_requeue(f);
    }
}

/* The call whose turn it is goes on, whoever else waits for its answer: there may be no other turn of the loop that
 * would find it. */
static void resume_next(struct session *s)
{
    const struct call *next = next_call(s);

    if (!next || !next->flight || session_backed_up(s, next))
        return;
    if (next->flight->state == FLIGHT_PARKED)
        upstream_requeue(next->flight);
    else if (next->flight->link)
        link_resume(next->flight->link);
}

void room_resume(struct session *s)
{
    resume_links(s);
    resume_flights(s);
    resume_next(s);
}
