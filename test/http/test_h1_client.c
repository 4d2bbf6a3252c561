#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "br_data.h"
#include "http/h1_client.h"
#include "test.h"

static const struct h1_client_conf conf = {
    .max_body_bytes = 1000, .max_head_bytes = 600, .max_fields = 10, .max_informational = 2};

/* What came out of a stream, as text: "200=body+" ('+': keep-alive), "!SYNTAX", "..." while bytes are awaited, "~3" for
 * three bytes of surplus. */
struct script {
    char text[4096];
    size_t n;
};

static void say(struct script *s, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(s->text + s->n, sizeof s->text - s->n, fmt, ap);
    va_end(ap);
    s->n += (size_t)n < sizeof s->text - s->n ? (size_t)n : 0;
}

static void say_result(struct script *s, struct h1_client *c, enum h1_client_event ev)
{
    static const char *const names[] = {"NONE", "SYNTAX", "TRUNCATED", "TOO_LARGE", "HEAD", "CODING", "MEMORY"};
    const struct h1_response *res = h1_client_response(c);

    if (ev == H1_CLIENT_MORE) {
        say(s, "...");
    } else if (ev == H1_CLIENT_BAD) {
        say(s, "!%s", names[h1_client_bad(c)]);
        CHECK(h1_client_bad_text(c) != NULL);
        CHECK_EQ(h1_client_held_bytes(c), 0);
    } else {
        say(s, "%u", res->status);
        if (res->body.n)
            say(s, "=%.*s", (int)res->body.n, res->body.p);
        if (res->rate_lines.n)
            say(s, " rate{%.*s}", (int)res->rate_lines.n - 1, res->rate_lines.p);
        say(s, res->keep_alive ? "+" : "-");
    }
}

/* Through h1_client_space when it offers room and `direct` is set, else from a heap copy of the exact size. */
static enum h1_client_event feed_piece(struct h1_client *c, const char *p, size_t n, bool direct, size_t *used,
                                       struct script *s)
{
    size_t room;
    char *space = direct ? h1_client_space(c, &room) : NULL, *copy;
    enum h1_client_event ev;

    if (space) {
        if (n > room)
            n = room;
        memcpy(space, p, n);
        *used = n;
        ev = h1_client_filled(c, n);
        if (ev != H1_CLIENT_MORE)
            say_result(s, c, ev);
        return ev;
    }
    copy = malloc(n);
    memcpy(copy, p, n);
    ev = h1_client_feed(c, copy, n, used);
    CHECK(*used <= n);
    if (ev != H1_CLIENT_MORE)
        say_result(s, c, ev); /* while the copy lives */
    else
        CHECK_EQ(*used, n);
    free(copy);
    return ev;
}

struct in {
    const char *p;
    size_t n;
    bool eof;
};

/* before: what the parser has seen, whole, on the response before; p NULL: nothing. */
static void run_after(const struct h1_client_conf *cf, struct in before, struct in in, size_t first, size_t step,
                      bool direct, struct script *s)
{
    struct h1_client *c = h1_client_new(cf);
    enum h1_client_event ev = H1_CLIENT_MORE;
    size_t at = 0, piece = first, used;

    if (before.p) {
        h1_client_start(c);
        feed_piece(c, before.p, before.n, false, &used, s);
    }
    s->n = 0;
    s->text[0] = '\0';
    h1_client_start(c);
    CHECK(!h1_client_began(c));
    while (at < in.n && ev == H1_CLIENT_MORE) {
        if (piece > in.n - at)
            piece = in.n - at;
        ev = feed_piece(c, in.p + at, piece, direct, &used, s);
        CHECK(h1_client_began(c));
        at += used;
        piece = step;
    }
    if (ev == H1_CLIENT_RESPONSE && at < in.n)
        say(s, "~%zu", in.n - at);
    if (ev == H1_CLIENT_MORE && in.eof)
        say_result(s, c, h1_client_eof(c));
    else if (ev == H1_CLIENT_MORE)
        say(s, "...");
    h1_client_free(c);
}

static void run(const struct h1_client_conf *cf, struct in in, size_t first, size_t step, bool direct, struct script *s)
{
    run_after(cf, (struct in){0}, in, first, step, direct, s);
}

static void compare(const struct h1_client_conf *cf, struct in in, size_t first, size_t step, const char *expected)
{
    static struct script s;

    run(cf, in, first, step, (first & 1) != 0, &s);
    if (strcmp(s.text, expected) != 0) {
        test_failures++;
        printf("# pieces of %zu, %zu: \"%s\", expected \"%s\" for\n# %.*s\n", first, step, s.text, expected,
               (int)(in.n < 300 ? in.n : 300), in.p);
    }
}

