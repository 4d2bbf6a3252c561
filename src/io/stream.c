#include "io/stream.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/stream_priv.h"
#include "io/tls_stream.h"

enum { WRITE_CHUNKS = 64 }; /* how many chunks go into one writev */

/* What one stream_write left over: references, and behind them one copy of all that had none, or that would have kept
 * much larger blobs in memory. */
struct write {
    uv_write_t req;
    struct stream *s;
    unsigned n;
    struct blob *ref[];
};

struct lingering {
    struct loop_timer timer;
    struct stream *s;
};

static void on_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;

    assert(s->writes == 0);
    tls_stream_free(s);
    free(s);
}

/* Unlinks from everyone; the memory goes in on_closed. */
static void stream_drop(struct stream *s)
{
    assert(s->state != STREAM_CLOSING);
    s->state = STREAM_CLOSING;
    s->reading = false;
    s->ops = NULL;
    s->owner = NULL;
    if (s->tls)
        tls_stream_detach(s);
    if (s->linger) {
        loop_timer_clear(s->loop, &s->linger->timer);
        free(s->linger);
        s->linger = NULL;
    }
}

void stream_end(struct stream *s, int status)
{
    if (s->state == STREAM_LINGERING) {
        stream_close(s);
        return;
    }
    if (s->state != STREAM_OPEN && !(s->state == STREAM_ENDED && status < 0))
        return;
    s->state = status < 0 ? STREAM_FAILED : STREAM_ENDED;
    s->reading = false;
    uv_read_stop(&s->uv.stream);
    if (!s->ops)
        return;
    loop_touch(s->loop);
    s->ops->on_end(s->owner, status);
}

void stream_alloc(struct stream *s, char **p, size_t *cap)
{
    *p = NULL;
    *cap = 0;
    if (s->ops && s->ops->on_alloc)
        s->ops->on_alloc(s->owner, p, cap);
    if (!*p || *cap == 0)
        *p = loop_buffer(s->loop, cap);
}

static void on_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = handle->data;
    char *p;
    size_t cap;

    (void)suggested;
    if (s->tls)
        p = loop_cipher_buffer(s->loop, &cap);
    else
        stream_alloc(s, &p, &cap);
    *buf = uv_buf_init(p, cap > UINT32_MAX ? UINT32_MAX : (unsigned)cap);
}

static void on_uv_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = handle->data;

    if (n == 0)
        return; /* EAGAIN */
    if (s->state == STREAM_LINGERING) {
        if (n < 0)
            stream_close(s);
        return;
    }
    if (n == UV_EOF) {
        if (s->tls)
            tls_stream_eof(s);
        else
            stream_end(s, 0);
    } else if (n < 0) {
        stream_end(s, (int)n);
    } else if (s->tls) {
        tls_stream_input(s, buf->base, (size_t)n);
    } else if (s->reading) {
        loop_touch(s->loop);
        s->ops->on_read(s->owner, buf->base, (size_t)n);
    }
}

int stream_watch(struct stream *s)
{
    int r = uv_read_start(&s->uv.stream, on_uv_alloc, on_uv_read);

    return r == UV_EALREADY ? 0 : r;
}

static struct stream *stream_new(struct loop *l)
{
    struct stream *s = mem_zero(sizeof *s);

    s->loop = l;
    return s;
}

struct stream *stream_new_tcp(struct loop *l)
{
    struct stream *s = stream_new(l);

    uv_tcp_init(&l->uv, &s->uv.tcp); /* cannot fail: no socket is made yet */
    s->uv.handle.data = s;
    return s;
}

struct stream *stream_new_pipe(struct loop *l)
{
    struct stream *s = stream_new(l);

    uv_pipe_init(&l->uv, &s->uv.pipe, 0);
    s->uv.handle.data = s;
    return s;
}

