#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"
#include "http/h1_server.h"
#include "test.h"

static const struct h1_server_conf conf = {
    .max_body_bytes = 1000, .max_head_bytes = 600, .max_fields = 10, .max_target_bytes = 100};

/* What came out of a stream, as text: one "POST /p?q@host=body+" a request ('+': keep-alive, '-': close, '^' before it:
 * its head was announced), "!400" for a refusal, "..." when bytes were awaited at the end. */
struct script {
    char text[8192];
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

static void say_request(struct script *s, const struct h1_request *q)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS", "OTHER"};

    say(s, "%s %.*s", methods[q->method], (int)q->path.n, q->path.p);
    if (q->query.n)
        say(s, "?%.*s", (int)q->query.n, q->query.p);
    say(s, "@%.*s", (int)q->host.n, q->host.p ? q->host.p : "");
    if (q->body.n)
        say(s, "=%.*s", (int)q->body.n, q->body.p);
    if (q->content_type.p)
        say(s, " ct:%.*s", (int)q->content_type.n, q->content_type.p);
    if (q->origin.p)
        say(s, " origin:%.*s", (int)q->origin.n, q->origin.p);
    if (q->acrm.p)
        say(s, " acrm:%.*s", (int)q->acrm.n, q->acrm.p);
    if (q->expect_continue)
        say(s, " expects");
    if (q->explain)
        say(s, " explain");
    if (q->endpoint.p)
        say(s, " at:%.*s", (int)q->endpoint.n, q->endpoint.p);
    if (q->authorizations)
        say(s, " auth%u:%.*s", q->authorizations, (int)q->authorization.n, q->authorization.p);
    if (q->priority)
        say(s, q->priority > 0 ? " high" : " low");
    say(s, q->keep_alive ? "+ " : "- ");
}

/* Feeds one piece from a heap copy of its exact size, so that a sanitizer sees any byte used after or beyond it.
 * False after a refusal. */
static bool feed_piece(struct h1_server *h, const char *p, size_t n, struct script *s)
{
    char *copy = malloc(n ? n : 1);
    size_t at = 0, used;
    bool good = true;

    memcpy(copy, p, n);
    while (at < n && good) {
        switch (h1_server_feed(h, copy + at, n - at, &used)) {
        case H1_SERVER_MORE:
            CHECK_EQ(used, n - at);
            break;
        case H1_SERVER_HEAD:
            CHECK(h1_server_in_body(h));
            say(s, "^");
            break;
        case H1_SERVER_REQUEST:
            say_request(s, h1_server_request(h));
            h1_server_next(h);
            CHECK(h1_server_idle(h));
            break;
        case H1_SERVER_BAD:
            say(s, "!%u", h1_server_bad_status(h));
            CHECK(h1_server_bad_reason(h) != NULL);
            good = false;
            break;
        }
        CHECK(used <= n - at);
        at += used;
    }
    free(copy);
    return good;
}

/* Pieces of `step` bytes after a first one of `first`. */
static void run(const struct h1_server_conf *c, const char *p, size_t n, size_t first, size_t step, struct script *s)
{
    struct h1_server *h = h1_server_new(c);
    size_t at = 0, piece = first;
    bool good = true;

    s->n = 0;
    s->text[0] = '\0';
    while (at < n && good) {
        if (piece > n - at)
            piece = n - at;
        good = feed_piece(h, p + at, piece, s);
        at += piece;
        piece = step;
    }
    if (good && !h1_server_idle(h))
        say(s, "...");
    h1_server_free(h);
}

