#include "devnode/devnode.h"

#include <stdlib.h>
#include <time.h>

#include "base/blob.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "devnode/devnode_answers.h"
#include "devnode/devnode_body.h"
#include "devnode/devnode_chain.h"
#include "devnode/devnode_http.h"
#include "devnode/devnode_mix.h"
#include "http/h1_server.h"
#include "io/alarm.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"

enum {
    EVM_BODY_MAX = 5 * 1024 * 1024, /* geth */
    SOLANA_BODY_MAX = 50 * 1024,    /* agave */
    HEAD_MAX = 16384,
    FIELDS_MAX = 100,
    TARGET_MAX = 8192,
    OUT_MAX = 256 * 1024 * 1024, /* one answer; eth_getLogs may write some MB for each of 1000 elements */
    FLUSH_BYTES = 256 * 1024,
    KEEP_BYTES = 1024 * 1024,    /* of scratch memory after a large answer */
    QUEUE_MAX = 4 * 1024 * 1024, /* of a client that does not read: it is not read either */
    ANSWERS_MAX = 1000,          /* waiting answers of one connection */
    LINGER_MS = 1000
};

enum conn_state {
    CONN_OPEN,
    CONN_ENDING /* nothing more is read; closed once the answers under way have left */
};

struct conn {
    struct list node;           /* in devnode.conns */
    struct heap_node due, idle; /* when its first answer leaves (us); when it may be idle for too long (ms) */
    struct devnode *d;
    struct stream *stream;
    struct h1_server *http;
    struct devnode_answers answers;
    unsigned requests;
    uint64_t busy_us; /* until then the node works on what this connection asked before */
    uint64_t taken;   /* bytes of the request under way */
    bool reading;
    uint64_t active_ms;
    enum conn_state state;
};

struct devnode {
    struct loop *loop;
    struct listener *listener;
    struct devnode_conf conf;
    struct h1_server_conf http_conf;
    struct devnode_chain *chain;
    struct devnode_body body;
    struct list conns;
    struct heap due, idle;   /* of struct conn */
    struct loop_timer timer; /* of idle */
    struct alarm *alarm;     /* of due */
    uint64_t wall_ms;        /* the loop's time plus this is the wall clock's */
    uint64_t random;
    uint64_t core_us[DEVNODE_CORES_MAX]; /* until when each of conf.cores is at work */
    uint64_t second, calls_in_second;    /* for the rate limit */
    struct buf out, json;                /* scratch: what is written next; one body */
    struct devnode_stats stats;          /* but for what the body counts */
};

static bool chance(struct devnode *d, double rate)
{
    return rate > 0 && (double)(mix_next(&d->random) >> 11) * 0x1p-53 < rate;
}

/* ---- time ---- */

static void arm(struct devnode *d)
{
    struct heap_node *due = heap_first(&d->due), *idle = heap_first(&d->idle);

    alarm_set(d->alarm, due ? due->key : UINT64_MAX);
    if (!idle)
        loop_timer_clear(d->loop, &d->timer);
    else if (!heap_linked(&d->timer.node) || d->timer.node.key != idle->key)
        loop_timer_set(d->loop, &d->timer, idle->key);
}

/* ---- connections ---- */

/* The stream has been closed or handed off. */
static void conn_free(struct conn *c)
{
    devnode_answers_drop(&c->answers);
    heap_remove(&c->d->due, &c->due);
    heap_remove(&c->d->idle, &c->idle);
    list_remove(&c->node);
    h1_server_free(c->http);
    free(c);
}

static void conn_close(struct conn *c)
{
    stream_close(c->stream);
    conn_free(c);
}

static void conn_reset(struct conn *c)
{
    stream_abort(c->stream);
    conn_free(c);
}

static void conn_stop_reading(struct conn *c)
{
    if (c->reading)
        stream_read_stop(c->stream);
    c->reading = false;
}

static void conn_end(struct conn *c)
{
    c->state = CONN_ENDING;
    conn_stop_reading(c);
}

/* Reads on, or not, by how much waits to leave. false: the connection is gone. */
static bool conn_settle(struct conn *c)
{
    bool full = stream_queued_bytes(c->stream) > QUEUE_MAX || c->answers.n >= ANSWERS_MAX;

    if (c->state == CONN_ENDING) {
        if (c->answers.n)
            return true;
        stream_linger(c->stream, LINGER_MS);
        conn_free(c);
        return false;
    }
    if (full) {
        conn_stop_reading(c);
    } else if (!c->reading) {
        if (stream_read_start(c->stream) < 0) {
            conn_close(c);
            return false;
        }
        c->reading = true;
    }
    return true;
}