static void check_with(const struct h1_client_conf *cf, struct in in, const char *expected)
{
    unsigned failed = test_failures;

    compare(cf, in, in.n, in.n, expected);
    compare(cf, in, 1, 1, expected);
    compare(cf, in, 3, 7, expected);
    for (size_t k = 1; k < in.n && test_failures == failed; k++)
        compare(cf, in, k, in.n, expected);
}

struct row {
    const char *in;
    size_t n;
    const char *open, *ended; /* what comes out while the connection is open, and when it then ends */
};

#define ROW(in, open, ended)                                                                                           \
    {                                                                                                                  \
        in, sizeof(in) - 1, open, ended                                                                                \
    }
/* The same whether the connection ends or not. */
#define BOTH(in, expected)                                                                                             \
    {                                                                                                                  \
        in, sizeof(in) - 1, expected, expected                                                                         \
    }
#define CHECK_ROWS(rows)                                                                                               \
    for (size_t i_ = 0; i_ < sizeof rows / sizeof rows[0]; i_++) {                                                     \
        check_with(&conf, (struct in){rows[i_].in, rows[i_].n, false}, rows[i_].open);                                 \
        check_with(&conf, (struct in){rows[i_].in, rows[i_].n, true}, rows[i_].ended);                                 \
    }

TEST(responses)
{
    static const struct row rows[] = {
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200=hello+"),
        BOTH("HTTP/1.1 200 \r\ncontent-length:\t5 \r\n\r\nhello", "200=hello+"),
        BOTH("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200+"),
        BOTH("HTTP/1.1 404 Not \x80 Found\r\nContent-Length: 0\r\n\r\n", "404+"),
        BOTH("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "500+"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200=hello+"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
             "200=hello+"),
        ROW("HTTP/1.1 200 OK\r\n\r\nhello", "...", "200=hello-"),
        ROW("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", "...", "200=hello-"),
        ROW("HTTP/1.1 200 OK\r\n\r\n", "...", "200-"),
        BOTH("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200=hello-"),
        BOTH("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", "200=hello+"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "200=hello-"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, CLOSE\r\n\r\nhello", "200=hello-"),
        BOTH("HTTP/1.1 204 No Content\r\n\r\n", "204+"),
        BOTH("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204-"),
        BOTH("HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n", "304+"),
        BOTH("HTTP/1.1 304 Not Modified\r\nContent-Encoding: nonsense\r\n\r\n", "304+"),
        BOTH("HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "429 rate{Retry-After: 7}+"),
        BOTH("HTTP/1.1 429 X\r\nRetry-After: Mon, 20 Oct 2025 10:00:00 GMT\r\nContent-Length: 0\r\n"
             "x-RateLimit-remaining:0\r\n\r\n",
             "429 rate{Retry-After: Mon, 20 Oct 2025 10:00:00 GMT\nx-RateLimit-remaining:0}+"),
        BOTH("HTTP/1.1 103 X\r\nRetry-After: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200+"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", "200=hello+"),
        BOTH("HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello", "200=hello+"),
        /* informational ones are skipped */
        BOTH("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\nConnection: close\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
             "200=ok+"),
        BOTH("HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 B\r\n\r\nHTTP/1.1 100 C\r\n\r\n", "!HEAD"),
        BOTH("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "!SYNTAX"),
        /* surplus */
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", "200=hello+~8"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\r\n", "200=x+~2"),
        BOTH("HTTP/1.1 204 No Content\r\n\r\nx", "204+~1"),
        /* cut off */
        ROW("", "...", "!TRUNCATED"),
        ROW("H", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 200 OK\r\nContent-Le", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 100 Continue\r\n\r\n", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "...", "!TRUNCATED"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "...", "!TRUNCATED"),
    };

    CHECK_ROWS(rows);
}

TEST(refused)
{
    static const struct row rows[] = {
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nx", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nX\r\nContent-Length: 5\r\n\r\nhello", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "!SYNTAX"),
        BOTH("HTTP/2 200 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.2 200 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1  200 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 20 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 2000 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 099 OK\r\n\r\n", "!SYNTAX"),
        BOTH("HTTP/1.1 2x0 OK\r\n\r\n", "!SYNTAX"),
        BOTH("\r\nHTTP/1.1 200 OK\r\n\r\n", "!SYNTAX"),
        BOTH("ICY 200 OK\r\n\r\n", "!SYNTAX"),
        BOTH("{\"jsonrpc\":\"2.0\"}\r\n", "!SYNTAX"),
        BOTH("\x15\x03\x01\x00\x02\x02\x46", "!SYNTAX"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "!TOO_LARGE"),
        BOTH("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", "!TOO_LARGE"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n\r\nhello", "!CODING"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, br, gzip\r\nContent-Length: 5\r\n\r\nhello", "!CODING"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "!CODING"),
        BOTH("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "200+"),
    };

    CHECK_ROWS(rows);
}

TEST(limits)
{
    static char text[8192];
    size_t n;

    n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %0557d\r\n\r\n", 0);
    CHECK_EQ(n, conf.max_head_bytes);
    check_with(&conf, (struct in){text, n, true}, "200+");
    n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %0558d\r\n\r\n", 0);
    check_with(&conf, (struct in){text, n, true}, "!HEAD");
    n = (size_t)sprintf(text, "HTTP/1.1 %05000d", 0);
    check_with(&conf, (struct in){text, n, true}, "!HEAD");
    for (unsigned fields = 9; fields <= 10; fields++) {
        n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
        for (unsigned i = 0; i < fields; i++)
            n += (size_t)sprintf(text + n, "X: y\r\n");
        n += (size_t)sprintf(text + n, "\r\n");
        check_with(&conf, (struct in){text, n, true}, fields == 9 ? "200+" : "!HEAD");
    }
    /* a close-delimited body that goes on */
    n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n\r\n%01001d", 0);
    check_with(&conf, (struct in){text, n, true}, "!TOO_LARGE");
}

/* Codings of this test; window bits choose the wrapping. */
static size_t deflate_to(char *out, size_t cap, const char *p, size_t n, int window)
{
    z_stream z = {0};

    deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)cap;
    CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

enum framing { LENGTH, CHUNKED, TO_EOF };

static size_t put(char *out, const char *p, size_t n)
{
    memcpy(out, p, n);
    return n;
}

static size_t response(char *out, enum framing framing, const char *coding, const char *body, size_t n)
{
    size_t at = (size_t)sprintf(out, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n", coding);

    switch (framing) {
    case LENGTH:
        at += (size_t)sprintf(out + at, "Content-Length: %zu\r\n\r\n", n);
        at += put(out + at, body, n);
        break;
    case CHUNKED: /* two chunks */
        at += (size_t)sprintf(out + at, "Transfer-Encoding: chunked\r\n\r\n3\r\n");
        at += put(out + at, body, 3);
        at += (size_t)sprintf(out + at, "\r\n%zx\r\n", n - 3);
        at += put(out + at, body + 3, n - 3);
        at += (size_t)sprintf(out + at, "\r\n0\r\n\r\n");
        break;
    case TO_EOF:
        at += (size_t)sprintf(out + at, "\r\n");
        at += put(out + at, body, n);
        break;
    }
    return at;
}

TEST(content_codings)
{
    static const char plain[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x0000000000000000000000000000000000\"}";
    static char once[1024], text[4096];
    char expected[256];
    size_t n, m;

    for (enum framing f = LENGTH; f <= TO_EOF; f++) {
        snprintf(expected, sizeof expected, "200=%s%c", plain, f == TO_EOF ? '-' : '+');
        n = deflate_to(once, sizeof once, plain, sizeof plain - 1, 15 + 16);
        m = response(text, f, "gzip", once, n);
        check_with(&conf, (struct in){text, m, true}, expected);
        m = response(text, f, "X-GZip, identity", once, n);
        check_with(&conf, (struct in){text, m, true}, expected);
        n = deflate_to(once, sizeof once, plain, sizeof plain - 1, 15);
        m = response(text, f, "deflate", once, n);
        check_with(&conf, (struct in){text, m, true}, expected);
        n = deflate_to(once, sizeof once, plain, sizeof plain - 1, -15);
        m = response(text, f, "deflate", once, n);
        check_with(&conf, (struct in){text, m, true}, expected);
        m = response(text, f, "BR", (const char *)br_answer, sizeof br_answer);
        check_with(&conf, (struct in){text, m, true}, expected);
        /* gzip first, then br over it */
        m = response(text, f, "gzip\r\nContent-Encoding: br", (const char *)br_gzip_answer, sizeof br_gzip_answer);
        check_with(&conf, (struct in){text, m, true}, expected);
        m = response(text, f, "gzip, br", (const char *)br_gzip_answer, sizeof br_gzip_answer);
        check_with(&conf, (struct in){text, m, true}, expected);
        m = response(text, f, "br, gzip", (const char *)br_gzip_answer, sizeof br_gzip_answer);
        check_with(&conf, (struct in){text, m, true}, "!CODING");
    }
    /* one byte short, and one too many */
    n = deflate_to(once, sizeof once, plain, sizeof plain - 1, 15 + 16);
    m = response(text, LENGTH, "gzip", once, n - 1);
    check_with(&conf, (struct in){text, m, true}, "!CODING");
    m = response(text, TO_EOF, "gzip", once, n - 1);
    check_with(&conf, (struct in){text, m, true}, "!TRUNCATED");
    once[n] = 'x';
    m = response(text, LENGTH, "gzip", once, n + 1);
    check_with(&conf, (struct in){text, m, true}, "!CODING");
}

TEST(bombs)
{
    static const struct h1_client_conf large = {
        .max_body_bytes = 1 << 20, .max_head_bytes = 16384, .max_fields = 100, .max_informational = 2};
    enum { PLAIN = 100 << 20 };
    char *zeros = calloc(1, PLAIN), *coded = malloc(1 << 20), *text = malloc(1 << 20);
    struct h1_client *c = h1_client_new(&large);

    for (unsigned i = 0; i < 3; i++) {
        static const char *const names[] = {"gzip", "br", "gzip, gzip"};
        size_t n, at, used, step = 1000, most = 0;
        enum h1_client_event ev = H1_CLIENT_MORE;

        if (i == 1)
            memcpy(coded, br_zeros, n = sizeof br_zeros);
        else
            n = deflate_to(coded, 1 << 20, zeros, PLAIN, 15 + 16);
        if (i == 2) {
            char *again = malloc(1 << 20);

            n = deflate_to(again, 1 << 20, coded, n, 15 + 16);
            free(coded);
            coded = again;
        }
        n = response(text, LENGTH, names[i], coded, n);
        h1_client_start(c);
        for (at = 0; at < n && ev == H1_CLIENT_MORE; at += used) {
            ev = h1_client_feed(c, text + at, n - at < step ? n - at : step, &used);
            if (h1_client_held_bytes(c) > most)
                most = h1_client_held_bytes(c);
        }
        CHECK_EQ(ev, H1_CLIENT_BAD);
        CHECK_EQ(h1_client_bad(c), H1_CLIENT_BAD_TOO_LARGE);
        CHECK(most <= large.max_body_bytes + 4096);
        CHECK_EQ(h1_client_held_bytes(c), 0);
    }
    h1_client_free(c);
    free(zeros);
    free(coded);
    free(text);
}

TEST(unasked_bytes)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct h1_client *c = h1_client_new(&conf);
    size_t used;

    CHECK_EQ(h1_client_feed(c, ok, sizeof ok - 1, &used), H1_CLIENT_BAD);
    CHECK_EQ(h1_client_bad(c), H1_CLIENT_BAD_SYNTAX);
    CHECK_EQ(h1_client_feed(c, ok, 1, &used), H1_CLIENT_BAD);
    CHECK_EQ(h1_client_eof(c), H1_CLIENT_BAD);
    h1_client_start(c);
    CHECK_EQ(h1_client_bad(c), H1_CLIENT_BAD_NONE);
    CHECK_EQ(h1_client_feed(c, ok, sizeof ok - 1, &used), H1_CLIENT_RESPONSE);
    CHECK_STR(h1_client_response(c)->body, "ok");
    CHECK(h1_client_response(c)->keep_alive && !h1_client_response(c)->body_owned);
    CHECK_EQ(h1_client_feed(c, ok, 1, &used), H1_CLIENT_BAD);
    CHECK(!h1_client_response(c)->keep_alive);
    CHECK_STR(h1_client_response(c)->body, "ok");
    h1_client_start(c);
    CHECK_EQ(h1_client_feed(c, ok, sizeof ok - 1, &used), H1_CLIENT_RESPONSE);
    h1_client_free(c);
    CHECK(h1_client_free(NULL) == NULL);
}

/* A large body read into the parser's own buffer equals the fed one, and is moved out without a copy. */
TEST(large_bodies)
{
    static const struct h1_client_conf large = {
        .max_body_bytes = 64 << 20, .max_head_bytes = 16384, .max_fields = 100, .max_informational = 2};
    static const size_t sizes[] = {1, 16383, 16384, 16385, 100000, 1 << 20, (1 << 20) + 1, 5000000};
    char *text = malloc(5000200);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t head = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
        size_t n = head + sizes[i], step = 65536;

        for (size_t k = head; k < n; k++)
            text[k] = (char)('a' + k * 7 % 26);
        for (unsigned direct = 0; direct < 2; direct++) {
            struct h1_client *c = h1_client_new(&large);
            enum h1_client_event ev = H1_CLIENT_MORE;
            struct blob *blob;
            size_t at = 0;

            h1_client_start(c);
            while (ev == H1_CLIENT_MORE && at < n) {
                size_t room, used, take = at == 0 ? head : n - at < step ? n - at : step;
                char *space = direct ? h1_client_space(c, &room) : NULL;

                if (space) {
                    CHECK(room > 0 && room <= n - at);
                    used = take < room ? take : room;
                    memcpy(space, text + at, used);
                    ev = h1_client_filled(c, used);
                } else {
                    ev = h1_client_feed(c, text + at, take, &used);
                }
                at += used;
                /* never much more than 1 MiB ahead of what came, or twice of it */
                CHECK(h1_client_held_bytes(c) <= 2 * at + (1 << 20) + 16384);
            }
            CHECK_EQ(ev, H1_CLIENT_RESPONSE);
            CHECK(slice_eq(h1_client_response(c)->body, slice_of(text + head, sizes[i])));
            if (h1_client_response(c)->body_owned) {
                blob = h1_client_take_body(c);
                CHECK(h1_client_response(c)->body.p == blob->p && blob->n == sizes[i]);
                h1_client_start(c);
                CHECK(slice_eq(slice_of(blob->p, blob->n), slice_of(text + head, sizes[i])));
                CHECK_EQ(h1_client_held_bytes(c), 0);
                blob_unref(blob);
            } else {
                CHECK(!direct || sizes[i] <= step);
            }
            h1_client_free(c);
        }
    }
    free(text);
}

/* A head that the parser has seen before must come to what it comes to for one that has seen none. */
TEST(heads_that_come_again)
{
#define HEAD(length, more) "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: " length "\r\n" more "\r\n"
    static const char *const streams[] = {
        HEAD("5", "") "12345",
        HEAD("5", "") "67890",
        HEAD("5", "") "123",
        HEAD("5", "") "1234567",
        HEAD("11", "") "12345678901",
        HEAD("0", ""),
        HEAD("00000000000000000005", "") "12345",
        HEAD("000000000000000000005", "") "12345",
        HEAD("1001", ""),
        HEAD("18446744073709551617", "") "1",
        HEAD("", "") "12345",
        HEAD("5x", "") "12345",
        HEAD("+5", "") "12345",
        HEAD("5 ", "") "12345",
        HEAD("5", "Content-Length: 5\r\n") "12345",
        HEAD("5", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\n0\r\n\r\n",
        HEAD("5", "Connection: close\r\n") "12345",
        HEAD("5", "Retry-After: 3\r\n") "12345",
        HEAD("5", "Content-Encoding: gzip\r\n") "12345",
        HEAD("5", "Content-Encoding: identity\r\n") "12345",
        HEAD("5", "A: b\n") "12345",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: a\r\n\r\n12345",
        "HTTP/1.0 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 503 No\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 204 No\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 304 No\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 100 No\r\n\r\n" HEAD("5", "") "12345",
        "HTTP/1.1 100 No\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n" HEAD("5", "") "12345",
        "HTTP/1.1 200 OK\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
    };
    static struct script fresh, again;
    enum { N = sizeof streams / sizeof streams[0] };

    for (size_t i = 0; i < N; i++) {
        struct in before = {streams[i], strlen(streams[i]), false};

        for (size_t k = 0; k < N; k++) {
            struct in in = {streams[k], strlen(streams[k]), true};

            for (size_t cut = 1; cut <= in.n; cut++) {
                run(&conf, in, cut, in.n, cut & 1, &fresh);
                run_after(&conf, before, in, cut, in.n, cut & 1, &again);
                if (strcmp(fresh.text, again.text) != 0) {
                    test_failures++;
                    printf("# \"%s\" and not \"%s\" for\n# %s\n# cut at %zu, after\n# %s\n", again.text, fresh.text,
                           in.p, cut, before.p);
                    break;
                }
            }
        }
    }
}

TEST_MAIN()
