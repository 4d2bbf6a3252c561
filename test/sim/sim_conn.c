#include "sim_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim_loop.h"
#include "sim_node.h"

enum { LANE_MAX = 256 << 20, ROOM_AGAIN_US = 20 };

struct segment {
    struct list node;
    uint64_t at_us;
    enum { SEGMENT_DATA, SEGMENT_FIN, SEGMENT_RST } kind;
    size_t n;
    char p[];
};

/* What a stream_write left over, one chunk. */
struct pending {
    struct list node;
    struct blob *ref;
    const char *p;
    size_t n;
    char copy[];
};

enum stream_state { STREAM_OPEN, STREAM_ENDED, STREAM_FAILED, STREAM_LINGERING };

struct stream {
    struct world *w;
    struct sim_conn *c;
    const struct stream_ops *ops;
    void *owner;
    enum stream_state state;
    bool reading, shut;
    bool calling; /* inside a callback of ours */
    struct list queue;
    size_t queued_bytes;
    struct sim_event deliver, room, over; /* something to read; the kernel takes more; end of lingering */
};

/* -- lanes */

static void lane_init(struct sim_lane *l, void (*arrive)(struct sim_event *e))
{
    *l = (struct sim_lane){.arrive.fire = arrive};
    list_init(&l->flying);
    buf_init(&l->got, LANE_MAX);
}

static void lane_deinit(struct world *w, struct sim_lane *l)
{
    struct list *n;

    sim_cancel(w, &l->arrive);
    while ((n = list_pop(&l->flying)))
        free(container_of(n, struct segment, node));
    buf_deinit(&l->got);
}

static void lane_send(struct sim_conn *c, struct sim_lane *l, int kind, const char *p, size_t n, uint64_t more_us)
{
    struct segment *s = mem_grow(NULL, sizeof *s + n);

    s->kind = kind;
    s->n = n;
    if (n)
        memcpy(s->p, p, n);
    s->at_us = c->w->now_us + c->latency_us + more_us;
    if (s->at_us < l->last_us)
        s->at_us = l->last_us;
    l->last_us = s->at_us;
    l->flying_bytes += n;
    if (list_empty(&l->flying))
        sim_at(c->w, &l->arrive, s->at_us);
    list_push(&l->flying, &s->node);
    if (kind != SEGMENT_DATA)
        l->shut = true;
}

/* The next segment that is there, or NULL. */
static struct segment *lane_arrived(struct world *w, struct sim_lane *l)
{
    struct segment *s = container_of(l->flying.next, struct segment, node);

    if (list_empty(&l->flying) || s->at_us > w->now_us)
        return NULL;
    list_remove(&s->node);
    l->flying_bytes -= s->n;
    return s;
}

static void lane_rearm(struct world *w, struct sim_lane *l)
{
    if (!list_empty(&l->flying))
        sim_at(w, &l->arrive, container_of(l->flying.next, struct segment, node)->at_us);
}

static void lane_abort(struct sim_conn *c, struct sim_lane *l)
{
    if (!l->shut)
        lane_send(c, l, SEGMENT_RST, NULL, 0, 0);
}

static void wake_gateway(struct sim_conn *c);

static void on_arrive_up(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, up.arrive);
    struct segment *s;

    while ((s = lane_arrived(c->w, &c->up))) {
        if (s->kind == SEGMENT_RST) {
            c->up.rst = true;
            if (sim_chance(c->w, 500))
                buf_clear(&c->up.got); /* unread bytes may or may not survive a reset */
        } else if (s->kind == SEGMENT_FIN) {
            c->up.fin = true;
        } else if (c->gateway) {
            buf_append(&c->up.got, s->p, s->n);
        } else {
            lane_abort(c, &c->down); /* nobody there any more */
        }
        free(s);
    }
    lane_rearm(c->w, &c->up);
    if (c->gateway)
        wake_gateway(c);
}

static void on_arrive_down(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, down.arrive);
    struct segment *s;
    bool bytes = false;

    while ((s = lane_arrived(c->w, &c->down))) {
        if (s->kind == SEGMENT_RST) {
            c->down.rst = true;
        } else if (s->kind == SEGMENT_FIN) {
            c->down.fin = true;
        } else if (c->peer_closed) {
            lane_abort(c, &c->up);
        } else {
            buf_append(&c->down.got, s->p, s->n);
            bytes = true;
        }
        free(s);
    }
    lane_rearm(c->w, &c->down);
    if (bytes && !c->peer_closed)
        c->ops->on_bytes(c->owner);
    if ((c->down.fin || c->down.rst) && !c->peer_closed && !c->peer_told) {
        c->peer_told = true;
        c->ops->on_end(c->owner, c->down.rst);
    }
}