static bool conn_flush(struct conn *c)
{
    struct devnode *d = c->d;
    struct chunk chunk = {buf_get(&d->out), NULL};
    int r = d->out.n ? stream_write(c->stream, &chunk, 1) : 0;

    buf_clear(&d->out);
    if (d->out.cap > KEEP_BYTES)
        buf_deinit(&d->out);
    return r >= 0;
}

/* ---- answers ---- */

/* One whole answer into `out`. */
static int write_answer(struct devnode *d, struct buf *out, unsigned status, const char *more, bool head_only)
{
    const char *type = status != 200 && status != 429 ? "text/plain; charset=utf-8"
                       : d->conf.solana               ? "application/json; charset=utf-8"
                                                      : "application/json";
    int r = devnode_write_head(out, status, type, d->json.n, more);

    return r || head_only ? r : buf_slice(out, buf_get(&d->json));
}

static bool over_rate(struct devnode *d)
{
    uint64_t second = loop_now_ms(d->loop) / 1000;

    if (!d->conf.rate_limit_per_s)
        return false;
    if (second != d->second) {
        d->second = second;
        d->calls_in_second = 0;
    }
    return d->calls_in_second >= d->conf.rate_limit_per_s;
}

static const struct slice stats_path = {"/devnode_stats", 14}, set_path = {"/devnode_set", 12};

/* Of the node itself. */
static bool asks(const struct h1_request *q, struct slice path)
{
    return q->method == H1_GET && slice_eq(q->path, path);
}

static struct devnode_stats stats_now(const struct devnode *d)
{
    struct devnode_stats s = d->stats;

    s.calls = d->body.calls;
    s.batches = d->body.batches;
    s.batch_calls = d->body.batch_calls;
    s.batches_refused = d->body.batches_refused;
    s.largest_batch = d->body.largest_batch;
    return s;
}

/* Fills d->json; returns the HTTP status, or <0. */
static int decide(struct devnode *d, const struct h1_request *q)
{
    uint64_t before = d->body.calls;
    int r;

    buf_clear(&d->json);
    if (asks(q, stats_path)) {
        const struct devnode_stats s = stats_now(d);

        return devnode_write_stats(&s, &d->json) ? -1 : 200;
    }
    if (asks(q, set_path))
        return devnode_settings_read(&d->conf, q->query) ? 200 : 400;
    if (q->method == H1_GET || q->method == H1_HEAD || q->method == H1_OPTIONS) {
        /* geth answers health checks with an empty 200, agave names its state. */
        r = d->conf.solana && slice_eq(q->path, SLICE("/health")) ? buf_str(&d->json, "ok") : 0;
        return r ? -1 : 200;
    }
    if (q->method != H1_POST)
        return buf_str(&d->json, "method not allowed\n") ? -1 : 405;
    if (!devnode_content_type_ok(q->content_type))
        return buf_str(&d->json, "invalid content type, only application/json is supported\n") ? -1 : 415;
    if (over_rate(d)) {
        r = buf_str(&d->json,
                    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":429,\"message\":\"Too many requests\"}}\n");
        return r ? -1 : 429;
    }
    r = devnode_body_answer(&d->body, q->body, d->wall_ms + loop_now_ms(d->loop), &d->json);
    d->calls_in_second += d->body.calls - before;
    return r ? -1 : 200;
}

static uint64_t delay_us(struct devnode *d)
{
    if (chance(d, d->conf.slow_rate))
        return d->conf.slow_us;
    return d->conf.delay_us + (d->conf.jitter_us ? mix_next(&d->random) % (d->conf.jitter_us + 1) : 0);
}

/* Keeps what d->out holds from `mark` on until its time; answers of one connection stay in order. */
static int conn_postpone(struct conn *c, size_t mark, uint64_t due_us)
{
    struct devnode *d = c->d;
    struct slice bytes = slice_of(d->out.p + mark, d->out.n - mark);
    size_t first = d->conf.half_us ? bytes.n / 2 : bytes.n;
    int r = devnode_answers_add(&c->answers, slice_of(bytes.p, first), due_us);

    if (!r && first < bytes.n)
        r = devnode_answers_add(&c->answers, slice_of(bytes.p + first, bytes.n - first), due_us + d->conf.half_us);
    d->out.n = mark;
    heap_set(&d->due, &c->due, devnode_answers_due_us(&c->answers));
    return r;
}

/* A request has been answered by what stands in d->out from `mark` on. */
static void count_request(struct conn *c, size_t mark)
{
    struct devnode_stats *s = &c->d->stats;

    s->requests++;
    s->bytes_in += c->taken;
    s->bytes_out += c->d->out.n - mark;
}