static void check_with(const struct h1_server_conf *c, const char *p, size_t n, const char *expected)
{
    static struct script s;

    run(c, p, n, n, n, &s);
    if (strcmp(s.text, expected) != 0) {
        test_failures++;
        printf("# \"%s\": expected \"%s\" for\n# %.*s\n", s.text, expected, (int)(n < 300 ? n : 300), p);
        return;
    }
    for (size_t k = 0; k <= n + 1; k++) {
        if (k <= n)
            run(c, p, n, k ? k : 1, k ? n : 1, &s); /* k = 0: byte by byte */
        else
            run(c, p, n, 3, 7, &s);
        if (strcmp(s.text, expected) != 0) {
            test_failures++;
            printf("# split at %zu: \"%s\", expected \"%s\" for\n# %.*s\n", k, s.text, expected,
                   (int)(n < 300 ? n : 300), p);
            return;
        }
    }
}

static void check(const char *p, size_t n, const char *expected)
{
    check_with(&conf, p, n, expected);
}

struct row {
    const char *in;
    size_t n;
    const char *expected;
};

#define ROW(in, expected)                                                                                              \
    {                                                                                                                  \
        in, sizeof(in) - 1, expected                                                                                   \
    }
#define H "Host: a\r\n"
#define CHECK_ROWS(rows)                                                                                               \
    for (size_t i_ = 0; i_ < sizeof rows / sizeof rows[0]; i_++)                                                       \
    check(rows[i_].in, rows[i_].n, rows[i_].expected)

TEST(requests)
{
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n" H "\r\n", "GET /@a+ "),
        ROW("POST /ethereum?x=1&y HTTP/1.1\r\nhOsT:\t a:8545 \t\r\ncontent-length:5\r\n\r\nhello",
            "^POST /ethereum?x=1&y@a:8545=hello+ "),
        ROW("HEAD /healthz HTTP/1.1\r\n" H "\r\n", "HEAD /healthz@a+ "),
        ROW("OPTIONS / HTTP/1.1\r\n" H "Origin: http://x\r\nAccess-Control-Request-Method: POST\r\n\r\n",
            "OPTIONS /@a origin:http://x acrm:POST+ "),
        ROW("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS *@a+ "),
        ROW("PUT / HTTP/1.1\r\n" H "\r\n", "OTHER /@a+ "),
        ROW("DELETE / HTTP/1.1\r\n" H "\r\n", "OTHER /@a+ "),
        ROW("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "OTHER a:443@a:443+ "),
        ROW("POST / HTTP/1.1\r\n" H "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
            "^POST /@a={} ct:application/json; charset=utf-8+ "),
        ROW("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "POST /@a+ "),
        ROW("POST / HTTP/1.1\r\n" H "Content-Length: 0000000000000000000000002\r\n\r\n{}", "^POST /@a={}+ "),
        ROW("POST / HTTP/1.1\r\n" H "\r\n", "POST /@a+ "),
        ROW("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}", "^POST /@a={} expects+ "),
        ROW("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", "^POST /@={}- "),
        ROW("GET / HTTP/1.1\r\n" H "X: \r\nY:\r\nX-1_2.3!: \x80\xff\tz\r\n\r\n", "GET /@a+ "),
        ROW("GET http://a/p?q HTTP/1.1\r\nHost: A\r\n\r\n", "GET /p?q@a+ "),
        ROW("GET HTTP://a:80?q HTTP/1.1\r\nHost: a:80\r\n\r\n", "GET /?q@a:80+ "),
        ROW("GET https://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /@a+ "),
        ROW("GET http://a/p HTTP/1.0\r\n\r\n", "GET /p@a- "),
        ROW("GET /? HTTP/1.1\r\n" H "\r\n", "GET /@a+ "),
        ROW("GET //x HTTP/1.1\r\n" H "\r\n", "GET //x@a+ "),
        /* an upgrade is not taken, and derails nothing */
        ROW("GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
            "GET /@a+ GET /2@a+ "),
        ROW("POST / HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}"
            "GET /2 HTTP/1.1\r\n" H "\r\n",
            "^POST /@a={}+ GET /2@a+ "),
        ROW("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", "OTHER a:1@a:1+ GET /2@a+ "),
        /* incomplete */
        ROW("G", "..."),
        ROW("GET / HTTP/1.1\r\n" H "\r", "..."),
        ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhell", "^..."),
        ROW("\r\n", ""),
    };

    CHECK_ROWS(rows);
}

TEST(pipelined)
{
    static const struct row rows[] = {
        ROW("GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcPOST /3 HTTP/1.1\r\n" H
            "Transfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\nGET /4 HTTP/1.1\r\n" H "\r\n",
            "GET /1@a+ ^POST /2@a=abc+ ^POST /3@a=def+ GET /4@a+ "),
        ROW("\r\n\r\nGET /1 HTTP/1.1\r\n" H "\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", "GET /1@a+ GET /2@a+ "),
        ROW("\r\n\r\n\r\nGET /1 HTTP/1.1\r\n" H "\r\n", "!400"),
        ROW("\r\r\nGET /1 HTTP/1.1\r\n" H "\r\n", "!400"),
        ROW("\nGET /1 HTTP/1.1\r\n" H "\r\n", "!400"),
        ROW("GET /1 HTTP/1.1\r\n" H "\r\nBAD", "GET /1@a+ ..."),
        ROW("GET /1 HTTP/1.1\r\n" H "\r\nBAD\r\n", "GET /1@a+ !400"),
        /* a body that was not announced is the next request, and garbage */
        ROW("POST /1 HTTP/1.1\r\n" H "\r\n{}\r\n", "POST /1@a+ !400"),
    };

    CHECK_ROWS(rows);
}

TEST(keep_alive)
{
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET /@a- "),
        ROW("GET / HTTP/1.1\r\n" H "Connection: CLOSE\r\n\r\n", "GET /@a- "),
        ROW("GET / HTTP/1.1\r\n" H "Connection: x, Close ,y\r\n\r\n", "GET /@a- "),
        ROW("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n", "GET /@a- "),
        ROW("GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", "GET /@a+ "),
        ROW("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\n\r\n", "GET /@a+ "),
        ROW("GET / HTTP/1.1\r\n" H "Connection:\r\n\r\n", "GET /@a+ "),
        ROW("GET / HTTP/1.0\r\n\r\n", "GET /@- "),
        ROW("GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n\r\n", "GET /@a+ "),
        ROW("GET / HTTP/1.0\r\nConnection: x,,keep-alive\r\n\r\n", "GET /@+ "),
        ROW("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET /@- "),
    };

    CHECK_ROWS(rows);
}

