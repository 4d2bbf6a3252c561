#include "gateway/link.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/plant.h"
#include "gateway/auth.h"
#include "gateway/chain.h"
#include "gateway/hedge_lane.h"
#include "gateway/link_batch.h"
#include "gateway/link_request.h"
#include "gateway/room.h"
#include "gateway/route.h"
#include "gateway/route_move.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/loop.h"
#include "rpc/message.h"

enum {
    STALL_FROM = 16384,       /* an answer no larger is read, whatever its client holds */
    TORN_FROM = 131072,       /* a batch may grow so large though some of its clients hold too much */
    BATCH_HELD_MAX = 4194304, /* one that is read because it holds an answer that must come next: beyond, it is split */
    TORN_ALONE_AFTER = 3      /* times that a flight lost its link because of others, before it goes alone */
};

#define BIT(s) (1u << (s))
static const unsigned link_next[] = {
    [LINK_DIALLING] = BIT(LINK_IDLE) | BIT(LINK_CLOSING),
    [LINK_IDLE] = BIT(LINK_BUSY) | BIT(LINK_CLOSING),
    [LINK_BUSY] = BIT(LINK_IDLE) | BIT(LINK_CLOSING),
    [LINK_CLOSING] = 0,
};

static void link_enter(struct link *k, enum link_state s)
{
    (void)link_next;
    assert(link_next[k->state] & BIT(s));
    k->state = s;
}

static struct worker *worker_of(const struct link *k)
{
    return k->upstream->worker;
}

static void on_alloc(void *owner, char **p, size_t *cap)
{
    struct link *k = owner;

    *p = k->state == LINK_BUSY ? h1_client_space(k->http, cap) : NULL;
    if (*p && *cap > LINK_READ_MAX)
        *cap = LINK_READ_MAX;
}

static void count_flight(const struct flight *f, long bytes)
{
    list_each (it, &f->calls)
        session_count(session_of(container_of(it, struct call, waiting)), bytes);
}

/* What is here of the answer counts against each of those who wait for it; of a batch, whose parts are not known yet,
 * an equal share for each flight. */
static void count(struct link *k, size_t bytes)
{
    size_t share = k->n_seats > 1 ? bytes / k->n_seats : bytes;

    for (unsigned i = 0; i < k->n_seats && share != k->counted_bytes; i++)
        if (k->seats[i].flight)
            count_flight(k->seats[i].flight, (long)share - (long)k->counted_bytes);
    k->counted_bytes = share;
}

void link_joined(struct link *k, struct session *s)
{
    session_count(s, (long)k->counted_bytes);
    link_resume(k);
}

void link_left(struct link *k, struct session *s)
{
    session_count(s, -(long)k->counted_bytes);
}

static void stall(struct link *k)
{
    struct upstream *u = k->upstream;
    struct worker *w = u->worker;

    stream_read_stop(k->stream);
    k->stalled = k->delayed = true;
    list_push(room_stalled(w, k), &k->stall);
    w->n_stalled++;
    u->n_stalled++;
    u->n_stalled_solo += k->solo;
    w->stats.links_stalled++;
    /* Others may want the connection more. */
    if (u->n_waiting)
        upstream_mark(u);
    list_each (it, &w->starved)
        upstream_mark(container_of(it, struct upstream, starved));
}

static void unstall(struct link *k)
{
    struct upstream *u = k->upstream;

    list_remove(&k->stall);
    k->stalled = false;
    u->worker->n_stalled--;
    u->n_stalled--;
    u->n_stalled_solo -= k->solo;
}

/* Part of an answer is here.  Clients none of whom reads stop their endpoint's sending.  A batch that others wait for
 * too goes on while it is small; then it goes without those who have no room. */
static void account_partial(struct link *k)
{
    size_t held = h1_client_held_bytes(k->http);

    count(k, held);
    if (held <= STALL_FROM || k->pressed)
        return;
    if (room_link_blocked(k))
        stall(k);
    else if (k->n_seats > 1 && held > TORN_FROM && room_link_torn(k))
        link_put_back(k);
}

void link_resume(struct link *k)
{
    if (!k->stalled)
        return;
    unstall(k);
    if (!planted(PLANT_STALLED_FOREVER) && stream_read_start(k->stream) < 0)
        log_event(LOG_WARN, "link_resume_failed", LOG_S("endpoint", k->upstream->endpoint.conf->name));
}

void link_press(struct link *k)
{
    k->pressed = true;
    link_resume(k);
}

void link_detach(struct link *k, struct flight *f)
{
    if (k->counted_bytes)
        count_flight(f, -(long)k->counted_bytes);
    k->seats[f->seat].flight = NULL;
    k->n_aboard--;
    k->upstream->n_wire--;
    f->link = NULL;
    f->hedge_ms = UINT64_MAX;
}

