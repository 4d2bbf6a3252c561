#include "http/h1_client.h"

#include <assert.h>
#include <llhttp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/body.h"
#include "http/chunked.h"
#include "http/field.h"
#include "http/head.h"
#include "http/inflate.h"
#include "http/known_head.h"
#include "http/rate_fields.h"

enum {
    KEEP_HEAD_BYTES = 4096, /* a larger head buffer is freed between responses */
    BODY_AHEAD = 1 << 20,   /* memory given for an announcement alone */
    SPACE_MIN = 16384,      /* below this, reading into the body costs more system calls than it saves copying */
};

#define BIT(n) (1u << (n))

enum client_state {
    CLIENT_IDLE,    /* no request is out: any byte is unasked */
    CLIENT_STATUS,  /* the status line is awaited */
    CLIENT_FIELDS,  /* inside the header fields */
    CLIENT_LENGTH,  /* a body of known length */
    CLIENT_CHUNKED, /* a chunked body */
    CLIENT_TO_EOF,  /* a body that ends with the connection */
    CLIENT_DONE,    /* a whole response is out */
    CLIENT_BAD
};

static const unsigned client_next[] = {
    [CLIENT_IDLE] = BIT(CLIENT_BAD), /* only _start leads on */
    [CLIENT_STATUS] = BIT(CLIENT_FIELDS) | BIT(CLIENT_LENGTH) | BIT(CLIENT_DONE) | BIT(CLIENT_BAD),
    [CLIENT_FIELDS] = BIT(CLIENT_STATUS) | BIT(CLIENT_LENGTH) | BIT(CLIENT_CHUNKED) | BIT(CLIENT_TO_EOF) |
                      BIT(CLIENT_DONE) | BIT(CLIENT_BAD),
    [CLIENT_LENGTH] = BIT(CLIENT_DONE) | BIT(CLIENT_BAD),
    [CLIENT_CHUNKED] = BIT(CLIENT_DONE) | BIT(CLIENT_BAD),
    [CLIENT_TO_EOF] = BIT(CLIENT_DONE) | BIT(CLIENT_BAD),
    [CLIENT_DONE] = BIT(CLIENT_BAD),
    [CLIENT_BAD] = 0,
};

/* What the fields of one head say; a 1xx head's is forgotten with it. */
struct client_head {
    struct head lines;
    unsigned fields;
    bool has_length, has_coding, close, keep_alive, coding_unknown;
    uint64_t length;
    struct slice length_text; /* its digits; good during the feed that brought the whole head */
    unsigned n_codings;
    enum inflate_coding codings[INFLATE_MAX_CODINGS];
};

struct h1_client {
    const struct h1_client_conf *conf;
    struct buf head; /* only of a head that comes in pieces */
    struct body body;
    struct buf rate_lines;
    struct inflate *inflate; /* of a coded body under way */
    llhttp_t judge;
    struct chunked chunked;
    /* A server sends the same head over and over but for the digits of Content-Length.  The last one that was accepted
     * stays with what was found in it: reading the same bytes again could only find the same. */
    struct known_head known;
    struct h1_response known_res;

    /* From here on all is forgotten with _start. */
    enum client_state state;
    bool began;
    unsigned informational;
    struct client_head now;
    bool decoding; /* coded bytes were fed: the coding has to come to its end */
    uint64_t left; /* of a body of known length */
    struct h1_response res;
    enum h1_client_bad bad;
    const char *bad_text;
};

static void enter(struct h1_client *c, enum client_state state)
{
    bool allowed = client_next[c->state] & BIT(state);

    assert(allowed);
    (void)allowed;
    c->state = state;
}

__attribute__((cold)) static enum h1_client_event fail(struct h1_client *c, enum h1_client_bad bad, const char *text)
{
    bool answered = c->state == CLIENT_DONE;

    enter(c, CLIENT_BAD);
    c->bad = bad;
    c->bad_text = text;
    c->res.keep_alive = false;
    /* A response that is already out stays readable until the next start. */
    if (!answered) {
        buf_deinit(&c->head);
        body_deinit(&c->body);
        c->inflate = inflate_free(c->inflate);
    }
    return H1_CLIENT_BAD;
}

