#include "gateway/session.h"

#include <assert.h>
#include <stdlib.h>

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/room.h"
#include "gateway/route.h"
#include "gateway/worker.h"
#include "io/stream.h"
#include "rpc/error.h"

enum {
    LINGER_MS = 1000,
    FRESH_MS = 50,       /* who has just come when draining begins may have sent a request: so long it may take */
    STREAM_FROM = 65536, /* an incomplete array is streamed once so much of it is ready */
    STASH_MAX = 131072   /* unparsed bytes of a paused client: at most what one read brings */
};

static const struct stream_ops ops;

static uint64_t due_at(const struct session *s)
{
    const struct limits_conf *lim = &s->worker->conf->limits;
    size_t queued = s->stream ? stream_queued_bytes(s->stream) : 0;
    uint64_t at_ms = UINT64_MAX;

    if (s->reading == READING_HEAD)
        at_ms = s->since_ms + lim->header_timeout_ms;
    else if (s->reading == READING_BODY && !s->owes_continue)
        at_ms = s->since_ms + lim->body_timeout_ms;
    else if (s->reading == READING_IDLE && s->n_exchanges == 0 && !queued)
        at_ms = s->since_ms + (s->worker->draining ? FRESH_MS : lim->idle_timeout_ms);
    if (queued && s->write_ms + lim->write_timeout_ms < at_ms)
        at_ms = s->write_ms + lim->write_timeout_ms;
    return at_ms;
}

/* How many bytes the client (and the kernel before it) has taken so far. */
static uint64_t taken(const struct session *s)
{
    return s->sent_bytes - stream_queued_bytes(s->stream);
}

/* Only an earlier time moves the entry; a later one is found when the old one fires. */
static void arm(struct session *s)
{
    uint64_t at_ms = due_at(s);

    if (at_ms != UINT64_MAX && (!heap_linked(&s->due) || at_ms < s->due.key))
        heap_set(&s->worker->sessions_due, &s->due, at_ms);
}

static void enter(struct session *s, enum session_reading reading)
{
    s->reading = reading;
    s->since_ms = worker_now_ms(s->worker);
}

static void body_arrives(struct session *s, size_t bytes)
{
    if (bytes == s->body_bytes)
        return;
    s->worker->bodies_bytes += bytes - s->body_bytes;
    s->body_bytes = bytes;
}

static void parser_put(struct session *s)
{
    struct worker *w = s->worker;

    if (!s->http)
        return;
    body_arrives(s, 0);
    if (!h1_server_unused(s->http))
        h1_server_reset(s->http); /* those that are kept are ready for the next client */
    if (w->n_parsers < WORKER_PARSERS)
        w->parsers[w->n_parsers++] = s->http;
    else
        h1_server_free(s->http);
    s->http = NULL;
}

static void parser_get(struct session *s)
{
    struct worker *w = s->worker;

    if (s->http)
        return;
    s->http = w->n_parsers ? w->parsers[--w->n_parsers] : h1_server_new(&w->http);
}

void session_open(struct worker *w, struct stream *stream, bool admin)
{
    struct session *s = mem_pool_get(&w->session_pool);

    *s = (struct session){.worker = w, .stream = stream, .admin = admin};
    list_init(&s->all);
    list_init(&s->dirty);
    list_init(&s->exchanges);
    list_init(&s->stalled);
    list_init(&s->parked);
    list_push(&w->sessions, &s->all);
    w->n_sessions++;
    w->n_sessions_service += !admin;
    w->stats.clients_accepted++;
    stream_own(stream, &ops, s);
    enter(s, READING_IDLE);
    arm(s);
    if (stream_read_start(stream) < 0)
        session_close(s);
}

void session_refuse(struct worker *w, struct stream *stream)
{
    struct buf head;

    w->stats.clients_refused++;
    w->failures[FAIL_TOO_MANY_CLIENTS]++;
    buf_init(&head, 4096);
    if (reply_refusal(&head, FAIL_TOO_MANY_CLIENTS) == 0)
        stream_write(stream, &(struct chunk){slice_of(head.p, head.n), NULL}, 1);
    buf_deinit(&head);
    stream_linger(stream, LINGER_MS);
}

static void release(struct session *s, struct exchange *x)
{
    size_t before = x->envelope.held_bytes;

    if (!x->is_rpc)
        return;
    envelope_release(&x->envelope);
    session_count(s, -(long)(before - x->envelope.held_bytes));
}