#define POST "POST / HTTP/1.1\r\n" H

/* The same head again and again, as clients send it, and heads that only begin or end like one that came before. */
TEST(repeated_heads)
{
    static const struct row rows[] = {
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 3\r\n\r\ndef" POST "Content-Length: 3\r\n\r\nghi",
            "^POST /@a=abc+ ^POST /@a=def+ ^POST /@a=ghi+ "),
        ROW("GET /1 HTTP/1.1\r\n" H "\r\nGET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /1 HTTP/1.1\r\n" H
            "\r\n",
            "GET /1@a+ GET /1@a+ GET /2@a+ GET /1@a+ "),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 4\r\n\r\ndefg" POST
                 "Content-Length: 3\r\n\r\nhij",
            "^POST /@a=abc+ ^POST /@a=defg+ ^POST /@a=hij+ "),
        ROW(POST "Content-Length: 0\r\n\r\n" POST "Content-Length: 0\r\n\r\n" POST "Content-Length: 01\r\n\r\nx",
            "POST /@a+ POST /@a+ ^POST /@a=x+ "),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 3\r\n\r\nde", "^POST /@a=abc+ ^..."),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\ndef",
            "^POST /@a=abc+ !400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" POST
                 "Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n",
            "^POST /@a=a+ ^POST /@a=b+ "),
        ROW("\r\nGET /1 HTTP/1.1\r\n" H "\r\n\r\nGET /1 HTTP/1.1\r\n" H "\r\nGET /1 HTTP/1.1\r\n" H "\r\n",
            "GET /1@a+ GET /1@a+ GET /1@a+ "),
        ROW(POST "X-Millrace-Explain: 1\r\n\r\n" POST "X-Millrace-Explain: 1\r\n\r\n" POST "\r\n" POST
                 "X-Millrace-Explain: 1\r\n\r\n",
            "POST /@a explain+ POST /@a explain+ POST /@a+ POST /@a explain+ "),
        ROW(POST "\r\n" POST "x-millrace-EXPLAIN:\t1 \r\n\r\n" POST "X-Millrace-Explain: 0\r\n\r\n" POST
                 "X-Millrace-Explain: 11\r\n\r\n" POST "X-Millrace-Explain:\r\n\r\n" POST
                 "X-Millrace-Explore: 1\r\n\r\n",
            "POST /@a+ POST /@a explain+ POST /@a+ POST /@a+ POST /@a+ POST /@a+ "),
        ROW(POST "X-Millrace-Endpoint: b-1\r\n\r\n" POST "x-millrace-endpoint:\r\n\r\n" POST
                 "X-Millrace-Endpoint: b\r\nx-millrace-endpoint: c\r\n\r\n" POST "X-Millrace-Endpoins: b\r\n\r\n",
            "POST /@a at:b-1+ POST /@a at:+ POST /@a at:c+ POST /@a+ "),
        ROW(POST "Authorization:  Bearer x \r\n\r\n" POST "authorization: Bearer x\r\n\r\n" POST
                 "Authorization: a\r\nAUTHORIZATION: b\r\n\r\n" POST "authorization:\r\n\r\n" POST
                 "Authorizatiom: b\r\n\r\n",
            "POST /@a auth1:Bearer x+ POST /@a auth1:Bearer x+ POST /@a auth2:a+ POST /@a auth1:+ POST /@a+ "),
        ROW(POST "Content-Length: 3\r\nContent-Type: b\r\nOrigin: c\r\n\r\nabc" POST
                 "Content-Length: 10\r\nContent-Type: b\r\nOrigin: c\r\n\r\n0123456789" POST
                 "Content-Length: 0007\r\nContent-Type: b\r\nOrigin: c\r\n\r\n0123456" POST
                 "Content-Length: 4\r\nContent-Type: b\r\nOrigin: c\r\n\r\n0123" POST
                 "Content-Length: 3\r\nContent-Type: b\r\nOrigin: d\r\n\r\nabc",
            "^POST /@a=abc ct:b origin:c+ ^POST /@a=0123456789 ct:b origin:c+ ^POST /@a=0123456 ct:b origin:c+ "
            "^POST /@a=0123 ct:b origin:c+ ^POST /@a=abc ct:b origin:d+ "),
        ROW("POST /p?q=1 HTTP/1.1\r\nContent-Length: 9\r\n" H "\r\n123456789POST /p?q=1 HTTP/1.1\r\nContent-Length: "
            "10\r\n" H "\r\n0123456789",
            "^POST /p?q=1@a=123456789+ ^POST /p?q=1@a=0123456789+ "),
        ROW("POST http://a/p HTTP/1.1\r\nContent-Length: 9\r\n" H
            "\r\n123456789POST http://a/p HTTP/1.1\r\nContent-Length: 10\r\n" H "\r\n0123456789",
            "^POST /p@a=123456789+ ^POST /p@a=0123456789+ "),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 1e1\r\n\r\n0123456789", "^POST /@a=abc+ !400"),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: \r\n\r\n", "^POST /@a=abc+ !400"),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: -1\r\n\r\n", "^POST /@a=abc+ !400"),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 99999\r\n\r\n", "^POST /@a=abc+ !413"),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 18446744073709551617\r\n\r\na",
            "^POST /@a=abc+ !400"),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 000000000000000000000000000000003\r\n\r\nabc",
            "^POST /@a=abc+ ^POST /@a=abc+ "),
        ROW(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 0\r\n\r\n" POST "Content-Length: 3\r\n\r\nabc",
            "^POST /@a=abc+ POST /@a+ ^POST /@a=abc+ "),
        ROW(POST "X-Millrace-Priority: high\r\n\r\n" POST "x-millrace-priority: LOW\r\n\r\n" POST
                 "X-Millrace-Priority: normal\r\n\r\n" POST "X-Millrace-Priority: urgent\r\n\r\n" POST
                 "X-Millrace-Priority: low\r\n\r\n" POST "X-Millrace-Priority: lo\r\n\r\n" POST "\r\n",
            "POST /@a high+ POST /@a low+ POST /@a+ POST /@a+ POST /@a low+ POST /@a+ POST /@a+ "),
        ROW("GET /1 HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /1 HTTP/1.1\r\n" H "\r\n", "GET /1@a- GET /1@a+ "),
    };

    CHECK_ROWS(rows);
}

