/* Connections of the load generator: pipelined HTTP/1.1 exchanges, and whether the answers are right. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"
#include "json/jout.h"
#include "json/jtok.h"

enum {
    READ_BYTES = 256 * 1024,
    ANSWER_MAX = 256 * 1024 * 1024,
    ID_DIGITS = 10,
    BLOCKING_SECONDS = 10, /* for connecting, and for what is asked before the run */
    NEAR = 96              /* bytes at either end of a body where the quick check looks for id and result */
};

const char *const load_error_name[LOAD_ERRORS] = {"connect", "broken", "http", "status", "id", "rpc", "wrong", "late"};

/* ---- target ---- */

/* http://HOST:PORT[/path] with a loopback address: this is no tool to load the machines of others. */
int load_target_parse(struct load_target *t, const char *url)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&t->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&t->addr;
    char host[48];
    const char *p = url, *colon, *slash;
    unsigned long port;

    memset(t, 0, sizeof *t);
    if (strncmp(p, "http://", 7) == 0)
        p += 7;
    slash = strchr(p, '/');
    slash = slash ? slash : p + strlen(p);
    colon = memrchr(p, ':', (size_t)(slash - p));
    port = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (!colon || port == 0 || port > 65535 || (size_t)(colon - p) >= sizeof host || strlen(slash) >= sizeof t->path) {
        fprintf(stderr, "load: target must be http://127.0.0.1:PORT[/path], got %s\n", url);
        return -1;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - p), p);
    snprintf(t->host, sizeof t->host, "%.*s", (int)(slash - p), p);
    snprintf(t->path, sizeof t->path, "%s", *slash ? slash : "/");
    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    if (strcmp(host, "[::1]") == 0) {
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        v6->sin6_port = htons((uint16_t)port);
        t->addr_n = sizeof *v6;
        return 0;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    t->addr_n = sizeof *v4;
    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1 || ntohl(v4->sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "load: only loopback addresses are allowed, got %s\n", host);
        return -1;
    }
    return 0;
}

int load_connect(const struct load_target *t)
{
    int fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct timeval limit = {.tv_sec = BLOCKING_SECONDS};

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&t->addr, t->addr_n)) {
        int r = -errno;

        close(fd);
        return r;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* ---- HTTP ---- */

struct answer {
    unsigned status;
    size_t head, body; /* bytes */
    bool chunked, close;
    struct slice text; /* the body, chunks taken apart */
};

static struct slice field_value(struct slice line, size_t name)
{
    return slice_trim(slice_of(line.p + name + 1, line.n - name - 1));
}

/* 1 complete head, 0 more bytes needed, -1 not HTTP. */
static int parse_head(const char *p, size_t n, struct answer *a)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4), *line = p, *next;

    if (!end)
        return n > 65536 ? -1 : 0;
    if (end - p < 12 || memcmp(p, "HTTP/1.", 7) != 0)
        return -1;
    *a = (struct answer){.status = (unsigned)strtoul(p + 9, NULL, 10), .head = (size_t)(end + 4 - p)};
    a->close = p[7] == '0';
    for (; line < end; line = next + 2) {
        struct slice s;

        next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        s = slice_of(line, (size_t)(next - line));
        if (s.n > 15 && (s.p[0] | 32) == 'c' && strncasecmp(s.p, "content-length:", 15) == 0)
            a->body = strtoul(field_value(s, 14).p, NULL, 10);
        else if (s.n > 18 && (s.p[0] | 32) == 't' && strncasecmp(s.p, "transfer-encoding:", 18) == 0)
            a->chunked = true;
        else if (s.n > 11 && (s.p[0] | 32) == 'c' && strncasecmp(s.p, "connection:", 11) == 0)
            a->close = slice_eq_nocase(field_value(s, 10), SLICE("close"));
    }
    return 1;
}

