#include "http/h1_server.h"

#include <assert.h>
#include <llhttp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/body.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/known_head.h"
#include "http/request_fields.h"
#include "http/request_line.h"

enum {
    LINE_BESIDE_TARGET = 64, /* method, version and spaces of a request line */
    MAX_LEADING = 4,         /* two CRLF before a request line are skipped (RFC 9112 section 2.2) */
    MAX_METHOD = 32,
    KEEP_HEAD_BYTES = 4096, /* a larger head buffer is freed between requests */
    BODY_AHEAD = 16384      /* memory given for an announcement alone */
};

#define BIT(n) (1u << (n))

enum server_state {
    SERVER_IDLE,    /* nothing of a request yet */
    SERVER_START,   /* inside the request line */
    SERVER_FIELDS,  /* inside the header fields */
    SERVER_LENGTH,  /* a body of known length is awaited */
    SERVER_CHUNKED, /* a chunked body is awaited */
    SERVER_DONE,    /* a whole request is out */
    SERVER_BAD
};

static const unsigned server_next[] = {
    [SERVER_IDLE] = BIT(SERVER_START) | BIT(SERVER_LENGTH) | BIT(SERVER_DONE) | BIT(SERVER_BAD),
    [SERVER_START] = BIT(SERVER_FIELDS) | BIT(SERVER_BAD),
    [SERVER_FIELDS] = BIT(SERVER_LENGTH) | BIT(SERVER_CHUNKED) | BIT(SERVER_DONE) | BIT(SERVER_BAD),
    [SERVER_LENGTH] = BIT(SERVER_DONE) | BIT(SERVER_BAD),
    [SERVER_CHUNKED] = BIT(SERVER_DONE) | BIT(SERVER_BAD),
    [SERVER_DONE] = 0, /* only _next and _reset lead on */
    [SERVER_BAD] = 0,
};

struct h1_server {
    const struct h1_server_conf *conf;
    struct buf head;  /* the head of the request under way; what `req` points into */
    struct body body; /* its limits and buffers outlive a request */
    llhttp_t judge;
    struct chunked chunked;
    /* A client sends the same head over and over.  The last one that was accepted stays as it was read, with all that
     * was found in it: when the next begins with the same bytes, reading them again could only find the same.  The
     * digits of Content-Length may differ.  0: none. */
    size_t known;

    /* From here on all is forgotten between requests. */
    enum server_state state;
    unsigned leading; /* bytes of empty lines before the request line */
    struct head lines;
    size_t fields_at; /* where the first field line begins */
    struct part method, target;
    struct request_fields fields;
    uint64_t left; /* of a body of known length */
    struct h1_request req;
    unsigned bad_status;
    const char *bad_reason;
};

static void enter(struct h1_server *h, enum server_state state)
{
    bool allowed = server_next[h->state] & BIT(state);

    assert(allowed);
    (void)allowed;
    h->state = state;
}

__attribute__((cold)) static enum h1_server_event bad(struct h1_server *h, unsigned status, const char *reason)
{
    enter(h, SERVER_BAD);
    h->bad_status = status;
    h->bad_reason = reason;
    body_deinit(&h->body);
    return H1_SERVER_BAD;
}

/* llhttp stops where the head ends: bodies are framed here, and an Upgrade or CONNECT must not lead it elsewhere. */
static int judge_head_over(llhttp_t *judge)
{
    (void)judge;
    return HPE_PAUSED;
}

static const llhttp_settings_t judge_settings = {.on_headers_complete = judge_head_over};

/* llhttp sees the request line and every field that decides the framing, byte for byte; the other lines only have to
 * pass our own stricter grammar, which costs a third. */
static bool judge_line(struct h1_server *h, struct slice line)
{
    return llhttp_execute(&h->judge, line.p, line.n + 2) == HPE_OK;
}

struct h1_server *h1_server_new(const struct h1_server_conf *conf)
{
    struct h1_server *h = mem_zero(sizeof *h);

    h->conf = conf;
    buf_init(&h->head, conf->max_target_bytes + LINE_BESIDE_TARGET + conf->max_head_bytes);
    body_init(&h->body, conf->max_body_bytes, BODY_AHEAD, NULL);
    return h;
}