/* What the owner notes of a head stays with it, and goes with it. */
TEST(tags)
{
    static const struct {
        const char *text;
        unsigned tag;
    } rows[] = {
        {POST "Content-Length: 1\r\n\r\na", 0},
        {POST "Content-Length: 1\r\n\r\nb", 7},
        {POST "Content-Length: 12\r\n\r\n0123456789ab", 7},
        {POST "Content-Length: 1\r\nA: b\r\n\r\na", 0},
        {POST "Content-Length: 1\r\n\r\na", 0},
        {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
        {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    };
    struct h1_server *h = h1_server_new(&conf);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at = 0, n = strlen(rows[i].text), used;
        enum h1_server_event ev = H1_SERVER_MORE;

        while (at < n && ev != H1_SERVER_REQUEST) {
            ev = h1_server_feed(h, rows[i].text + at, n - at, &used);
            at += used;
        }
        CHECK_EQ(ev, H1_SERVER_REQUEST);
        CHECK_EQ(h1_server_request(h)->tag, rows[i].tag);
        h1_server_tag(h, 7);
        if (i & 1)
            h1_server_next(h);
        else
            h1_server_reset(h); /* the next connection's */
    }
    h1_server_free(h);
}

TEST(chunked_bodies)
{
    static const struct row rows[] = {
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "^POST /@a=hello+ "),
        ROW(POST "Transfer-Encoding: \tCHUNKED \r\n\r\n2\r\nhe\r\n03\r\nllo\r\n0\r\n\r\n", "^POST /@a=hello+ "),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\nA;x=y;z=\"q\"\r\n0123456789\r\n0;last\r\n\r\n",
            "^POST /@a=0123456789+ "),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "^POST /@a+ "),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nHost: evil\r\nX-Y: z\r\n\r\nGET / HTTP/1.1\r\n" H
                 "\r\n",
            "^POST /@a=x+ GET /@a+ "),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "^..."),
        /* framing that is not as it should be */
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\rX", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5;a\0b\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\nG\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n;x\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "^!413"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n3e9\r\nhello", "^!413"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n3e8\r\nhello", "^!413"),
        /* trailers */
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX Y: z\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n: z\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nXY\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: z\r\n y\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: z\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: z\r\r\n\r\n", "^!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: \0z\r\n\r\n", "^!400"),
    };

    CHECK_ROWS(rows);
}