/* Takes a chunked body apart in place. 1 done, 0 more, -1 malformed. */
static int take_chunks(char *p, size_t n, struct answer *a)
{
    size_t at = 0, to = 0;

    /* Twice: in place only once everything is there. */
    for (unsigned round = 0; round < 2; round++) {
        for (at = to = 0;;) {
            char *eol = memmem(p + at, n - at, "\r\n", 2), *end;
            size_t size;

            if (!eol)
                return 0;
            size = strtoul(p + at, &end, 16);
            if (end == p + at || size > ANSWER_MAX)
                return -1;
            at = (size_t)(eol + 2 - p);
            if (size == 0)
                break;
            if (n - at < size + 2)
                return 0;
            if (round)
                memmove(p + to, p + at, size);
            to += size;
            at += size + 2;
        }
        if (n - at < 2)
            return 0;
    }
    a->body = at + 2;
    a->text = slice_of(p, to);
    return 1;
}

/* ---- checks ---- */

static enum load_error check_object(struct jtok *t, uint64_t first, unsigned count, struct slice own, bool any,
                                    uint64_t truth)
{
    struct jval key, v;
    struct slice id = {0};
    bool result = false, error = false;
    uint64_t n = 0, digest = 0;

    if (jtok_object(t))
        return LOAD_ID;
    while (jtok_member(t, &key) == 0 && jtok_value(t, &v) == 0) {
        if (slice_eq(key.raw, SLICE("\"id\"")))
            id = v.raw;
        else if (slice_eq(key.raw, SLICE("\"result\"")))
            result = true, digest = truth ? load_digest(v.raw) : 0;
        else if (slice_eq(key.raw, SLICE("\"error\"")) && v.type != J_NULL)
            error = true;
    }
    if (t->error)
        return LOAD_ID;
    if (own.p) {
        if (!slice_eq(own, id))
            return LOAD_ID;
    } else if (!any) {
        for (size_t i = 0; i < id.n; i++)
            n = n * 10 + (unsigned char)(id.p[i] - '0');
        if (id.n != ID_DIGITS || n < first || n >= first + count)
            return LOAD_ID;
    }
    if (error || !result)
        return LOAD_RPC;
    return digest == truth ? LOAD_ERRORS : LOAD_WRONG;
}

/* LOAD_ERRORS when all is well; counts the calls that were answered with an error. */
static enum load_error check_fully(struct load *l, const struct load_slot *s, struct slice body)
{
    bool any = s->call && s->call->id_at == 0 && !s->call->own_id.p;
    struct slice own = s->call && s->call->id_at == 0 ? s->call->own_id : (struct slice){0};
    enum load_error worst = LOAD_ERRORS, e;
    unsigned n = 0;
    enum jtype type;
    struct jtok t;

    jtok_init(&t, body, JTOK_MAX_DEPTH);
    if (jtok_peek(&t, &type))
        return LOAD_ID;
    if (type == J_OBJECT) {
        e = l->conf.batch > 1 ? LOAD_ID : check_object(&t, s->id, 1, own, any, s->call->truth);
        return jtok_finish(&t) ? LOAD_ID : e;
    }
    if (jtok_array(&t))
        return LOAD_ID;
    while (jtok_element(&t) == 0) {
        e = check_object(&t, s->id, l->conf.batch, (struct slice){0}, any, 0);
        if (e == LOAD_ID)
            return e;
        if (e == LOAD_RPC)
            worst = e;
        n++;
    }
    if (jtok_finish(&t) || (!any && n != l->conf.batch))
        return LOAD_ID;
    return worst;
}

/* The usual answers hold id and result near their ends; whatever does not is looked at in full. */
static enum load_error check(struct load *l, const struct load_slot *s, struct slice body)
{
    size_t near = body.n < NEAR ? body.n : NEAR;
    char want[5 + ID_DIGITS];

    if (l->conf.batch > 1 || l->conf.verify || s->call->id_at == 0 || s->call->truth)
        return check_fully(l, s, body);
    if (!body.p)
        return LOAD_ID;
    memcpy(want, "\"id\":", 5);
    jout_digits(want + 5, s->id);
    if (near && memmem(body.p, near, "\"result\":", 9) &&
        (memmem(body.p, near, want, sizeof want) || memmem(body.p + body.n - near, near, want, sizeof want)))
        return LOAD_ERRORS;
    return check_fully(l, s, body);
}