void link_change_seat(struct flight *from, struct flight *to)
{
    struct link *k = from->link;

    if (k->counted_bytes) {
        count_flight(from, -(long)k->counted_bytes);
        count_flight(to, (long)k->counted_bytes);
    }
    k->seats[from->seat].flight = to;
    to->link = k;
    to->seat = from->seat;
    from->link = NULL;
    from->hedge_ms = UINT64_MAX;
}

bool link_began(const struct link *k)
{
    return h1_client_began(k->http);
}

void link_detach_all(struct link *k, struct list *out)
{
    list_init(out);
    for (unsigned i = 0; i < k->n_seats; i++) {
        struct flight *f = k->seats[i].flight;

        if (f) {
            link_detach(k, f);
            list_push(out, &f->queued);
        }
    }
}

/* The request is over, with or without an answer. */
static void clear_seats(struct link *k)
{
    assert(k->n_aboard == 0);
    if (k->stalled)
        unstall(k);
    k->pressed = k->delayed = false;
    k->counted_bytes = 0;
    k->n_seats = 0;
    k->upstream->n_busy_solo -= k->solo;
    k->solo = false;
}

void link_close(struct link *k)
{
    struct upstream *u = k->upstream;
    struct worker *w = worker_of(k);

    clear_seats(k);
    link_enter(k, LINK_CLOSING);
    if (k->seats != &k->one)
        free(k->seats);
    pool_remove(&u->endpoint.pool, &k->member);
    if (k->dial)
        dial_cancel(k->dial);
    if (k->stream)
        stream_close(k->stream);
    h1_client_free(k->http);
    w->n_sockets--;
    upstream_feed_starved(w);
    mem_pool_put(&w->link_pool, k);
}

/* The try ended without an answer: the link goes, its flights move on or fail.  The last one first: those that queue
 * again keep their order. */
static void fail_flights(struct link *k, const struct route_failure *why)
{
    struct upstream *u = k->upstream;
    struct worker *w = worker_of(k);
    struct list all;

    link_detach_all(k, &all);
    link_close(k);
    upstream_link_lost(u, false);
    while (!list_empty(&all)) {
        struct flight *f = container_of(all.prev, struct flight, queued);

        list_remove(&f->queued);
        route_failed(w, f, why);
    }
}

void link_put_back(struct link *k)
{
    struct upstream *u = k->upstream;
    struct worker *w = worker_of(k);
    struct list all;

    for (unsigned i = 0; i < k->n_seats; i++) /* before its answer counts no more */
        if (k->seats[i].flight)
            k->seats[i].flight->put_back = room_blocked(k->seats[i].flight);
    link_detach_all(k, &all);
    link_close(k);
    upstream_link_lost(u, false);
    w->stats.links_put_back++;
    list_each_safe (it, nx, &all) {
        struct flight *f = container_of(it, struct flight, queued);

        if (!f->wanted) {
            list_remove(it);
            worker_flight_free(w, f);
        } else if (f->put_back) {
            list_remove(it);
            room_rest(w, f);
        }
    }
    while (!list_empty(&all)) { /* the last one first: each goes to the front of its queue */
        struct flight *f = container_of(all.prev, struct flight, queued);

        list_remove(&f->queued);
        f->alone |= ++f->moves >= TORN_ALONE_AFTER;
        upstream_requeue(f);
        route_reconsider(f);
    }
}

static enum fail bad_to_fail(enum h1_client_bad bad)
{
    switch (bad) {
    case H1_CLIENT_BAD_TRUNCATED:
        return FAIL_UPSTREAM_TRUNCATED;
    case H1_CLIENT_BAD_TOO_LARGE:
        return FAIL_UPSTREAM_TOO_LARGE;
    case H1_CLIENT_BAD_MEMORY:
        return FAIL_OUT_OF_MEMORY;
    case H1_CLIENT_BAD_CODING:
        return FAIL_UPSTREAM_CODING;
    default:
        return FAIL_UPSTREAM_BAD_HTTP;
    }
}

/* What a whole HTTP response says about the flight.  FAIL_NONE: m holds the answer. */
static enum fail judge(const struct link *k, const struct h1_response *res, struct message_response *m)
{
    enum fail f = message_response_scan(m, res->body, JTOK_MAX_DEPTH);

    /* A proxy's HTML, or JSON of its own: the status says more than the parse. */
    if ((f == FAIL_UPSTREAM_NOT_JSON || f == FAIL_UPSTREAM_NOT_RPC) && (res->status < 200 || res->status > 299))
        return FAIL_UPSTREAM_HTTP_STATUS;
    if (f)
        return f;
    if (planted(PLANT_ID_UNCHECKED))
        return FAIL_NONE;
    if (m->id_known)
        return m->id == k->seats[0].id ? FAIL_NONE : FAIL_UPSTREAM_WRONG_ID;
    /* A server that could not read the id says so with null (JSON-RPC 2.0 section 5); the one request on this
     * connection is meant. */
    return m->id_null && m->kind == MESSAGE_ERROR ? FAIL_NONE : FAIL_UPSTREAM_WRONG_ID;
}