/* When work that could begin at_us is done: the core that is free first does it. */
static uint64_t core_done_us(struct devnode *d, uint64_t at_us, uint64_t work)
{
    uint64_t *first = &d->core_us[0];

    if (!d->conf.cores)
        return at_us + work;
    for (unsigned i = 1; i < d->conf.cores; i++)
        if (d->core_us[i] < *first)
            first = &d->core_us[i];
    return *first = (*first > at_us ? *first : at_us) + work;
}

/* When the answer to a request that has just arrived is back where it came from; 0: at once. */
static uint64_t conn_due_us(struct conn *c, uint64_t calls)
{
    struct devnode *d = c->d;
    uint64_t work = d->conf.request_us + d->conf.call_us * calls, way = delay_us(d), now_us;

    if (!work && !way && !d->conf.half_us)
        return 0;
    now_us = loop_clock_us(d->loop);
    if (work)
        c->busy_us = core_done_us(d, c->busy_us > now_us ? c->busy_us : now_us, work);
    return (work ? c->busy_us : now_us) + way;
}

/* false: the connection must be closed. */
static bool conn_answer(struct conn *c, const struct h1_request *q)
{
    struct devnode *d = c->d;
    size_t mark = d->out.n;
    bool last, post = q->method == H1_POST;
    uint64_t due_us, calls = d->body.calls;
    const char *more;
    int status = decide(d, q);

    if (status < 0)
        return false;
    c->requests++;
    last = !q->keep_alive || (d->conf.max_requests_per_socket && c->requests >= d->conf.max_requests_per_socket);
    if (status == 429)
        more = last ? "\r\nRetry-After: 1\r\nConnection: close" : "\r\nRetry-After: 1";
    else
        more = last            ? "\r\nConnection: close"
               : q->minor == 0 ? "\r\nConnection: keep-alive"
               : status == 405 ? "\r\nAllow: POST"
                               : "";
    if (write_answer(d, &d->out, (unsigned)status, more, q->method == H1_HEAD))
        return false;
    if (post)
        count_request(c, mark);
    if (d->json.cap > KEEP_BYTES)
        buf_deinit(&d->json);
    due_us = asks(q, stats_path) || asks(q, set_path) ? 0 : conn_due_us(c, d->body.calls - calls);
    if ((due_us || c->answers.n) && conn_postpone(c, mark, due_us))
        return false;
    if (last)
        conn_end(c);
    return true;
}

static bool conn_refuse(struct conn *c)
{
    struct devnode *d = c->d;
    size_t mark = d->out.n;
    int r;

    buf_clear(&d->json);
    r = buf_str(&d->json, h1_server_bad_reason(c->http));
    if (!r)
        r = write_answer(d, &d->out, h1_server_bad_status(c->http), "\r\nConnection: close", false);
    if (!r)
        count_request(c, mark);
    if (!r && c->answers.n)
        r = conn_postpone(c, mark, 0);
    conn_end(c);
    return r == 0;
}

static void on_read(void *owner, char *p, size_t n)
{
    struct conn *c = owner;
    struct devnode *d = c->d;
    bool good = true;

    c->active_ms = loop_now_ms(d->loop);
    while (n && good && c->state == CONN_OPEN) {
        size_t used = 0;
        enum h1_server_event e = h1_server_feed(c->http, p, n, &used);

        p += used;
        n -= used;
        c->taken += used;
        if (e == H1_SERVER_MORE)
            break;
        if (e == H1_SERVER_HEAD) {
            if (h1_server_request(c->http)->expect_continue)
                good = buf_str(&d->out, "HTTP/1.1 100 Continue\r\n\r\n") == 0;
        } else if (e == H1_SERVER_BAD) {
            good = conn_refuse(c);
        } else {
            if (chance(d, d->conf.reset_rate)) {
                d->stats.resets++;
                buf_clear(&d->out);
                conn_reset(c);
                arm(d);
                return;
            }
            good = conn_answer(c, h1_server_request(c->http));
            h1_server_next(c->http);
            c->taken = 0;
        }
        if (good && d->out.n > FLUSH_BYTES)
            good = conn_flush(c);
    }
    if (conn_flush(c) && good)
        conn_settle(c);
    else
        conn_close(c);
    arm(d);
}

static void on_end(void *owner, int status)
{
    struct conn *c = owner;
    struct devnode *d = c->d;

    if (status == 0 && c->answers.n) {
        c->reading = false;
        c->state = CONN_ENDING;
    } else {
        conn_close(c);
    }
    arm(d);
}

static void on_drain(void *owner)
{
    conn_settle(owner);
}