/* ---- connections ---- */

static void watch(struct load_conn *c, int op)
{
    struct epoll_event e = {.events = EPOLLIN | (c->wants_write ? EPOLLOUT : 0u), .data.ptr = c};

    epoll_ctl(c->load->epoll, op, c->fd, &e);
}

int load_conn_open(struct load *l, struct load_conn *c)
{
    if (!c->load) {
        list_init(&c->node);
        buf_init(&c->in, ANSWER_MAX);
        buf_init(&c->out, ANSWER_MAX);
        c->load = l;
    }
    c->head = c->used = 0;
    c->wants_write = false;
    c->fd = load_connect(&l->conf.target);
    if (c->fd < 0) {
        list_push(&l->dead, &c->node);
        l->stats.error[LOAD_CONNECT]++;
        return c->fd;
    }
    l->stats.connects++;
    watch(c, EPOLL_CTL_ADD);
    list_push(&l->free, &c->node);
    return 0;
}

static void conn_close(struct load_conn *c)
{
    struct linger now = {1, 0};

    list_remove(&c->node);
    if (c->fd < 0)
        return;
    /* A reset leaves no TIME_WAIT behind: ports would run out with a connection for each call. */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
    buf_clear(&c->in);
    buf_clear(&c->out);
}

/* What is in flight will not be answered. */
static void lose(struct load_conn *c)
{
    for (unsigned i = 0; i < c->used; i++)
        load_slices_note(c->load, c->slot[(c->head + i) % c->load->conf.depth].intended_ns, UINT64_MAX, false);
}

void load_conn_deinit(struct load_conn *c)
{
    if (!c->load)
        return;
    if (c->fd >= 0)
        lose(c); /* the run is over, and it was never answered */
    conn_close(c);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
}

/* What was in flight is lost; a new connection takes its place. */
static void conn_fail(struct load_conn *c, enum load_error e)
{
    struct load *l = c->load;

    lose(c);
    l->stats.error[e] += c->used ? c->used : 1;
    l->inflight -= c->used;
    conn_close(c);
    load_conn_open(l, c);
}

static void compose_call(struct buf *b, const struct load_call *call, uint64_t id)
{
    size_t at = b->n;

    buf_append(b, call->text, call->n);
    if (call->id_at)
        jout_digits(b->p + at + call->id_at, id);
    if (call->key_at)
        jout_digits(b->p + at + call->key_at, id);
}

void load_conn_send(struct load_conn *c, uint64_t intended_ns)
{
    struct load *l = c->load;
    const struct load_target *t = &l->conf.target;
    struct load_slot *s = &c->slot[(c->head + c->used) % l->conf.depth];
    const struct load_call *call[1024];
    size_t body = 0;

    *s = (struct load_slot){.id = l->next_id, .intended_ns = intended_ns};
    l->next_id += l->conf.batch;
    for (unsigned i = 0; i < l->conf.batch; i++) {
        call[i] = load_mix_next(&l->mix);
        body += call[i]->n;
    }
    if (l->conf.batch > 1)
        body += l->conf.batch + 1;
    else
        s->call = call[0];
    buf_printf(&l->scratch,
               "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
               t->path, t->host, body, l->conf.new_connection ? "Connection: close\r\n" : "");
    for (unsigned i = 0; i < l->conf.batch; i++) {
        if (l->conf.batch > 1)
            buf_append(&l->scratch, i ? "," : "[", 1);
        compose_call(&l->scratch, call[i], s->id + i);
    }
    if (l->conf.batch > 1)
        buf_append(&l->scratch, "]", 1);
    if (++c->used == l->conf.depth)
        list_remove(&c->node);
    l->inflight++;
    l->issued_calls += l->conf.batch;
}