struct h1_server *h1_server_free(struct h1_server *h)
{
    if (h) {
        buf_deinit(&h->head);
        body_deinit(&h->body);
        free(h);
    }
    return NULL;
}

void h1_server_reset(struct h1_server *h)
{
    h1_server_next(h);
}

static void forget(struct h1_server *h)
{
    if (h->head.cap > KEEP_HEAD_BYTES)
        buf_deinit(&h->head);
    else
        buf_clear(&h->head);
    h->known = 0;
    mem_clear((char *)h + offsetof(struct h1_server, state), sizeof *h - offsetof(struct h1_server, state));
}

void h1_server_next(struct h1_server *h)
{
    body_clear(&h->body);
    if (h->state != SERVER_DONE || h->leading || h->req.chunked || h->fields.expects || h->head.cap > KEEP_HEAD_BYTES) {
        forget(h);
        return;
    }
    h->known = h->head.n;
    h->state = SERVER_IDLE;
    h->req.body = (struct slice){0};
}

static enum h1_server_event request_line(struct h1_server *h, const char *base, struct slice line)
{
    struct request_line r;
    unsigned status = request_line_read(&r, line, h->conf->max_target_bytes);

    if (status)
        return bad(h, status, r.reason);
    llhttp_init(&h->judge, HTTP_REQUEST, &judge_settings);
    if (!judge_line(h, line))
        return bad(h, 400, "malformed request line");
    h->req.method = r.method;
    h->req.minor = r.minor;
    h->method = part_of(base, r.method_text);
    h->target = part_of(base, r.target);
    h->fields_at = h->lines.at;
    enter(h, SERVER_FIELDS);
    return H1_SERVER_MORE;
}

static enum h1_server_event field_line(struct h1_server *h, const char *base, struct slice line)
{
    unsigned status = request_fields_read(&h->fields, &h->req, h->conf->max_fields, base, line);

    if (status == REQUEST_FIELDS_FRAMING)
        return judge_line(h, line) ? H1_SERVER_MORE : bad(h, 400, "malformed header field");
    return status ? bad(h, status, h->fields.reason) : H1_SERVER_MORE;
}

static enum h1_server_event length_begins(struct h1_server *h)
{
    h->left = h->req.content_length;
    enter(h, h->left ? SERVER_LENGTH : SERVER_DONE);
    return h->left ? H1_SERVER_HEAD : H1_SERVER_REQUEST;
}

/* The texts of the head in h->head, as slices.  False: the target is none, or names another host. */
static bool point(struct h1_server *h)
{
    const char *base = h->head.p;

    request_fields_point(&h->fields, &h->req, base);
    return request_target_read(&h->req, part_slice(base, h->target), slice_of(base, h->method.n));
}

/* The digits of the known head's Content-Length become `digits` many: what follows them moves. */
static bool make_room(struct h1_server *h, size_t digits)
{
    struct part *length = &h->fields.length;
    size_t end = length->at + length->n, n = h->head.n - length->n + digits;

    if (n > h->fields_at + h->conf->max_head_bytes || n > KEEP_HEAD_BYTES ||
        (digits > length->n && buf_reserve(&h->head, digits - length->n)))
        return false;
    memmove(h->head.p + length->at + digits, h->head.p + end, h->head.n - end);
    request_fields_moved(&h->fields, end, (ptrdiff_t)digits - (ptrdiff_t)length->n);
    length->n = (uint32_t)digits;
    h->head.n = n;
    return point(h);
}

/* Is it the known head but for the length of the body?  Then it is known with that length from now on. */
static bool is_known(struct h1_server *h, const char *p, size_t n)
{
    struct part *digits = &h->fields.length;
    size_t after = digits->at + digits->n, same, n_digits;
    uint64_t length;

    if (n >= h->known && memcmp(p, h->head.p, h->known) == 0)
        return true;
    if (!digits->at)
        return false;
    same = known_head_same(slice_of(h->head.p, digits->at), slice_of(h->head.p + after, h->known - after),
                           slice_of(p, n), &length);
    if (!same || length > h->conf->max_body_bytes)
        return false;
    n_digits = same - (h->known - digits->n);
    if (n_digits != digits->n && !make_room(h, n_digits))
        return false;
    memcpy(h->head.p + digits->at, p + digits->at, n_digits);
    h->req.content_length = length;
    h->known = same;
    return true;
}