/* All answers of a connection that are due, in one write each. */
static void conn_send_due(struct conn *c, uint64_t now_us)
{
    struct blob *b;

    while ((b = devnode_answers_take(&c->answers, now_us)) != NULL) {
        struct chunk chunk = {slice_of(b->p, b->n), b};
        int r = stream_write(c->stream, &chunk, 1);

        blob_unref(b);
        if (r < 0) {
            conn_close(c);
            return;
        }
    }
    if (c->answers.n)
        heap_set(&c->d->due, &c->due, devnode_answers_due_us(&c->answers));
    else
        heap_remove(&c->d->due, &c->due);
    conn_settle(c);
}

static void on_alarm(void *owner)
{
    struct devnode *d = owner;
    uint64_t now_us = loop_clock_us(d->loop);
    struct heap_node *first;

    while ((first = heap_first(&d->due)) != NULL && first->key <= now_us)
        conn_send_due(container_of(first, struct conn, due), now_us);
    arm(d);
}

static void on_timer(struct loop_timer *t)
{
    struct devnode *d = container_of(t, struct devnode, timer);
    uint64_t now_ms = loop_now_ms(d->loop);
    struct heap_node *first;

    while ((first = heap_first(&d->idle)) != NULL && first->key <= now_ms) {
        struct conn *c = container_of(first, struct conn, idle);
        uint64_t end_ms = c->active_ms + d->conf.idle_timeout_ms;

        /* Not moved at each request, only looked up when it may be over. */
        if (end_ms > now_ms)
            heap_set(&d->idle, first, end_ms);
        else if (c->answers.n)
            heap_set(&d->idle, first, now_ms + d->conf.idle_timeout_ms);
        else
            conn_close(c);
    }
    arm(d);
}

static void on_accept(void *owner, struct listener *l, struct stream *s)
{
    static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end, .on_drain = on_drain};
    struct devnode *d = owner;
    struct conn *c = mem_zero(sizeof *c);

    (void)l;
    d->stats.connections++;
    c->d = d;
    c->stream = s;
    c->http = h1_server_new(&d->http_conf);
    devnode_answers_init(&c->answers);
    list_init(&c->node);
    list_push(&d->conns, &c->node);
    c->active_ms = loop_now_ms(d->loop);
    if (d->conf.idle_timeout_ms)
        heap_set(&d->idle, &c->idle, c->active_ms + d->conf.idle_timeout_ms);
    stream_own(s, &ops, c);
    conn_settle(c);
    arm(d);
}

static uint64_t wall_clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int devnode_new(struct devnode **out, struct loop *loop, const struct devnode_conf *conf)
{
    static const struct listener_ops ops = {.on_accept = on_accept};
    struct devnode *d = mem_zero(sizeof *d);
    int r;

    d->loop = loop;
    d->conf = *conf;
    d->http_conf = (struct h1_server_conf){.max_body_bytes = conf->max_body_bytes ? conf->max_body_bytes
                                                             : conf->solana       ? SOLANA_BODY_MAX
                                                                                  : EVM_BODY_MAX,
                                           .max_head_bytes = HEAD_MAX,
                                           .max_fields = FIELDS_MAX,
                                           .max_target_bytes = TARGET_MAX};
    d->chain = devnode_chain_new(conf);
    devnode_body_init(&d->body, d->chain, &d->conf);
    list_init(&d->conns);
    heap_init(&d->due);
    heap_init(&d->idle);
    d->timer.fire = on_timer;
    /* Read once: the head must not go back when the wall clock does. */
    d->wall_ms = wall_clock_ms() - loop_now_ms(loop);
    d->random = mix64(conf->seed + 2);
    buf_init(&d->out, OUT_MAX);
    buf_init(&d->json, OUT_MAX);
    r = alarm_new(&d->alarm, loop, on_alarm, d);
    if (!r)
        r = listener_new(&d->listener, loop, conf->listen, &ops, d);
    d->conf.listen = NULL; /* borrowed from the caller until now */
    if (r)
        devnode_close(d);
    else
        *out = d;
    return r;
}

const char *devnode_address(const struct devnode *d)
{
    return listener_address(d->listener);
}

struct devnode *devnode_close(struct devnode *d)
{
    if (!d)
        return NULL;
    if (d->listener)
        listener_close(d->listener);
    while (!list_empty(&d->conns))
        conn_close(container_of(d->conns.next, struct conn, node));
    loop_timer_clear(d->loop, &d->timer);
    d->alarm = alarm_close(d->alarm);
    heap_deinit(&d->due);
    heap_deinit(&d->idle);
    buf_deinit(&d->out);
    buf_deinit(&d->json);
    devnode_chain_free(d->chain);
    free(d);
    return NULL;
}