/* -- the peer's end */

static void on_deliver(struct sim_event *e);
static void on_room(struct sim_event *e);
static void on_linger_over(struct sim_event *e);

struct sim_conn *conn_new(struct world *w, struct node *node, const struct sim_peer_ops *ops, void *owner)
{
    struct sim_conn *c = mem_zero(sizeof *c);
    struct stream *s = mem_zero(sizeof *s);

    c->w = w;
    c->node = node;
    c->ops = ops;
    c->owner = owner;
    c->latency_us = 5 + sim_rnd(w, 100);
    c->window = sim_chance(w, 700) ? 262144 : 2000 + sim_rnd(w, 30000);
    lane_init(&c->up, on_arrive_up);
    lane_init(&c->down, on_arrive_down);
    list_push(&w->conns, &c->all);
    s->w = w;
    s->c = c;
    list_init(&s->queue);
    s->deliver.fire = on_deliver;
    s->room.fire = on_room;
    s->over.fire = on_linger_over;
    c->gateway = s;
    w->n_streams++;
    if (node)
        node->n_sockets++;
    return c;
}

void conn_free(struct sim_conn *c)
{
    sim_check(c->w, !c->gateway, "a stream of the gateway is still open at the end");
    lane_deinit(c->w, &c->up);
    lane_deinit(c->w, &c->down);
    list_remove(&c->all);
    free(c);
}

void conn_write(struct sim_conn *c, const char *p, size_t n)
{
    uint64_t more_us = 0;

    if (c->peer_closed || c->up.shut)
        return;
    while (n) {
        size_t part = sim_chance(c->w, 600) ? n : 1 + sim_rnd(c->w, n);

        lane_send(c, &c->up, SEGMENT_DATA, p, part, more_us);
        more_us += sim_chance(c->w, 300) ? sim_rnd(c->w, 300) : 0;
        p += part;
        n -= part;
    }
}

/* What the gateway has written, or writes now, the endpoint will never see. */
static void note_lost(struct sim_conn *c)
{
    if (c->node)
        c->node->lost_us = c->w->now_us;
}

void conn_shutdown(struct sim_conn *c)
{
    if (!c->peer_closed && !c->up.shut)
        lane_send(c, &c->up, SEGMENT_FIN, NULL, 0, 0);
}

void conn_reset(struct sim_conn *c)
{
    if (c->peer_closed)
        return;
    if (c->down.flying_bytes || c->down.got.n)
        note_lost(c);
    c->peer_closed = true;
    lane_abort(c, &c->up);
}

void conn_close(struct sim_conn *c)
{
    if (c->peer_closed)
        return;
    if (c->down.flying_bytes || c->down.got.n)
        note_lost(c);
    if (c->down.got.n)
        lane_abort(c, &c->up);
    else
        conn_shutdown(c);
    c->peer_closed = true;
    buf_deinit(&c->down.got);
}

struct slice conn_peek(const struct sim_conn *c)
{
    return buf_get(&c->down.got);
}

static size_t room(const struct sim_conn *c)
{
    size_t used = c->down.flying_bytes + c->down.got.n;

    return c->peer_closed || used >= c->window ? 0 : c->window - used;
}

void conn_take(struct sim_conn *c, size_t n)
{
    buf_consume(&c->down.got, n);
    if (c->gateway && !list_empty(&c->gateway->queue) && !heap_linked(&c->gateway->room.node))
        sim_soon(c->w, &c->gateway->room, c->latency_us);
}

/* -- the gateway's end */

static void wake_gateway(struct sim_conn *c)
{
    struct stream *s = c->gateway;

    if (!heap_linked(&s->deliver.node))
        sim_soon(c->w, &s->deliver, sim_rnd(c->w, 3));
    if (c->up.rst && !list_empty(&s->queue) && !heap_linked(&s->room.node))
        sim_soon(c->w, &s->room, 1);
}