/* The head is whole and stands in h->head. */
static enum h1_server_event head_over(struct h1_server *h)
{
    struct h1_request *q = &h->req;
    const struct request_fields *f = &h->fields;

    if (q->minor == 1 && !f->host.at)
        return bad(h, 400, "missing Host");
    if (f->has_coding && f->has_length)
        return bad(h, 400, "Content-Length with Transfer-Encoding");
    if (f->has_coding && q->minor == 0)
        return bad(h, 400, "Transfer-Encoding in HTTP/1.0");
    if (!point(h))
        return bad(h, 400, "invalid request target");
    if (llhttp_execute(&h->judge, "\r\n", 2) != HPE_PAUSED)
        return bad(h, 400, "malformed head");
    /* Two readings of where the body ends are what smuggling lives on. */
    if (h->judge.content_length != q->content_length || !(h->judge.flags & F_CHUNKED) != !f->has_coding)
        return bad(h, 400, "framing in doubt");
    if (f->expects_other)
        return bad(h, 417, "unknown expectation");
    if (q->content_length > h->conf->max_body_bytes)
        return bad(h, 413, "request body too large");
    q->keep_alive = q->minor == 1 ? !f->close : f->keep_alive && !f->close;
    q->expect_continue = f->expects && q->minor == 1;
    q->chunked = f->has_coding;
    if (q->chunked) {
        chunked_init(&h->chunked, h->conf->max_body_bytes);
        enter(h, SERVER_CHUNKED);
        return H1_SERVER_HEAD;
    }
    return length_begins(h);
}

static enum h1_server_event too_long(struct h1_server *h, const char *base, size_t n)
{
    if (h->state == SERVER_FIELDS)
        return bad(h, 431, "header fields too large");
    if (!memchr(base, ' ', n < MAX_METHOD ? n : MAX_METHOD))
        return bad(h, 400, "malformed request line");
    return bad(h, 414, "request target too long");
}

/* How far the part of the head under way may reach. */
static size_t head_limit(const struct h1_server *h)
{
    return h->state == SERVER_START ? h->conf->max_target_bytes + LINE_BESIDE_TARGET
                                    : h->fields_at + h->conf->max_head_bytes;
}

static enum h1_server_event feed_head(struct h1_server *h, const char *p, size_t n, size_t *used)
{
    size_t before = h->head.n;
    const char *base = p;
    size_t have = n, limit = head_limit(h), seen;

    *used = 0;
    /* Only a head that comes in pieces is looked at in our own copy. */
    if (before) {
        size_t room = h->head.max_bytes - before;

        if (buf_append(&h->head, p, n < room ? n : room))
            return bad(h, 429, "out of memory");
        base = h->head.p;
        have = h->head.n;
    }
    seen = have < limit ? have : limit;
    for (;;) {
        enum h1_server_event ev;
        struct slice line;

        switch (head_next(&h->lines, base, seen, &line)) {
        case HEAD_LINE:
            if (h->state == SERVER_FIELDS) {
                ev = field_line(h, base, line);
            } else {
                ev = request_line(h, base, line);
                limit = head_limit(h);
                seen = have < limit ? have : limit;
            }
            if (ev != H1_SERVER_MORE)
                return ev;
            break;
        case HEAD_MORE:
            if (seen == limit)
                return too_long(h, base, seen);
            *used = n;
            if (before == 0 && buf_append(&h->head, p, n))
                return bad(h, 429, "out of memory");
            return H1_SERVER_MORE;
        case HEAD_END:
            *used = h->lines.at - before;
            if (before)
                h->head.n = h->lines.at;
            else if (buf_append(&h->head, p, h->lines.at))
                return bad(h, 429, "out of memory");
            return head_over(h);
        case HEAD_BAD:
            return bad(h, 400, "control byte, bare CR or bare LF in the head");
        }
    }
}

static enum h1_server_event feed_body_failed(struct h1_server *h, int r)
{
    return r < 0 ? bad(h, 429, "out of memory") : bad(h, 413, "request body too large");
}

static enum h1_server_event request_over(struct h1_server *h)
{
    h->req.body = body_get(&h->body);
    enter(h, SERVER_DONE);
    return H1_SERVER_REQUEST;
}