static void drop_first(struct session *s)
{
    struct exchange *x = container_of(s->exchanges.next, struct exchange, node);

    release(s, x);
    if (x->is_rpc)
        session_count(s, -(long)x->envelope.held_bytes);
    session_asks(s, -(long)x->asked_bytes);
    list_remove(&x->node);
    s->n_exchanges--;
    exchange_free(s->worker, x);
}

/* Everything but the stream itself. */
static struct stream *dismantle(struct session *s)
{
    struct worker *w = s->worker;
    struct stream *stream = s->stream;

    s->reading = SESSION_CLOSED;
    while (!list_empty(&s->stalled))
        link_resume(container_of(s->stalled.next, struct link, stall));
    while (!list_empty(&s->exchanges))
        drop_first(s);
    assert(list_empty(&s->parked));
    parser_put(s);
    if (s->stash) {
        buf_deinit(s->stash);
        free(s->stash);
    }
    free(s->shown);
    list_remove(&s->all);
    list_remove(&s->dirty);
    heap_remove(&w->sessions_due, &s->due);
    w->n_sessions--;
    w->n_sessions_service -= !s->admin;
    mem_pool_put(&w->session_pool, s);
    return stream;
}

void session_close(struct session *s)
{
    stream_close(dismantle(s));
}

static void goodbye(struct session *s)
{
    stream_linger(dismantle(s), LINGER_MS);
}

void session_mark(struct session *s)
{
    if (!list_linked(&s->dirty))
        list_push(&s->worker->dirty, &s->dirty);
}

void session_count(struct session *s, long bytes)
{
    s->held_bytes = (size_t)((long)s->held_bytes + bytes);
}

void session_asks(struct session *s, long bytes)
{
    s->asked_bytes += (size_t)bytes;
    s->worker->bodies_bytes += (size_t)bytes;
}

/* Is what arrives too much, with what other clients sent?  One body alone may always come. */
static bool is_flooded(struct session *s)
{
    const struct worker *w = s->worker;

    body_arrives(s, h1_server_held_bytes(s->http));
    return w->bodies_bytes > w->conf->limits.max_bodies_bytes && w->bodies_bytes > s->body_bytes;
}

/* Too much is under way for one connection: later requests wait in the kernel. */
static bool overfull(const struct session *s)
{
    return s->n_exchanges >= s->worker->conf->limits.max_pipelined ||
           s->asked_bytes + s->held_bytes + stream_queued_bytes(s->stream) >
               s->worker->conf->limits.max_client_buffer_bytes;
}

static void pause_reading(struct session *s, const char *rest, size_t n)
{
    stream_read_stop(s->stream);
    enter(s, READING_PAUSED);
    if (!n)
        return;
    if (!s->stash) {
        s->stash = mem_zero(sizeof *s->stash);
        buf_init(s->stash, STASH_MAX);
    }
    if (buf_append(s->stash, rest, n)) /* no memory: this client cannot be served */
        enter(s, READING_OVER);
}

/* What the client says from now on is not heard, but its end is. */
static void deafen(struct session *s)
{
    parser_put(s);
    if (s->reading != READING_OVER)
        enter(s, READING_OVER);
}

/* Nothing more of this client is read; what was asked for is still answered. */
static void stop_reading(struct session *s)
{
    stream_read_stop(s->stream);
    deafen(s);
}

/* Runs the parser over bytes of the client. */
static void parse(struct session *s, const char *p, size_t n)
{
    size_t used;

    parser_get(s);
    while (n && s->reading != READING_OVER) {
        enum h1_server_event ev;

        if (overfull(s)) {
            pause_reading(s, p, n);
            return;
        }
        ev = h1_server_feed(s->http, p, n, &used);
        p += used;
        n -= used;
        if (ev == H1_SERVER_MORE) {
            if (h1_server_in_body(s->http) && is_flooded(s)) {
                request_bad(s, 429, "the bodies of all requests together");
                stop_reading(s);
            }
            break;
        } else if (ev == H1_SERVER_HEAD) {
            const struct h1_request *q = h1_server_request(s->http);

            enter(s, READING_BODY);
            if (request_refused_early(s, q)) {
                stop_reading(s);
                return;
            }
            if (q->expect_continue && n == 0)
                s->owes_continue = true;
        } else if (ev == H1_SERVER_REQUEST) {
            bool more;

            body_arrives(s, 0); /* counted by its calls from now on */
            more = request_take(s, h1_server_request(s->http));
            s->owes_continue = false;
            h1_server_next(s->http);
            enter(s, READING_IDLE);
            if (!more)
                stop_reading(s);
        } else {
            request_bad(s, h1_server_bad_status(s->http), h1_server_bad_reason(s->http));
            stop_reading(s);
        }
    }
    if (s->reading == READING_OVER)
        return;
    if (h1_server_idle(s->http)) {
        if (h1_server_unused(s->http))
            parser_put(s);
        if (s->reading != READING_IDLE)
            enter(s, READING_IDLE);
    } else if (s->reading == READING_IDLE) {
        enter(s, READING_HEAD);
    }
    if (s->owes_continue)
        session_mark(s);
    arm(s);
}