void stream_own(struct stream *s, const struct stream_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

int stream_read_start(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return s->state == STREAM_ENDED ? 0 : UV_ENOTCONN;
    if (s->reading)
        return 0;
    s->reading = true;
    return s->tls ? tls_stream_resume(s) : stream_watch(s);
}

void stream_read_stop(struct stream *s)
{
    if (!s->reading)
        return;
    s->reading = false;
    uv_read_stop(&s->uv.stream);
}

static void write_free(struct write *w)
{
    for (unsigned i = 0; i < w->n; i++)
        blob_unref(w->ref[i]);
    free(w);
}

static void on_written(uv_write_t *req, int status)
{
    struct write *w = req->data;
    struct stream *s = w->s;

    write_free(w);
    s->writes--;
    if (s->state == STREAM_CLOSING)
        return;
    if (status < 0) {
        stream_end(s, status);
    } else if (s->writes == 0 && stream_live(s) && s->ops && s->ops->on_drain) {
        loop_touch(s->loop);
        s->ops->on_drain(s->owner);
    }
}

static bool copies(const struct chunk *c, size_t len)
{
    return !c->ref || blob_outweighs(c->ref, len);
}

/* What of the next chunk is left after `skip` bytes of this and others. */
static size_t rest(const struct chunk *c, size_t *skip)
{
    size_t part = *skip < c->s.n ? *skip : c->s.n;

    *skip -= part;
    return c->s.n - part;
}

/* Takes over what of the chunks is left after `skip` bytes: the buffers for libuv point into it. */
static int write_new(struct write **out, struct stream *s, const struct chunk *v, unsigned n, size_t skip,
                     uv_buf_t *bufs, unsigned *nbufs)
{
    struct write *w;
    size_t copied = 0, skipped = skip;
    char *copy;

    for (unsigned i = 0; i < n; i++) {
        size_t len = rest(&v[i], &skipped);

        copied += copies(&v[i], len) ? len : 0;
    }
    w = malloc(sizeof *w + n * sizeof w->ref[0] + copied);
    if (!w)
        return UV_ENOMEM;
    w->s = s;
    w->n = 0;
    w->req.data = w;
    copy = (char *)&w->ref[n];
    *nbufs = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t len = rest(&v[i], &skip);
        char *p = (char *)(uintptr_t)v[i].s.p + (v[i].s.n - len);

        if (len == 0)
            continue;
        if (copies(&v[i], len)) {
            p = memcpy(copy, p, len);
            copy += len;
        } else {
            w->ref[w->n++] = blob_ref(v[i].ref);
        }
        bufs[(*nbufs)++] = uv_buf_init(p, (unsigned)len);
    }
    *out = w;
    return 0;
}

static int stream_queue(struct stream *s, const struct chunk *v, unsigned n, size_t skip)
{
    while (n > 0) {
        uv_buf_t bufs[WRITE_CHUNKS];
        unsigned k = n < WRITE_CHUNKS ? n : WRITE_CHUNKS, nbufs;
        struct write *w;
        int r = write_new(&w, s, v, k, skip, bufs, &nbufs);

        if (r)
            return r;
        skip = 0; /* a short write never reaches past the first group */
        r = nbufs ? uv_write(&w->req, &s->uv.stream, bufs, nbufs, on_written) : 0;
        if (r || nbufs == 0)
            write_free(w);
        else
            s->writes++;
        if (r)
            return r;
        v += k;
        n -= k;
    }
    return 0;
}

/* One chunk, and nothing before it: nearly always it is taken at once. */
static int write_one(struct stream *s, const struct chunk *v)
{
    uv_buf_t buf = {.base = (char *)(uintptr_t)v->s.p, .len = v->s.n};
    int r = v->s.n ? uv_try_write(&s->uv.stream, &buf, 1) : 0;

    if (r == UV_EAGAIN)
        r = 0;
    if (r < 0 || (size_t)r == v->s.n)
        return r < 0 ? r : 0;
    return stream_queue(s, v, 1, (size_t)r);
}

static int write_many(struct stream *s, const struct chunk *v, unsigned n)
{
    while (n > 0 && s->writes == 0) {
        uv_buf_t bufs[WRITE_CHUNKS];
        unsigned k = n < WRITE_CHUNKS ? n : WRITE_CHUNKS, nbufs = 0;
        size_t want = 0;
        int r = 0;

        for (unsigned i = 0; i < k; i++) {
            if (v[i].s.n == 0)
                continue;
            bufs[nbufs++] = (uv_buf_t){.base = (char *)(uintptr_t)v[i].s.p, .len = v[i].s.n};
            want += v[i].s.n;
        }
        if (nbufs)
            r = uv_try_write(&s->uv.stream, bufs, nbufs);
        if (r == UV_EAGAIN)
            r = 0;
        if (r < 0)
            return r;
        if ((size_t)r < want)
            return stream_queue(s, v, n, (size_t)r);
        v += k;
        n -= k;
    }
    return n ? stream_queue(s, v, n, 0) : 0;
}