static enum h1_server_event feed_length(struct h1_server *h, const char *p, size_t n, size_t *used)
{
    size_t take = n < h->left ? n : (size_t)h->left;
    int r = body_add(&h->body, slice_of(p, take), h->left);

    *used = take;
    if (r == 0 && take == h->left)
        return request_over(h);
    if (r == 0)
        r = body_keep(&h->body, h->left);
    h->left -= take;
    return r ? feed_body_failed(h, r) : H1_SERVER_MORE;
}

static enum h1_server_event feed_chunked(struct h1_server *h, const char *p, size_t n, size_t *used)
{
    *used = 0;
    for (;;) {
        struct slice data;
        size_t taken;
        int r;

        switch (chunked_next(&h->chunked, p + *used, n - *used, &taken, &data)) {
        case CHUNKED_DATA:
            *used += taken;
            r = body_add(&h->body, data, 0);
            if (r)
                return feed_body_failed(h, r);
            break;
        case CHUNKED_MORE:
            *used += taken;
            r = body_keep(&h->body, 0);
            return r ? feed_body_failed(h, r) : H1_SERVER_MORE;
        case CHUNKED_END:
            *used += taken;
            return request_over(h);
        case CHUNKED_BAD:
            return bad(h, 400, chunked_text(&h->chunked));
        case CHUNKED_TOO_LARGE:
            return bad(h, 413, "request body too large");
        }
    }
}

/* Skips empty lines before a request line; leaves SERVER_IDLE at its first byte. */
static enum h1_server_event skip_leading(struct h1_server *h, const char *p, size_t n, size_t *used)
{
    size_t i = 0;

    for (; i < n; i++, h->leading++) {
        if (p[i] != (h->leading & 1 ? '\n' : '\r')) {
            if ((h->leading & 1) == 0)
                break;
            return bad(h, 400, "bare CR before the request line");
        }
        if (h->leading == MAX_LEADING)
            return bad(h, 400, "empty lines before the request line");
    }
    *used = i;
    if (i < n)
        enter(h, SERVER_START);
    return H1_SERVER_MORE;
}

enum h1_server_event h1_server_feed(struct h1_server *h, const char *p, size_t n, size_t *used)
{
    enum h1_server_event ev;
    size_t skipped = 0;

    *used = 0;
    if (n == 0 && h->state < SERVER_DONE)
        return H1_SERVER_MORE;
    switch (h->state) {
    case SERVER_IDLE:
        if (h->known) {
            if (is_known(h, p, n)) {
                *used = h->known;
                return length_begins(h);
            }
            forget(h);
        }
        ev = skip_leading(h, p, n, &skipped);
        *used = skipped;
        if (ev == H1_SERVER_BAD || h->state == SERVER_IDLE)
            return ev;
        ev = feed_head(h, p + skipped, n - skipped, used);
        *used += skipped;
        return ev;
    case SERVER_START:
    case SERVER_FIELDS:
        return feed_head(h, p, n, used);
    case SERVER_LENGTH:
        return feed_length(h, p, n, used);
    case SERVER_CHUNKED:
        return feed_chunked(h, p, n, used);
    case SERVER_DONE:
        return H1_SERVER_REQUEST;
    case SERVER_BAD:
        break;
    }
    return H1_SERVER_BAD;
}

void h1_server_tag(struct h1_server *h, unsigned tag)
{
    h->req.tag = tag;
}

const struct h1_request *h1_server_request(const struct h1_server *h)
{
    return &h->req;
}

bool h1_server_idle(const struct h1_server *h)
{
    return h->state == SERVER_IDLE;
}

bool h1_server_unused(const struct h1_server *h)
{
    return h->state == SERVER_IDLE && h->leading == 0;
}

bool h1_server_in_body(const struct h1_server *h)
{
    return h->state == SERVER_LENGTH || h->state == SERVER_CHUNKED;
}

size_t h1_server_held_bytes(const struct h1_server *h)
{
    return h->head.cap + h->body.own.cap;
}

unsigned h1_server_bad_status(const struct h1_server *h)
{
    return h->bad_status;
}

const char *h1_server_bad_reason(const struct h1_server *h)
{
    return h->bad_reason;
}