/* Sends what load_conn_send composed, all of it for this connection. */
void load_conn_flush(struct load_conn *c)
{
    struct load *l = c->load;
    ssize_t n = 0;

    if (!l->scratch.n)
        return;
    l->stats.bytes_out += l->scratch.n;
    if (!c->out.n) {
        n = send(c->fd, l->scratch.p, l->scratch.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            buf_clear(&l->scratch);
            conn_fail(c, LOAD_BROKEN);
            return;
        }
        n = n < 0 ? 0 : n;
    }
    if ((size_t)n < l->scratch.n) {
        buf_append(&c->out, l->scratch.p + n, l->scratch.n - (size_t)n);
        if (!c->wants_write) {
            c->wants_write = true;
            watch(c, EPOLL_CTL_MOD);
        }
    }
    buf_clear(&l->scratch);
}

static void conn_write_rest(struct load_conn *c)
{
    ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN) {
        conn_fail(c, LOAD_BROKEN);
        return;
    }
    if (n > 0)
        buf_consume(&c->out, (size_t)n);
    if (!c->out.n) {
        c->wants_write = false;
        watch(c, EPOLL_CTL_MOD);
    }
}

static void conn_answered(struct load_conn *c, const struct answer *a, uint64_t now_ns)
{
    struct load *l = c->load;
    struct load_slot *s = &c->slot[c->head];
    enum load_error e = a->status == 200 ? check(l, s, a->text) : LOAD_STATUS;

    c->head = (c->head + 1) % l->conf.depth;
    if (c->used-- == l->conf.depth)
        list_push(&l->free, &c->node);
    l->inflight--;
    l->stats.exchanges++;
    l->stats.calls += l->conf.batch;
    if (e != LOAD_ERRORS)
        l->stats.error[e]++;
    load_hist_add(&l->stats.latency, now_ns - s->intended_ns);
    load_slices_note(l, s->intended_ns, now_ns - s->intended_ns, e == LOAD_ERRORS);
}

/* Takes whole answers from the front; returns how many bytes, or -1 when the connection is gone. */
static ssize_t conn_take(struct load_conn *c, char *p, size_t n)
{
    struct load *l = c->load;
    size_t at = 0;
    uint64_t now_ns = load_clock_ns();

    while (at < n) {
        struct answer a;
        int r = parse_head(p + at, n - at, &a);

        if (r > 0) {
            if (a.chunked) {
                r = take_chunks(p + at + a.head, n - at - a.head, &a);
            } else {
                a.text = slice_of(p + at + a.head, a.body);
                r = n - at - a.head >= a.body;
            }
        }
        if (r < 0 || (r > 0 && !c->used)) {
            conn_fail(c, LOAD_HTTP);
            return -1;
        }
        if (r == 0)
            break;
        at += a.head + a.body;
        conn_answered(c, &a, now_ns);
        if (a.close || l->conf.new_connection) {
            lose(c);
            l->stats.error[LOAD_BROKEN] += c->used;
            l->inflight -= c->used;
            conn_close(c);
            load_conn_open(l, c);
            return -1;
        }
    }
    return (ssize_t)at;
}

static void conn_read(struct load_conn *c)
{
    struct load *l = c->load;
    ssize_t n = recv(c->fd, l->read_buffer, READ_BYTES, MSG_DONTWAIT), used;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        /* A keep-alive connection that ends with nothing in flight is nobody's fault. */
        if (c->used) {
            conn_fail(c, LOAD_BROKEN);
        } else {
            conn_close(c);
            load_conn_open(l, c);
        }
        return;
    }
    l->stats.bytes_in += (uint64_t)n;
    if (c->in.n) {
        buf_append(&c->in, l->read_buffer, (size_t)n);
        used = conn_take(c, c->in.p, c->in.n);
        if (used > 0)
            buf_consume(&c->in, (size_t)used);
    } else {
        used = conn_take(c, l->read_buffer, (size_t)n);
        if (used >= 0 && used < n)
            buf_append(&c->in, l->read_buffer + used, (size_t)(n - used));
    }
}

void load_conn_event(struct load_conn *c, uint32_t events)
{
    if (c->wants_write && (events & EPOLLOUT))
        conn_write_rest(c);
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        conn_read(c);
}