int stream_write_raw(struct stream *s, const struct chunk *v, unsigned n)
{
    return n == 1 && s->writes == 0 ? write_one(s, v) : write_many(s, v, n);
}

int stream_write(struct stream *s, const struct chunk *v, unsigned n)
{
    int r;

    if (!stream_live(s))
        return UV_EPIPE;
    if (s->shut)
        return UV_EPIPE;
    r = s->tls ? tls_stream_write(s, v, n) : stream_write_raw(s, v, n);
    if (r < 0)
        s->state = STREAM_FAILED;
    return r;
}

size_t stream_queued_bytes(const struct stream *s)
{
    return s->writes ? uv_stream_get_write_queue_size(&s->uv.stream) : 0;
}

static void on_shut(uv_shutdown_t *req, int status)
{
    struct stream *s = req->data;

    free(req);
    /* ENOTCONN: the peer was quicker; its end arrives by itself. */
    if (status < 0 && status != UV_ENOTCONN && status != UV_ECANCELED && s->state != STREAM_CLOSING)
        stream_end(s, status);
}

int stream_shutdown(struct stream *s)
{
    uv_shutdown_t *req;
    int r;

    if (s->shut)
        return 0;
    if (!stream_live(s) && s->state != STREAM_LINGERING)
        return UV_EPIPE;
    if (s->tls)
        tls_stream_notify(s);
    s->shut = true;
    req = mem_zero(sizeof *req);
    req->data = s;
    r = uv_shutdown(req, &s->uv.stream, on_shut);
    if (r)
        free(req);
    return r;
}

struct stream *stream_close(struct stream *s)
{
    if (!s)
        return NULL;
    if (s->tls && stream_live(s))
        tls_stream_notify(s);
    stream_drop(s);
    uv_close(&s->uv.handle, on_closed);
    return NULL;
}

struct stream *stream_abort(struct stream *s)
{
    if (!s)
        return NULL;
    stream_drop(s);
    if (s->uv.handle.type != UV_TCP || uv_tcp_close_reset(&s->uv.tcp, on_closed))
        uv_close(&s->uv.handle, on_closed);
    return NULL;
}

static void on_linger_over(struct loop_timer *t)
{
    stream_close(container_of(t, struct lingering, timer)->s);
}

struct stream *stream_linger(struct stream *s, unsigned linger_ms)
{
    int r;

    if (!s)
        return NULL;
    if (!stream_live(s))
        return stream_close(s);
    r = stream_shutdown(s);
    if (s->state == STREAM_ENDED && s->writes == 0)
        return stream_close(s); /* the peer has ended too: nothing of ours can be destroyed any more */
    s->ops = NULL;
    s->owner = NULL;
    s->reading = false;
    s->linger = mem_zero(sizeof *s->linger);
    s->linger->s = s;
    s->linger->timer.fire = on_linger_over;
    s->state = STREAM_LINGERING;
    if (r == 0)
        r = stream_watch(s);
    if (r)
        return stream_close(s);
    loop_timer_set(s->loop, &s->linger->timer, loop_now_ms(s->loop) + linger_ms);
    return NULL;
}

char *stream_peer(const struct stream *s, char *out, size_t cap)
{
    struct sockaddr_storage a;
    int len = sizeof a;
    char ip[INET6_ADDRSTRLEN];

    if (s->uv.handle.type != UV_TCP) {
        snprintf(out, cap, "unix");
    } else if (uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&a, &len)) {
        snprintf(out, cap, "gone");
    } else if (a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a;

        uv_ip6_name(a6, ip, sizeof ip);
        snprintf(out, cap, "[%s]:%u", ip, ntohs(a6->sin6_port));
    } else {
        const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a;

        uv_ip4_name(a4, ip, sizeof ip);
        snprintf(out, cap, "%s:%u", ip, ntohs(a4->sin_port));
    }
    return out;
}