TEST(smuggling)
{
    static const struct row rows[] = {
        /* Content-Length with Transfer-Encoding, either way round */
        ROW(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", "!400"),
        /* transfer codings but one `chunked` */
        ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: identity\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding:\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "!400"),
        ROW("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n0\r\n\r\n",
            "!400"),
        ROW(POST "X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\r\n\r\n0\r\n\r\n", "!400"),
        ROW(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "!400"),
        /* Content-Length */
        ROW(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 5, 5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 5,\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: +5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: -5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 5.0\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 0x5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 5 5\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: \"5\"\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length:\r\n\r\n", "!400"),
        ROW(POST "Content-Length: 18446744073709551616\r\n\r\n", "!400"),
        ROW(POST "Content-Length: 18446744073709551621\r\n\r\nhello", "!400"),
        ROW(POST "Content-Length: 99999999999999999999\r\n\r\n", "!400"),
        ROW(POST "Content-Length : 5\r\n\r\nhello", "!400"),
        ROW(POST "Content_Length: 5\r\n\r\n", "POST /@a+ "),
        /* Host */
        ROW("GET / HTTP/1.1\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a/\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: []\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a\x80\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\r\nHost: [::1]:8545\r\n\r\n", "GET /@[::1]:8545+ "),
        ROW("GET / HTTP/1.1\r\nHost: my_node-1.local\r\n\r\n", "GET /@my_node-1.local+ "),
        ROW("GET / HTTP/1.1\r\nHost: a%2Db\r\n\r\n", "GET /@a%2Db+ "),
        /* request targets */
        ROW("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "!400"),
        ROW("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET /\r\n\r\n", "!400"),
        ROW("GET\r\n\r\n", "!400"),
        ROW("GET HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("  HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("get / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("NOSUCH / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GE<T / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
        /* field lines */
        ROW(POST "X : y\r\n\r\n", "!400"),
        ROW(POST ": y\r\n\r\n", "!400"),
        ROW(POST "X\r\n\r\n", "!400"),
        ROW(POST "X y: z\r\n\r\n", "!400"),
        ROW(POST "X\x80: z\r\n\r\n", "!400"),
        ROW(POST "(X): z\r\n\r\n", "!400"),
        ROW(POST "X: a\r\n b\r\n\r\n", "!400"),
        ROW(POST "X: a\r\n\r\n b", "POST /@a+ ..."),
        ROW(POST "X: a\0b\r\n\r\n", "!400"),
        ROW(POST "X: a\x01"
                 "b\r\n\r\n",
            "!400"),
        ROW(POST "X: a\x7f\r\n\r\n", "!400"),
        ROW(POST "X\0: a\r\n\r\n", "!400"),
        ROW(POST "X: a\n\n", "!400"),
        ROW(POST "X: a\r\n\n", "!400"),
        ROW(POST "X: a\n\r\n", "!400"),
        ROW(POST "X: a\rb\r\n\r\n", "!400"),
        ROW(POST "X: a\r\r\n\r\n", "!400"),
        ROW("GET / HTTP/1.1\nHost: a\n\n", "!400"),
        ROW("GET / HTTP/1.1\r\n " H "\r\n", "!400"),
        ROW(POST "Origin: http://a\r\nOrigin: http://b\r\n\r\n", "!400"),
        /* other protocols and versions */
        ROW("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "!505"),
        ROW("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "!505"),
        ROW("GET / HTTP/0.9\r\nHost: a\r\n\r\n", "!505"),
        ROW("GET / HTTP/2\r\nHost: a\r\n\r\n", "!505"),
        ROW("GET / HTTP/11\r\nHost: a\r\n\r\n", "!505"),
        ROW("GET / HTTP/1.10\r\nHost: a\r\n\r\n", "!505"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505"),
        ROW("GET / HTTP/1.\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / http/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / HTTP/x.y\r\nHost: a\r\n\r\n", "!400"),
        ROW("GET / ICY/1.1\r\nHost: a\r\n\r\n", "!400"),
        ROW("DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n", "!400"),
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "!400"),
        ROW("\0", "!400"),
        ROW("{\"jsonrpc\":\"2.0\"}\r\n", "!400"),
        /* expectations and announced sizes; a smuggling attempt counts first */
        ROW(POST "Expect: something\r\nContent-Length: 2\r\n\r\n{}", "!417"),
        ROW(POST "Expect: 100-continue, x\r\nContent-Length: 2\r\n\r\n{}", "!417"),
        ROW(POST "Expect: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "!400"),
        ROW(POST "Content-Length: 1001\r\n\r\n", "!413"),
        ROW(POST "Content-Length: 18446744073709551599\r\n\r\n", "!413"),
    };

    CHECK_ROWS(rows);
}

static size_t fill(char *out, const char *before, size_t n, const char *after)
{
    size_t at = strlen(before);

    memcpy(out, before, at);
    memset(out + at, 'x', n);
    memcpy(out + at + n, after, strlen(after));
    return at + n + strlen(after);
}

TEST(limits)
{
    static char text[16384];
    char expected[1200];
    size_t n;

    n = fill(text, "GET /", conf.max_target_bytes - 1, " HTTP/1.1\r\n" H "\r\n");
    snprintf(expected, sizeof expected, "GET /%.*s@a+ ", (int)conf.max_target_bytes - 1, text + 5);
    check(text, n, expected);
    n = fill(text, "GET /", conf.max_target_bytes, " HTTP/1.1\r\n" H "\r\n");
    check(text, n, "!414");
    n = fill(text, "GET /", 5000, "");
    check(text, 5000, "!414");
    n = fill(text, "", 5000, "");
    check(text, n, "!400");
    /* head bytes: everything after the request line, the empty line included */
    n = fill(text, "GET / HTTP/1.1\r\n" H "X: ", conf.max_head_bytes - strlen(H) - 7, "\r\n\r\n");
    check(text, n, "GET /@a+ ");
    n = fill(text, "GET / HTTP/1.1\r\n" H "X: ", conf.max_head_bytes - strlen(H) - 6, "\r\n\r\n");
    check(text, n, "!431");
    n = fill(text, "GET / HTTP/1.1\r\n" H "X: ", 5000, "");
    check(text, n, "!431");
    for (unsigned fields = 9; fields <= 10; fields++) {
        n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" H);
        for (unsigned i = 0; i < fields; i++)
            n += (size_t)sprintf(text + n, "X: y\r\n");
        n += (size_t)sprintf(text + n, "\r\n");
        check(text, n, fields == 9 ? "GET /@a+ " : "!431");
    }
    n = fill(text, POST "Content-Length: 1000\r\n\r\n", 1000, "");
    snprintf(expected, sizeof expected, "^POST /@a=%.1000s+ ", text + n - 1000);
    check(text, n, expected);
    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n3e8\r\n", 1000, "\r\n0\r\n\r\n");
    check(text, n, expected);
    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n3e8\r\n", 1000, "\r\n1\r\nx\r\n0\r\n\r\n");
    check(text, n, "^!413");
}

/* Where every split would take too long: whole and in pieces of 1, 2 and 97 bytes. */
static void check_long(const char *p, size_t n, const char *expected)
{
    static const size_t steps[] = {1, 2, 97, SIZE_MAX};
    struct script s;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        run(&conf, p, n, steps[i], steps[i], &s);
        CHECK_STR(slice_str(s.text), expected);
    }
}

TEST(framing_is_bounded)
{
    static char text[65536];
    size_t n;

    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n1;", CHUNKED_MAX_EXTENSION, "\r\nx\r\n0\r\n\r\n");
    check_long(text, n, "^POST /@a=x+ ");
    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n1;", CHUNKED_MAX_EXTENSION + 1, "\r\nx\r\n0\r\n\r\n");
    check_long(text, n, "^!400");
    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n1;", 60000, "");
    check_long(text, n, "^!400");
    n = fill(text, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", CHUNKED_MAX_TRAILER + 1, "\r\n\r\n");
    check_long(text, n, "^!400");
    /* trailers without end */
    n = (size_t)sprintf(text, POST "Transfer-Encoding: chunked\r\n\r\n0\r\n");
    while (n < 10000)
        n += (size_t)sprintf(text + n, "A: b\r\n");
    check_long(text, n, "^!400");
    /* one-byte chunks: 5 bytes of framing each; 900 of them are within the limit of 1000, their framing is not */
    n = (size_t)sprintf(text, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 900; i++)
        n += (size_t)sprintf(text + n, "001\r\nx\r\n");
    check_long(text, n, "^!413");
    /* extensions on every chunk count together */
    n = (size_t)sprintf(text, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 90; i++)
        n += (size_t)sprintf(text + n, "1;%050d\r\nx\r\n", 0);
    check_long(text, n, "^!400");
}

TEST(body_is_borrowed_when_it_lies_in_one_piece)
{
    static const char whole[] = POST "Content-Length: 5\r\n\r\nhello";
    static const char chunked[] = POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    static const struct slice in[] = {{whole, sizeof whole - 1}, {chunked, sizeof chunked - 1}};

    for (size_t i = 0; i < 2; i++) {
        struct h1_server *h = h1_server_new(&conf);
        size_t used, rest;

        CHECK_EQ(h1_server_feed(h, in[i].p, in[i].n, &used), H1_SERVER_HEAD);
        CHECK_EQ(h1_server_feed(h, in[i].p + used, in[i].n - used, &rest), H1_SERVER_REQUEST);
        CHECK_EQ(used + rest, in[i].n);
        CHECK_STR(h1_server_request(h)->body, "hello");
        CHECK(h1_server_request(h)->body.p > in[i].p && h1_server_request(h)->body.p < in[i].p + in[i].n);
        h1_server_free(h);
    }
}

TEST(announcements_get_no_memory)
{
    static const struct h1_server_conf large = {
        .max_body_bytes = 10485760, .max_head_bytes = 16384, .max_fields = 100, .max_target_bytes = 8192};
    static const char head[] = POST "Content-Length: 10000000\r\n\r\n";
    static char bytes[100000];
    struct h1_server *h = h1_server_new(&large);
    size_t used, sent = 0;
    enum h1_server_event ev;

    CHECK_EQ(h1_server_feed(h, head, sizeof head - 1, &used), H1_SERVER_HEAD);
    CHECK(h1_server_held_bytes(h) <= 4096);
    CHECK_EQ(h1_server_feed(h, "x", 1, &used), H1_SERVER_MORE);
    CHECK(h1_server_held_bytes(h) <= 24 * 1024);
    memset(bytes, 'y', sizeof bytes);
    for (sent = 1;;) {
        ev = h1_server_feed(h, bytes, sizeof bytes, &used);
        sent += used;
        if (ev != H1_SERVER_MORE)
            break;
        CHECK(h1_server_held_bytes(h) <= 2 * sent + 65536);
    }
    CHECK_EQ(ev, H1_SERVER_REQUEST);
    CHECK_EQ(sent, 10000000);
    CHECK_EQ(h1_server_request(h)->body.n, 10000000);
    CHECK(h1_server_held_bytes(h) <= 10485760 + 4096);
    h1_server_next(h);
    CHECK(h1_server_held_bytes(h) <= 16384 + 4096);
    h1_server_reset(h);
    CHECK(h1_server_idle(h));
    h1_server_free(h);
}

TEST(states)
{
    struct h1_server *h = h1_server_new(&conf);
    size_t used;

    CHECK(h1_server_idle(h));
    CHECK_EQ(h1_server_feed(h, "\r\n", 2, &used), H1_SERVER_MORE);
    CHECK(h1_server_idle(h));
    CHECK_EQ(h1_server_feed(h, "P", 1, &used), H1_SERVER_MORE);
    CHECK(!h1_server_idle(h) && !h1_server_in_body(h));
    h1_server_reset(h);
    CHECK(h1_server_idle(h));
    CHECK_EQ(h1_server_feed(h, "\x01", 1, &used), H1_SERVER_BAD);
    CHECK_EQ(h1_server_feed(h, "GET", 3, &used), H1_SERVER_BAD);
    CHECK_EQ(h1_server_bad_status(h), 400);
    h1_server_reset(h);
    CHECK_EQ(h1_server_feed(h, "GET / HTTP/1.0\r\n\r\n", 18, &used), H1_SERVER_REQUEST);
    CHECK_EQ(h1_server_feed(h, "GET", 3, &used), H1_SERVER_REQUEST); /* not until _next */
    CHECK_EQ(used, 0);
    h1_server_free(h);
    CHECK(h1_server_free(NULL) == NULL);
}

TEST_MAIN()