static void feed(struct session *s, const char *p, size_t n)
{
    s->parsing = true;
    parse(s, p, n);
    s->parsing = false;
}

static void on_read(void *owner, char *p, size_t n)
{
    struct session *s = owner;

    s->worker->stats.client_bytes_in += n;
    if (s->reading != READING_OVER)
        feed(s, p, n);
}

static void on_end(void *owner, int status)
{
    struct session *s = owner;

    if (status < 0 || planted(PLANT_HALF_CLOSE_ENDS) || (s->n_exchanges == 0 && stream_queued_bytes(s->stream) == 0)) {
        session_close(s);
        return;
    }
    /* Half-closed: the client said all it wanted, and waits for the answers. */
    stop_reading(s);
}

static void on_drain(void *owner)
{
    session_mark(owner);
}

static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end, .on_drain = on_drain};

/* Writes what is gathered. false: the client is gone, the session closed. */
static bool write_out(struct session *s)
{
    struct gather *g = &s->worker->gather;
    bool first = stream_queued_bytes(s->stream) == 0;

    if (g->n == 0)
        return true;
    s->worker->stats.client_bytes_out += g->bytes;
    s->sent_bytes += g->bytes;
    if (stream_write(s->stream, g->v, g->n) < 0) {
        session_close(s);
        return false;
    }
    if (first) {
        s->write_ms = worker_now_ms(s->worker);
        s->taken_before = taken(s);
    }
    gather_clear(g);
    return true;
}

enum { FLUSH_DONE, FLUSH_LATER, FLUSH_CLOSED };

/* Sends what is ready of the first exchange. */
static int flush_first(struct session *s, struct exchange *x)
{
    struct gather *g = &s->worker->gather;
    int r;

    if (x->state == EXCHANGE_WAITS) {
        if (exchange_complete(x)) {
            reply_head(s->worker, x, g);
        } else if (x->is_rpc && x->envelope.array && envelope_ready_bytes(&x->envelope) >= STREAM_FROM) {
            reply_head_streamed(s->worker, x, g);
        } else {
            return FLUSH_LATER;
        }
        x->state = EXCHANGE_STREAMS;
        if (!x->keep_alive)
            deafen(s); /* a client that was told so must not have a later request carried out */
    }
    for (;;) {
        r = reply_body(x, g);
        if (r == 0 && exchange_complete(x))
            break;
        if (r == 0 && g->n == 0)
            return FLUSH_LATER;
        if (!write_out(s))
            return FLUSH_CLOSED;
        release(s, x);
        if (r == 0 || stream_queued_bytes(s->stream) > ROOM_UNSENT)
            return FLUSH_LATER;
    }
    x->state = EXCHANGE_SENT;
    return FLUSH_DONE;
}

static void resume(struct session *s)
{
    struct buf stash;

    room_resume(s);
    if (s->reading != READING_PAUSED || overfull(s))
        return;
    enter(s, READING_IDLE);
    if (stream_read_start(s->stream) < 0) {
        session_close(s);
        return;
    }
    if (s->http && !h1_server_idle(s->http))
        enter(s, h1_server_in_body(s->http) ? READING_BODY : READING_HEAD);
    if (!s->stash) {
        arm(s);
        return;
    }
    stash = *s->stash;
    free(s->stash);
    s->stash = NULL;
    feed(s, stash.p, stash.n);
    buf_deinit(&stash);
}