/* The only flight of a request has its response.  true: the framing is beyond doubt. */
static bool on_single(struct link *k, const struct h1_response *res)
{
    struct worker *w = worker_of(k);
    struct message_response m;
    struct flight *f = k->seats[0].flight;
    enum fail fail = judge(k, res, &m);
    unsigned status = res->status;
    struct blob *ref = NULL;

    if (res->body_owned)
        ref = h1_client_take_body(k->http); /* also one that is no good: an idle connection must not keep it */
    link_detach(k, f);
    f->http_status = status;
    if (fail) {
        route_failed(w, f, &(struct route_failure){.fail = fail, .http_status = status == 200 ? 0 : status});
        blob_unref(ref);
    } else {
        route_answered(w, f, m.kind == MESSAGE_ERROR, m.payload, ref);
    }
    return fail != FAIL_UPSTREAM_WRONG_ID || planted(PLANT_DOUBTFUL_REUSED);
}

/* The endpoint refused a credential that has been replaced meanwhile, or is about to be: with the next one they may do
 * better, and that this one was refused is not held against the endpoint. */
static bool repeat_authorized(struct link *k, unsigned status)
{
    struct upstream *u = k->upstream;
    bool may = true;
    struct list all;

    if (!auth_refused(u->auth, k->generation) || planted(PLANT_OLD_REFUSAL_PASSED))
        return false;
    for (unsigned i = 0; i < k->n_seats; i++)
        if (k->seats[i].flight) {
            k->seats[i].flight->old_credential = true;
            may &= flight_may_repeat(k->seats[i].flight);
        }
    if (!may)
        return false;
    link_detach_all(k, &all);
    while (!list_empty(&all)) { /* the last one first: those that queue again keep their order */
        struct flight *f = container_of(all.prev, struct flight, queued);

        list_remove(&f->queued);
        auth_repeat(u->auth, f, status);
    }
    return true;
}

static void on_response(struct link *k, bool surplus)
{
    const struct h1_response *res = h1_client_response(k->http);
    struct upstream *u = k->upstream;
    struct worker *w = worker_of(k);
    bool reuse = (res->keep_alive || planted(PLANT_CLOSE_IGNORED)) && !surplus && !upstream_must_yield(u);

    w->response = res;
    if ((res->status == 401 || res->status == 403) && u->auth && repeat_authorized(k, res->status))
        reuse = false;
    else
        reuse &= k->n_seats == 1 ? on_single(k, res) : link_batch_answered(k, res);
    w->response = NULL;
    reuse &= k->generation == u->endpoint.generation || planted(PLANT_OLD_CREDENTIAL);
    w->stats.late_answers += surplus;
    if (reuse && pool_give(&u->endpoint.pool, &k->member, worker_now_ms(w))) {
        clear_seats(k);
        link_enter(k, LINK_IDLE);
        if (u->n_waiting || !heap_linked(&u->due) || pool_next_expiry(&u->endpoint.pool) < u->due.key)
            upstream_mark(u);
        else
            upstream_feed_starved(w); /* an idle socket here may make room for one elsewhere */
        return;
    }
    link_close(k);
    upstream_link_lost(u, false);
}

static void on_event(struct link *k, enum h1_client_event ev, bool surplus)
{
    switch (ev) {
    case H1_CLIENT_MORE:
        if (k->n_seats > 1 && h1_client_held_bytes(k->http) > BATCH_HELD_MAX) {
            link_batch_too_large(k);
            fail_flights(k, &(struct route_failure){.fail = FAIL_UPSTREAM_TOO_LARGE});
        } else {
            account_partial(k);
        }
        break;
    case H1_CLIENT_RESPONSE:
        on_response(k, surplus);
        break;
    case H1_CLIENT_BAD:
        if (k->n_seats > 1 && h1_client_bad(k->http) == H1_CLIENT_BAD_TOO_LARGE)
            link_batch_too_large(k);
        fail_flights(k, &(struct route_failure){.fail = bad_to_fail(h1_client_bad(k->http)),
                                                .detail = h1_client_bad_text(k->http)});
        break;
    }
}

static void on_read(void *owner, char *p, size_t n)
{
    struct link *k = owner;
    size_t used = n, cap;
    enum h1_client_event ev;

    k->upstream->endpoint.stats.bytes_in += n;
    if (k->state != LINK_BUSY) { /* nobody asked */
        struct upstream *u = k->upstream;

        worker_of(k)->stats.late_answers++;
        link_close(k);
        upstream_link_lost(u, true);
        return;
    }
    if (p == h1_client_space(k->http, &cap))
        ev = h1_client_filled(k->http, n);
    else
        ev = h1_client_feed(k->http, p, n, &used);
    on_event(k, ev, used < n);
}