static void pending_free(struct pending *q)
{
    list_remove(&q->node);
    blob_unref(q->ref);
    free(q);
}

static void drop(struct stream *s)
{
    struct world *w = s->w;

    while (!list_empty(&s->queue))
        pending_free(container_of(s->queue.next, struct pending, node));
    sim_cancel(w, &s->deliver);
    sim_cancel(w, &s->room);
    sim_cancel(w, &s->over);
    s->c->unread = s->c->up.got.n || s->c->up.flying_bytes;
    s->c->gateway = NULL;
    buf_deinit(&s->c->up.got);
    w->n_streams--;
    if (s->c->node)
        s->c->node->n_sockets--;
    free(s);
}

static void end(struct stream *s, int status)
{
    if (s->state == STREAM_LINGERING) {
        drop(s);
        return;
    }
    if (s->state != STREAM_OPEN && !(s->state == STREAM_ENDED && status < 0))
        return;
    s->state = status < 0 ? STREAM_FAILED : STREAM_ENDED;
    s->reading = false;
    if (!s->ops)
        return;
    sim_loop_touch(s->w->loop);
    sim_trace(s->w, "gateway: end of a %s's stream (%d)", s->c->node ? "node" : "client", status);
    s->ops->on_end(s->owner, status);
}

static void deliver_bytes(struct stream *s)
{
    struct buf *got = &s->c->up.got;
    struct sim_conn *c = s->c;
    char *p = NULL;
    size_t cap = 0, n;
    bool shared;

    if (s->ops->on_alloc)
        s->ops->on_alloc(s->owner, &p, &cap);
    shared = !p || cap == 0;
    if (shared)
        p = loop_buffer(s->w->loop, &cap);
    n = got->n < cap ? got->n : cap;
    if (n > 1 && sim_chance(s->w, 250))
        n = 1 + sim_rnd(s->w, n);
    memcpy(p, got->p, n);
    buf_consume(got, n);
    sim_loop_touch(s->w->loop);
    sim_trace(s->w, "gateway: reads %zu bytes of %s", n, c->node ? c->node->name : "a client");
    s->ops->on_read(s->owner, p, n);
    if (shared)
        memset(p, 0xdd, n); /* who kept a slice of it will notice */
}

static void on_deliver(struct sim_event *e)
{
    struct stream *s = container_of(e, struct stream, deliver);
    struct sim_conn *c = s->c;

    if (s->state == STREAM_LINGERING) {
        buf_clear(&c->up.got);
        if (c->up.fin || c->up.rst)
            drop(s);
        return;
    }
    if (!s->reading)
        return;
    if (c->up.got.n)
        deliver_bytes(s);
    else if (c->up.rst)
        end(s, -ECONNRESET);
    else if (c->up.fin)
        end(s, 0);
    s = c->gateway; /* the call may have closed it */
    if (s && s->reading && (c->up.got.n || c->up.rst || c->up.fin) && !heap_linked(&s->deliver.node))
        sim_soon(s->w, &s->deliver, sim_rnd(s->w, 4));
}