static enum h1_client_event syntax(struct h1_client *c, const char *text)
{
    return fail(c, H1_CLIENT_BAD_SYNTAX, text);
}

/* llhttp stops where the head ends: bodies are framed here. */
static int judge_head_over(llhttp_t *judge)
{
    (void)judge;
    return HPE_PAUSED;
}

static const llhttp_settings_t judge_settings = {.on_headers_complete = judge_head_over};

/* llhttp sees the status line and any Transfer-Encoding; the other lines only have to pass our own stricter grammar. A
 * single Content-Length of digits alone leaves it nothing to judge, and would cost it a fifth of the whole response. */
static bool judge_line(struct h1_client *c, struct slice line)
{
    return llhttp_execute(&c->judge, line.p, line.n + 2) == HPE_OK;
}

struct h1_client *h1_client_new(const struct h1_client_conf *conf)
{
    struct h1_client *c = mem_zero(sizeof *c);

    c->conf = conf;
    buf_init(&c->head, conf->max_head_bytes);
    body_init(&c->body, conf->max_body_bytes, BODY_AHEAD, conf->spare);
    buf_init(&c->rate_lines, RATE_LINES_MAX);
    return c;
}

struct h1_client *h1_client_free(struct h1_client *c)
{
    if (c) {
        buf_deinit(&c->head);
        body_deinit(&c->body);
        buf_deinit(&c->rate_lines);
        inflate_free(c->inflate);
        free(c);
    }
    return NULL;
}

static void head_forget(struct h1_client *c)
{
    if (c->head.cap > KEEP_HEAD_BYTES)
        buf_deinit(&c->head);
    else
        buf_clear(&c->head);
    memset(&c->now, 0, sizeof c->now);
}