static void on_end(void *owner, int status)
{
    struct link *k = owner;
    struct upstream *u = k->upstream;
    struct route_failure why = {.fail = FAIL_UPSTREAM_RESET};

    if (k->state != LINK_BUSY) {
        bool unused = k->member.carried == 0;

        link_close(k);
        upstream_link_lost(u, unused);
        return;
    }
    if (h1_client_began(k->http)) {
        enum h1_client_event ev = status == 0 ? h1_client_eof(k->http) : H1_CLIENT_BAD;

        if (ev == H1_CLIENT_RESPONSE) {
            on_response(k, false);
            return;
        }
        why.fail = FAIL_UPSTREAM_TRUNCATED;
    } else {
        why.reused_died = k->member.carried > 1;
    }
    fail_flights(k, &why);
}

static const struct stream_ops ops = {.on_alloc = on_alloc, .on_read = on_read, .on_end = on_end};

static void on_dialled(void *owner, struct dial_result *r)
{
    struct link *k = owner;
    struct upstream *u = k->upstream;

    k->dial = NULL;
    if (r->status == 0) {
        k->stream = r->stream;
        stream_own(k->stream, &ops, k);
        r->status = stream_read_start(k->stream);
    }
    if (r->status < 0) {
        link_close(k);
    } else if (pool_give(&u->endpoint.pool, &k->member, worker_now_ms(worker_of(k)))) {
        link_enter(k, LINK_IDLE);
    } else {
        link_close(k);
    }
    upstream_dialled(u, r);
}

void link_dial(struct upstream *u)
{
    struct worker *w = u->worker;
    struct link *k = mem_pool_get(&w->link_pool);

    *k = (struct link){.state = LINK_DIALLING, .upstream = u, .seats_cap = 1};
    k->seats = &k->one;
    list_init(&k->stall);
    k->http = h1_client_new(&u->endpoint.http);
    pool_add(&u->endpoint.pool, &k->member, worker_now_ms(w));
    w->n_sockets++;
    w->stats.sockets_new++;
    k->dial = dial_start(w->dialer, &u->target, on_dialled, k);
}

static void sit(struct link *k, struct flight *f, unsigned seat)
{
    struct worker *w = worker_of(k);
    const struct endpoint_conf *conf = k->upstream->endpoint.conf;

    k->seats[seat] = (struct seat){f, f->id};
    f->link = k;
    f->seat = seat;
    f->riders = k->n_seats;
    f->sends += f->sends < UINT8_MAX;
    f->put_back = f->late = false;
    f->state = FLIGHT_WIRE;
    f->sent_us = worker_clock_us(w);
    f->try_until_ms = conf->timeout_ms ? worker_now_ms(w) + conf->timeout_ms : UINT64_MAX;
    if (f->hedge)
        hedge_lane_departed(w, f);
    route_arm(w, f);
}

int link_send(struct link *k, struct flight *const *v, unsigned n)
{
    struct upstream *u = k->upstream;
    struct gather *g = &worker_of(k)->gather;
    int r;

    assert(k->state == LINK_IDLE && k->member.state == POOL_BUSY && u->endpoint.head);
    h1_client_start(k->http);
    if (n == 1 && !planted(PLANT_ARRAY_OF_ONE))
        link_request_put(g, &u->endpoint, v[0]);
    else
        k->body_bytes = link_batch_put(g, worker_of(k), &u->endpoint, v, n);
    r = stream_write(k->stream, g->v, g->n);
    if (r < 0) {
        link_close(k);
        upstream_link_lost(u, false);
        return r;
    }
    link_enter(k, LINK_BUSY);
    k->generation = u->endpoint.generation;
    u->endpoint.stats.bytes_out += g->bytes;
    if (n > k->seats_cap) {
        k->seats = mem_grow(k->seats == &k->one ? NULL : k->seats, n * sizeof *k->seats);
        k->seats_cap = n;
    }
    k->n_seats = k->n_aboard = n;
    u->n_wire += n;
    k->solo = v[0]->solo;
    u->n_busy_solo += k->solo;
    for (unsigned i = 0; i < n; i++)
        sit(k, v[i], i);
    return 0;
}

void link_abandon(struct flight *f)
{
    struct link *k = f->link;
    struct upstream *u = k->upstream;

    link_detach(k, f);
    if (k->n_aboard) {
        upstream_mark(u); /* max_inflight may have held others back */
        link_resume(k);   /* those who stay may have room */
        return;
    }
    link_close(k);
    upstream_link_lost(u, false);
}