void session_flush(struct session *s)
{
    struct worker *w = s->worker;
    bool keep = true;

    assert(!s->parsing);
    list_remove(&s->dirty);
    gather_clear(&w->gather);
    while (!list_empty(&s->exchanges) && keep && stream_queued_bytes(s->stream) <= ROOM_UNSENT) {
        struct exchange *x = container_of(s->exchanges.next, struct exchange, node);
        int r = flush_first(s, x);

        if (r == FLUSH_CLOSED)
            return;
        if (r == FLUSH_LATER)
            break;
        keep = x->keep_alive;
        /* Answers that are ready together leave in one write; borrowed bytes are written before their owner goes. */
        if ((w->gather.borrows || !gather_has_room(&w->gather, 16)) && !write_out(s))
            return;
        drop_first(s);
    }
    if (!write_out(s))
        return;
    if (!keep) {
        stop_reading(s);
        while (s->n_exchanges)
            drop_first(s);
    }
    if (s->reading == READING_OVER && s->n_exchanges == 0) {
        if (stream_queued_bytes(s->stream) == 0)
            goodbye(s);
        else
            arm(s); /* on_drain comes back here */
        return;
    }
    if (s->owes_continue && s->n_exchanges == 0) {
        s->owes_continue = false;
        s->since_ms = worker_now_ms(w); /* the client was made to wait until now */
        gather_add(&w->gather, SLICE("HTTP/1.1 100 Continue\r\n\r\n"), NULL);
        if (!write_out(s))
            return;
    }
    if (s->n_exchanges == 0 && s->reading == READING_IDLE)
        s->since_ms = worker_now_ms(w);
    arm(s);
    if (room_waits(s))
        resume(s);
}

void session_answer(struct session *s, struct exchange *x, struct call *c, bool is_error, struct slice payload,
                    struct blob *ref)
{
    bool first = s->exchanges.next == &x->node;
    bool now = first && s->n_exchanges == 1 && x->envelope.pending == 1 && !x->envelope.array &&
               stream_queued_bytes(s->stream) == 0 && !list_linked(&s->dirty) && !s->parsing;

    if (planted(PLANT_BYTES_CHANGED) && ref && payload.n > 60000)
        ref->p[ref->n - 1000] ^= 1;
    if (!now && (ref ? blob_outweighs(ref, payload.n) : !planted(PLANT_BORROWED_KEPT))) {
        struct blob *own = blob_copy(payload);

        if (own) {
            blob_unref(ref);
            ref = own;
            payload = slice_of(ref->p, ref->n);
        } else if (!ref) {
            ref = error_blob(x->chain->conf->family, &(struct error_detail){.fail = FAIL_OUT_OF_MEMORY});
            payload = slice_of(ref->p, ref->n);
            is_error = true;
        }
    }
    if (ref)
        session_count(s, (long)payload.n);
    envelope_answer(&x->envelope, c, is_error, payload, ref);
    if (now)
        session_flush(s);
    else if (room_waits(s) || (first && (envelope_complete(&x->envelope) || x->envelope.held_bytes >= STREAM_FROM)))
        session_mark(s);
}

void session_due(struct session *s)
{
    struct worker *w = s->worker;
    uint64_t now_ms = worker_now_ms(w), at_ms;
    size_t queued = stream_queued_bytes(s->stream);

    heap_remove(&w->sessions_due, &s->due);
    if (taken(s) != s->taken_before)
        s->write_ms = now_ms; /* slow, but it reads */
    s->taken_before = taken(s);
    at_ms = due_at(s);
    if (at_ms > now_ms) {
        arm(s);
        return;
    }
    if (s->reading == READING_IDLE && s->n_exchanges == 0 && !queued) {
        goodbye(s);
        return;
    }
    w->stats.client_timeouts++;
    /* Who is late with a request may still be taking the answers to those before it. */
    if ((s->reading == READING_HEAD || s->reading == READING_BODY) &&
        (!queued || s->write_ms + w->conf->limits.write_timeout_ms > now_ms)) {
        request_bad(s, 408, NULL);
        stop_reading(s);
        return;
    }
    stream_abort(dismantle(s));
}

void session_drain(struct session *s)
{
    struct exchange *last;

    if (s->reading == READING_IDLE && s->n_exchanges == 0 && s->sent_bytes == 0 && !s->admin) {
        arm(s);
        return;
    }
    if (s->n_exchanges == 0 && s->reading != READING_HEAD && s->reading != READING_BODY) {
        if (stream_queued_bytes(s->stream) == 0)
            goodbye(s);
        else
            stop_reading(s); /* on_drain says goodbye */
        return;
    }
    if (s->n_exchanges) {
        last = container_of(s->exchanges.prev, struct exchange, node);
        last->keep_alive = false;
        deafen(s);
    }
}