void h1_client_start(struct h1_client *c)
{
    if (c->head.cap)
        head_forget(c);
    body_clear(&c->body);
    if (c->rate_lines.n)
        buf_clear(&c->rate_lines);
    if (c->inflate)
        c->inflate = inflate_free(c->inflate);
    mem_clear((char *)c + offsetof(struct h1_client, state), sizeof *c - offsetof(struct h1_client, state));
    c->state = CLIENT_STATUS;
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static enum h1_client_event status_line(struct h1_client *c, struct slice line)
{
    const char *p = line.p;

    if (line.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') || p[8] != ' ' || !is_digit(p[9]) ||
        !is_digit(p[10]) || !is_digit(p[11]) || (line.n > 12 && p[12] != ' ') || p[9] == '0')
        return syntax(c, "malformed status line");
    c->res.minor = (uint8_t)(p[7] - '0');
    c->res.status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
    llhttp_init(&c->judge, HTTP_RESPONSE, &judge_settings);
    if (!judge_line(c, line))
        return syntax(c, "malformed status line");
    enter(c, CLIENT_FIELDS);
    return H1_CLIENT_MORE;
}

static void content_encoding(struct client_head *now, struct slice list)
{
    struct slice name;

    while (field_list_next(&list, &name)) {
        enum inflate_coding coding = INFLATE_GZIP;

        if (field_is(name, "identity"))
            continue;
        if (field_is(name, "deflate"))
            coding = INFLATE_DEFLATE;
        else if (slice_eq_nocase(name, SLICE("br")))
            coding = INFLATE_BR;
        else if (!field_is(name, "gzip") && !field_is(name, "x-gzip"))
            now->coding_unknown = true;
        if (now->n_codings < INFLATE_MAX_CODINGS)
            now->codings[now->n_codings++] = coding;
        else
            now->coding_unknown = true;
    }
}

static enum h1_client_event field_line(struct h1_client *c, struct slice line)
{
    struct client_head *now = &c->now;
    struct slice name, value;
    uint64_t length;

    if (++now->fields > c->conf->max_fields)
        return fail(c, H1_CLIENT_BAD_HEAD, "too many header fields");
    if (!field_split(line, &name, &value))
        return syntax(c, "malformed header field");
    if (rate_fields_may_be(name))
        c->res.rate_lines = rate_line_keep(&c->rate_lines, line);
    switch (name.n) {
    case 10:
        if (field_is(name, "connection"))
            field_connection(value, &now->close, &now->keep_alive);
        break;
    case 14:
        if (!field_is(name, "content-length"))
            break;
        if (!field_length(value, &length))
            return syntax(c, "invalid Content-Length");
        if (now->has_length)
            return syntax(c, "more than one Content-Length");
        now->has_length = true;
        now->length = length;
        now->length_text = value;
        break;
    case 16:
        if (field_is(name, "content-encoding"))
            content_encoding(now, value);
        break;
    case 17:
        if (!field_is(name, "transfer-encoding"))
            break;
        if (now->has_coding || !field_is(value, "chunked"))
            return syntax(c, "Transfer-Encoding is not chunked");
        now->has_coding = true;
        return judge_line(c, line) ? H1_CLIENT_MORE : syntax(c, "malformed header field");
    }
    return H1_CLIENT_MORE;
}

static enum h1_client_event response_over(struct h1_client *c)
{
    if (c->inflate) {
        /* A coded body of no bytes at all is an empty body: servers label those too. */
        if (c->decoding && inflate_end(c->inflate))
            return fail(c, c->state == CLIENT_TO_EOF ? H1_CLIENT_BAD_TRUNCATED : H1_CLIENT_BAD_CODING,
                        "content coding ends too early");
        c->inflate = inflate_free(c->inflate);
    }
    c->res.body = body_get(&c->body);
    c->res.body_owned = c->body.own.n != 0;
    enter(c, CLIENT_DONE);
    return H1_CLIENT_RESPONSE;
}

/* The head is over: a body of so many bytes follows. */
static enum h1_client_event length_begins(struct h1_client *c, uint64_t length)
{
    if (length > c->conf->max_body_bytes)
        return fail(c, H1_CLIENT_BAD_TOO_LARGE, "response body too large");
    c->left = length;
    if (length == 0)
        return response_over(c);
    enter(c, CLIENT_LENGTH);
    return H1_CLIENT_MORE;
}

/* The head that has just been accepted, `n` bytes at p, as one that may come again. */
static void remember(struct h1_client *c, const char *p, size_t n)
{
    const struct client_head *now = &c->now;

    if (!now->has_length || c->res.rate_lines.n || now->n_codings || now->coding_unknown || c->informational ||
        c->res.status < 200 || c->res.status == 204 || c->res.status == 304 ||
        n + KNOWN_HEAD_DIGITS > c->conf->max_head_bytes)
        return;
    known_head_set(&c->known, slice_of(p, n), now->length_text);
    c->known_res = c->res;
    c->known_res.body = slice_of(NULL, 0);
    c->known_res.body_owned = false;
}

static enum h1_client_event head_over(struct h1_client *c)
{
    struct client_head *now = &c->now;
    unsigned status = c->res.status;
    bool no_body = status == 204 || status == 304;

    if (now->has_coding && now->has_length)
        return syntax(c, "Content-Length with Transfer-Encoding");
    if (now->has_coding && c->res.minor == 0)
        return syntax(c, "Transfer-Encoding in HTTP/1.0");
    if (llhttp_execute(&c->judge, "\r\n", 2) != HPE_PAUSED || !(c->judge.flags & F_CHUNKED) != !now->has_coding)
        return syntax(c, "malformed head");
    if (status == 101)
        return syntax(c, "switch of protocols that nobody asked for");
    if (status < 200) {
        if (++c->informational > c->conf->max_informational)
            return fail(c, H1_CLIENT_BAD_HEAD, "too many 1xx responses");
        c->res = (struct h1_response){.status = 0};
        buf_clear(&c->rate_lines);
        head_forget(c);
        enter(c, CLIENT_STATUS);
        return H1_CLIENT_MORE;
    }
    c->res.keep_alive = !now->close && (c->res.minor == 1 || now->keep_alive);
    if (no_body) {
        /* A 204 that announces a body leaves in doubt where the next response begins. */
        if (status == 204 && (now->has_coding || now->length))
            c->res.keep_alive = false;
        return response_over(c);
    }
    if (now->n_codings) {
        if (now->coding_unknown)
            return fail(c, H1_CLIENT_BAD_CODING, "unknown content coding");
        c->inflate = inflate_new(now->codings, now->n_codings);
        if (!c->inflate)
            return fail(c, H1_CLIENT_BAD_MEMORY, "out of memory");
    }
    if (now->has_coding) {
        chunked_init(&c->chunked, c->conf->max_body_bytes);
        enter(c, CLIENT_CHUNKED);
        return H1_CLIENT_MORE;
    }
    if (now->has_length)
        return length_begins(c, now->length);
    c->res.keep_alive = false;
    enter(c, CLIENT_TO_EOF);
    return H1_CLIENT_MORE;
}

/* Returns MORE also when a head is over: *used then tells how far it went, and the state what comes next. */
static enum h1_client_event feed_head(struct h1_client *c, const char *p, size_t n, size_t *used)
{
    size_t before = c->head.n, have = n, limit = c->conf->max_head_bytes, seen;
    const char *base = p;
    enum h1_client_event ev;
    uint64_t length;

    if (c->known.n && c->state == CLIENT_STATUS && !before && !c->informational &&
        (*used = known_head_match(&c->known, slice_of(p, n), &length))) {
        c->res = c->known_res;
        return length_begins(c, length);
    }
    /* Only a head that comes in pieces is copied. */
    if (before) {
        size_t room = c->head.max_bytes - before;

        if (buf_append(&c->head, p, n < room ? n : room))
            return fail(c, H1_CLIENT_BAD_MEMORY, "out of memory");
        base = c->head.p;
        have = c->head.n;
    }
    seen = have < limit ? have : limit;
    for (;;) {
        struct slice line;

        switch (head_next(&c->now.lines, base, seen, &line)) {
        case HEAD_LINE:
            ev = c->state == CLIENT_FIELDS ? field_line(c, line) : status_line(c, line);
            if (ev != H1_CLIENT_MORE)
                return ev;
            break;
        case HEAD_MORE:
            if (seen == limit)
                return fail(c, H1_CLIENT_BAD_HEAD, "head too large");
            *used = n;
            if (before == 0 && buf_append(&c->head, p, n))
                return fail(c, H1_CLIENT_BAD_MEMORY, "out of memory");
            return H1_CLIENT_MORE;
        case HEAD_END:
            if (c->state == CLIENT_STATUS)
                return syntax(c, "malformed status line");
            *used = c->now.lines.at - before;
            ev = head_over(c);
            if (ev != H1_CLIENT_BAD && !before)
                remember(c, p, *used);
            return ev;
        case HEAD_BAD:
            return syntax(c, "control byte, bare CR or bare LF in the head");
        }
    }
}

static enum h1_client_event piece_failed(struct h1_client *c, int r)
{
    return r < 0 ? fail(c, H1_CLIENT_BAD_MEMORY, "out of memory")
                 : fail(c, H1_CLIENT_BAD_TOO_LARGE, "response body too large");
}

static enum h1_client_event decode(struct h1_client *c, struct slice piece)
{
    int r = inflate_feed(c->inflate, piece.p, piece.n, &c->body.own);

    c->decoding = true;
    if (r == INFLATE_CORRUPT)
        return fail(c, H1_CLIENT_BAD_CODING, "corrupt content coding");
    return r ? piece_failed(c, r) : H1_CLIENT_MORE;
}

/* The next piece of the body; `left`: still announced, this piece included (0: unknown). */
static enum h1_client_event add_piece(struct h1_client *c, struct slice piece, uint64_t left)
{
    int r;

    if (c->inflate)
        return decode(c, piece);
    r = body_add(&c->body, piece, left);
    return r ? piece_failed(c, r) : H1_CLIENT_MORE;
}

/* The fed bytes are used up and the body is not complete. */
static enum h1_client_event keep_pieces(struct h1_client *c, uint64_t left)
{
    int r = body_keep(&c->body, left);

    return r ? piece_failed(c, r) : H1_CLIENT_MORE;
}

static enum h1_client_event feed_length(struct h1_client *c, const char *p, size_t n, size_t *used)
{
    size_t take = n < c->left ? n : (size_t)c->left;
    enum h1_client_event ev = add_piece(c, slice_of(p, take), c->left);

    *used = take;
    if (ev != H1_CLIENT_MORE)
        return ev;
    if (take == c->left) {
        c->left = 0;
        return response_over(c);
    }
    ev = keep_pieces(c, c->left);
    c->left -= take;
    return ev;
}

static enum h1_client_event feed_chunked(struct h1_client *c, const char *p, size_t n, size_t *used)
{
    *used = 0;
    for (;;) {
        enum h1_client_event ev;
        struct slice data;
        size_t taken;

        switch (chunked_next(&c->chunked, p + *used, n - *used, &taken, &data)) {
        case CHUNKED_DATA:
            *used += taken;
            ev = add_piece(c, data, 0);
            if (ev != H1_CLIENT_MORE)
                return ev;
            break;
        case CHUNKED_MORE:
            *used += taken;
            return keep_pieces(c, 0);
        case CHUNKED_END:
            *used += taken;
            return response_over(c);
        case CHUNKED_BAD:
            return syntax(c, chunked_text(&c->chunked));
        case CHUNKED_TOO_LARGE:
            return fail(c, H1_CLIENT_BAD_TOO_LARGE, "response body too large");
        }
    }
}

static enum h1_client_event feed_to_eof(struct h1_client *c, const char *p, size_t n, size_t *used)
{
    enum h1_client_event ev = add_piece(c, slice_of(p, n), 0);

    *used = n;
    return ev == H1_CLIENT_MORE ? keep_pieces(c, 0) : ev;
}

enum h1_client_event h1_client_feed(struct h1_client *c, const char *p, size_t n, size_t *used)
{
    size_t at = 0;

    *used = 0;
    if (n && c->state != CLIENT_BAD)
        c->began = true;
    /* More than one turn only where a head ends inside the fed bytes. */
    while (at < n) {
        enum h1_client_event ev = H1_CLIENT_BAD;
        size_t taken = 0;

        switch (c->state) {
        case CLIENT_STATUS:
        case CLIENT_FIELDS:
            ev = feed_head(c, p + at, n - at, &taken);
            break;
        case CLIENT_LENGTH:
            ev = feed_length(c, p + at, n - at, &taken);
            break;
        case CLIENT_CHUNKED:
            ev = feed_chunked(c, p + at, n - at, &taken);
            break;
        case CLIENT_TO_EOF:
            ev = feed_to_eof(c, p + at, n - at, &taken);
            break;
        case CLIENT_IDLE:
        case CLIENT_DONE:
            return syntax(c, "bytes that nobody asked for");
        case CLIENT_BAD:
            return H1_CLIENT_BAD;
        }
        at += taken;
        *used = at;
        if (ev != H1_CLIENT_MORE)
            return ev;
    }
    return c->state == CLIENT_BAD ? H1_CLIENT_BAD : H1_CLIENT_MORE;
}

enum h1_client_event h1_client_eof(struct h1_client *c)
{
    if (c->state == CLIENT_BAD)
        return H1_CLIENT_BAD;
    if (c->state == CLIENT_TO_EOF)
        return response_over(c);
    return fail(c, H1_CLIENT_BAD_TRUNCATED, "the connection ended inside the response");
}

char *h1_client_space(struct h1_client *c, size_t *n)
{
    struct buf *own = &c->body.own;
    size_t room;

    if (c->state != CLIENT_LENGTH || c->inflate || c->left < SPACE_MIN || body_room(&c->body, c->left))
        return NULL;
    room = own->cap - own->n;
    *n = room < c->left ? room : (size_t)c->left;
    return own->p + own->n;
}

enum h1_client_event h1_client_filled(struct h1_client *c, size_t n)
{
    assert(c->state == CLIENT_LENGTH && n <= c->left && n <= c->body.own.cap - c->body.own.n);
    if (n)
        c->began = true;
    c->body.own.n += n;
    c->left -= n;
    return c->left ? H1_CLIENT_MORE : response_over(c);
}

const struct h1_response *h1_client_response(const struct h1_client *c)
{
    return &c->res;
}

struct blob *h1_client_take_body(struct h1_client *c)
{
    assert(c->res.body_owned);
    c->res.body_owned = false;
    return blob_take_from(&c->body.own, c->conf->spare);
}

enum h1_client_bad h1_client_bad(const struct h1_client *c)
{
    return c->bad;
}

const char *h1_client_bad_text(const struct h1_client *c)
{
    return c->bad_text;
}

bool h1_client_began(const struct h1_client *c)
{
    return c->began;
}

size_t h1_client_held_bytes(const struct h1_client *c)
{
    return c->head.cap + c->body.own.cap;
}
