/* h1_server.h - HTTP/1.x requests out of bytes (RFC 9112).  Sans-IO: bytes in, one request at a time out.
 * llhttp strict underneath; rules that matter for safety are checked here too, so that they hold with any version of
 * it. By value; a parser is only needed while a request is under way: between requests the owner may put it away. */
#ifndef MILLRACE_HTTP_H1_SERVER_H
#define MILLRACE_HTTP_H1_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum h1_method { H1_GET, H1_HEAD, H1_POST, H1_OPTIONS, H1_OTHER };

enum h1_server_event {
    H1_SERVER_MORE, /* all bytes used, the request is not complete */
    H1_SERVER_HEAD, /* the head is complete (`req` but for body); a body follows.  Said once for each request that has
                       one, so that the owner may refuse it by its head (415, 403, ...) or answer 100-continue before
                       the body is read. */
    H1_SERVER_REQUEST, /* one whole request: see `req`; call h1_server_next before feeding on */
    H1_SERVER_BAD      /* see bad_status, bad_reason; the connection must be closed after the answer */
};

struct h1_server_conf {      /* all are hard limits, in bytes or counts */
    size_t max_body_bytes;   /* 413 */
    size_t max_head_bytes;   /* 431; request line excluded */
    unsigned max_fields;     /* 431 */
    size_t max_target_bytes; /* 414 */
};

struct h1_request {
    enum h1_method method;
    uint8_t minor;              /* HTTP/1.minor */
    bool keep_alive;            /* what the request asks for: RFC 9112 section 9.3 */
    bool expect_continue;       /* Expect: 100-continue, and HTTP/1.1 */
    bool chunked;               /* body came chunked */
    bool explain;               /* X-Millrace-Explain: 1 */
    int8_t priority;            /* X-Millrace-Priority: 1 high, -1 low, 0 normal, absent or anything else */
    struct slice path;          /* the target without query; absolute-form targets are reduced to their path */
    struct slice query;         /* after '?', may be empty */
    struct slice host;          /* the Host field, OWS trimmed; n = 0 when absent (HTTP/1.0) */
    struct slice origin;        /* Origin; p = NULL when absent */
    struct slice content_type;  /* Content-Type; p = NULL when absent */
    struct slice authorization; /* Authorization, the first; p = NULL when absent */
    unsigned authorizations;    /* how many there are */
    struct slice endpoint;      /* X-Millrace-Endpoint, the last; p = NULL when absent */
    struct slice acrm;          /* Access-Control-Request-Method (CORS preflight); p = NULL when absent */
    unsigned tag;               /* what the owner found of this head when it came before: h1_server_tag; 0: nothing */
    uint64_t content_length;    /* announced; 0 when chunked or absent */
    struct slice body; /* whole body.  Borrowed: from the fed bytes when it lay in them in one piece, else from `own` */
};

struct h1_server; /* see h1_server_new; opaque because llhttp's header stays in .c files */

struct h1_server *h1_server_new(const struct h1_server_conf *conf); /* conf is borrowed and must outlive the parser */
struct h1_server *h1_server_free(struct h1_server *h);

/* Ready for the first byte of a new connection; keeps no more than a small amount of memory from before. */
void h1_server_reset(struct h1_server *h);

/* Feeds bytes; *used tells how many were taken (all, with MORE).  With REQUEST the rest belong to the next request.
 * After HEAD feed the rest again.  Slices of `req` are good until the next _next/_reset/_free, those that point into
 * the fed bytes until these change. */
enum h1_server_event h1_server_feed(struct h1_server *h, const char *p, size_t n, size_t *used);

/* After REQUEST: forget that request, be ready for the next one on the same connection. */
void h1_server_next(struct h1_server *h);

/* After REQUEST: the owner's own note of what this head means to it.  It is there again when the same head is; a head
 * that came in another request loses it. */
void h1_server_tag(struct h1_server *h, unsigned tag);

const struct h1_request *h1_server_request(const struct h1_server *h);

/* Nothing of a request has been received since _reset/_next (a leading CRLF does not count): an idle connection. */
bool h1_server_idle(const struct h1_server *h);
/* Not even that: it can serve another connection as it is. */
bool h1_server_unused(const struct h1_server *h);
/* The head is complete and the body is awaited: body_timeout_ms applies, not header_timeout_ms. */
bool h1_server_in_body(const struct h1_server *h);
/* Bytes of memory that the parser holds for the request under way (body and head). */
size_t h1_server_held_bytes(const struct h1_server *h);

/* After BAD: status 400, 408 is never said here, 413, 414, 417, 429 (no memory for it), 431, 501 (unknown transfer
 * coding is 400), 505; and a static text. */
unsigned h1_server_bad_status(const struct h1_server *h);
const char *h1_server_bad_reason(const struct h1_server *h);

#endif
