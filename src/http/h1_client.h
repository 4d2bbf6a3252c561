/* h1_client.h - HTTP/1.x responses out of bytes (RFC 9112).  Sans-IO.  One parser per upstream connection, one response
 * at a time. Handles Content-Length, chunked and close-delimited bodies, 1xx responses, and content codings gzip,
 * deflate and br, all bounded. */
#ifndef MILLRACE_HTTP_H1_CLIENT_H
#define MILLRACE_HTTP_H1_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/slice.h"

enum h1_client_event {
    H1_CLIENT_MORE,     /* all bytes used, more are needed */
    H1_CLIENT_RESPONSE, /* one whole response: see `res`; bytes left over are surplus (nobody asked for them) */
    H1_CLIENT_BAD       /* see h1_client_bad */
};

enum h1_client_bad {
    H1_CLIENT_BAD_NONE,
    H1_CLIENT_BAD_SYNTAX,    /* not HTTP, or framing in doubt (Content-Length with Transfer-Encoding, ...) */
    H1_CLIENT_BAD_TRUNCATED, /* the connection ended inside the response */
    H1_CLIENT_BAD_TOO_LARGE, /* body past max_body_bytes, decoded bytes counted: a compression bomb too */
    H1_CLIENT_BAD_HEAD,      /* too many fields, head bytes or 1xx responses */
    H1_CLIENT_BAD_CODING,    /* unknown content coding, or its stream is corrupt */
    H1_CLIENT_BAD_MEMORY     /* none for the head or the body */
};

struct spare;

struct h1_client_conf {
    size_t max_body_bytes;
    size_t max_head_bytes;
    unsigned max_fields;
    unsigned max_informational; /* 1xx responses before the real one */
    struct spare *spare;        /* borrowed; of large bodies' buffers; may be NULL */
};

struct h1_response {
    unsigned status;
    uint8_t minor;
    bool keep_alive; /* the connection may carry another request: RFC 9112 section 9.3, and the body was self-delimited
                      */
    struct slice
        body; /* whole and decoded.  Borrowed: from the fed bytes when it lay in them in one piece and was not coded */
    bool body_owned;         /* body lies in the parser's own buffer: h1_client_take_body moves it out without a copy */
    struct slice rate_lines; /* fields about rate limits, each with '\n' behind it: for rate_fields_read(); good as long
                                as res */
};

struct h1_client;

struct h1_client *h1_client_new(const struct h1_client_conf *conf); /* conf is borrowed */
struct h1_client *h1_client_free(struct h1_client *c);

/* A request was written: expect its response.  Forgets the one before. */
void h1_client_start(struct h1_client *c);

enum h1_client_event h1_client_feed(struct h1_client *c, const char *p, size_t n, size_t *used);
/* The peer ended its side.  RESPONSE for a close-delimited body, else BAD (truncated). */
enum h1_client_event h1_client_eof(struct h1_client *c);

/* Inside a large uncoded Content-Length body: where the next bytes may be read straight into, and how many at most;
 * NULL when the bytes should be fed instead.  After reading n bytes there call h1_client_filled, which acts as a feed
 * of these bytes. */
char *h1_client_space(struct h1_client *c, size_t *n);
enum h1_client_event h1_client_filled(struct h1_client *c, size_t n);

const struct h1_response *h1_client_response(const struct h1_client *c);
struct blob *
h1_client_take_body(struct h1_client *c); /* after RESPONSE with body_owned; never NULL; the body slice stays good */
enum h1_client_bad h1_client_bad(const struct h1_client *c);
const char *h1_client_bad_text(const struct h1_client *c); /* static text; names no bytes of the peer */

/* Any byte of the response under way was received. */
bool h1_client_began(const struct h1_client *c);
size_t h1_client_held_bytes(const struct h1_client *c);

#endif