void stream_own(struct stream *s, const struct stream_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

int stream_read_start(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return s->state == STREAM_ENDED ? 0 : -ENOTCONN;
    s->reading = true;
    wake_gateway(s->c);
    return 0;
}

void stream_read_stop(struct stream *s)
{
    s->reading = false;
}

/* What the kernel takes now; a socket of the real world may take less than there is room for, and nothing is lost. */
static size_t takes(struct stream *s, size_t n)
{
    size_t free_bytes = room(s->c);

    if (free_bytes && sim_chance(s->w, 30))
        free_bytes = sim_rnd(s->w, free_bytes);
    return n < free_bytes ? n : free_bytes;
}

static void leave(struct stream *s, const char *p, size_t n)
{
    if (n)
        lane_send(s->c, &s->c->down, SEGMENT_DATA, p, n, 0);
}

static void queue_chunk(struct stream *s, const struct chunk *v, size_t skip)
{
    size_t n = v->s.n - skip;
    struct pending *q = mem_grow(NULL, sizeof *q + (v->ref ? 0 : n));

    q->ref = v->ref ? blob_ref(v->ref) : NULL;
    q->n = n;
    q->p = v->s.p + skip;
    if (!q->ref)
        q->p = memcpy(q->copy, q->p, n);
    list_push(&s->queue, &q->node);
    s->queued_bytes += n;
}

int stream_write(struct stream *s, const struct chunk *v, unsigned n)
{
    struct sim_conn *c = s->c;

    if ((s->state != STREAM_OPEN && s->state != STREAM_ENDED) || s->shut)
        return -EPIPE;
    if (c->up.rst) {
        s->state = STREAM_FAILED;
        return -EPIPE;
    }
    c->written_us = s->w->now_us;
    if (c->peer_closed)
        note_lost(c);
    for (unsigned i = 0; i < n; i++) {
        const struct blob *ref = v[i].ref;
        size_t now;

        sim_check(s->w, !ref || (v[i].s.p >= ref->p && v[i].s.p + v[i].s.n <= ref->p + ref->n),
                  "a chunk lies outside the bytes of its reference");
        now = list_empty(&s->queue) ? takes(s, v[i].s.n) : 0;
        leave(s, v[i].s.p, now);
        if (now < v[i].s.n)
            queue_chunk(s, &v[i], now);
        if (c->node)
            node_departure(c->node, v[i].s);
    }
    if (!list_empty(&s->queue) && room(c) && !heap_linked(&s->room.node))
        sim_soon(s->w, &s->room, ROOM_AGAIN_US);
    return 0;
}

static void flush(struct stream *s)
{
    while (!list_empty(&s->queue)) {
        struct pending *q = container_of(s->queue.next, struct pending, node);
        size_t now = takes(s, q->n);

        leave(s, q->p, now);
        q->p += now;
        q->n -= now;
        s->queued_bytes -= now;
        if (q->n)
            return;
        pending_free(q);
    }
    if (s->shut && !s->c->down.shut)
        lane_send(s->c, &s->c->down, SEGMENT_FIN, NULL, 0, 0);
}

static void on_room(struct sim_event *e)
{
    struct stream *s = container_of(e, struct stream, room);

    if (s->c->up.rst) {
        end(s, -EPIPE);
        return;
    }
    flush(s);
    if (!list_empty(&s->queue)) {
        if (room(s->c))
            sim_soon(s->w, &s->room, ROOM_AGAIN_US);
        return;
    }
    if (s->state <= STREAM_ENDED && s->ops && s->ops->on_drain) {
        sim_loop_touch(s->w->loop);
        s->ops->on_drain(s->owner);
    }
}

size_t stream_queued_bytes(const struct stream *s)
{
    return s->queued_bytes;
}

int stream_shutdown(struct stream *s)
{
    if (s->shut)
        return 0;
    s->shut = true;
    if (list_empty(&s->queue) && !s->c->down.shut)
        lane_send(s->c, &s->c->down, SEGMENT_FIN, NULL, 0, 0);
    return 0;
}

struct stream *stream_close(struct stream *s)
{
    struct sim_conn *c;

    if (!s)
        return NULL;
    c = s->c;
    if (!c->down.shut)
        lane_send(c, &c->down, c->up.got.n ? SEGMENT_RST : SEGMENT_FIN, NULL, 0, 0);
    drop(s);
    return NULL;
}

struct stream *stream_abort(struct stream *s)
{
    if (!s)
        return NULL;
    lane_abort(s->c, &s->c->down);
    drop(s);
    return NULL;
}

struct stream *stream_linger(struct stream *s, unsigned linger_ms)
{
    if (!s)
        return NULL;
    if (s->state == STREAM_FAILED)
        return stream_close(s);
    stream_shutdown(s);
    if (s->state == STREAM_ENDED && list_empty(&s->queue))
        return stream_close(s);
    s->ops = NULL;
    s->owner = NULL;
    s->reading = false;
    s->state = STREAM_LINGERING;
    sim_soon(s->w, &s->over, linger_ms * UINT64_C(1000));
    wake_gateway(s->c);
    return NULL;
}

static void on_linger_over(struct sim_event *e)
{
    stream_close(container_of(e, struct stream, over));
}

char *stream_peer(const struct stream *s, char *out, size_t cap)
{
    (void)s;
    snprintf(out, cap, "127.0.0.1:1");
    return out;
}

const char *stream_tls_version(const struct stream *s)
{
    (void)s;
    return NULL;
}

bool stream_tls_resumed(const struct stream *s)
{
    (void)s;
    return false;
}
