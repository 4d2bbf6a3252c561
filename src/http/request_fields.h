/* request_fields.h - what the header fields of a request's head say.  By value in a parser; nothing to free; all zero
 * before the first line.  Pure.  The texts are kept as places in the head, for the head may move while it arrives: the
 * owner asks for slices when it is whole. */
#ifndef MILLRACE_HTTP_REQUEST_FIELDS_H
#define MILLRACE_HTTP_REQUEST_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/h1_server.h"

/* A part of the head.  at 0: absent (the method stands there). */
struct part {
    uint32_t at, n;
};

struct request_fields {
    unsigned n; /* lines so far */
    struct part host, origin, content_type, acrm, authorization, endpoint;
    struct part length; /* the value of Content-Length */
    bool has_length, has_coding, close, keep_alive, expects, expects_other;
    const char *reason; /* static text, when a line is refused */
};

/* Besides 0 (done) and the status that refuses a line: 400 or 431. */
enum { REQUEST_FIELDS_FRAMING = 1 }; /* the line decides where the body ends: whoever else judges framing must see it */

static inline struct part part_of(const char *base, struct slice s)
{
    return (struct part){(uint32_t)(s.p - base), (uint32_t)s.n};
}

/* For a field that may be absent. */
static inline struct slice part_slice(const char *base, struct part part)
{
    return part.at ? slice_of(base + part.at, part.n) : slice_of(NULL, 0);
}

/* One line without its CRLF, of the head that begins at `base`; what is no text goes into `req` at once. */
unsigned request_fields_read(struct request_fields *f, struct h1_request *req, unsigned max_fields, const char *base,
                             struct slice line);

/* The texts, into `req`, as slices of the head that begins at `base`. */
void request_fields_point(const struct request_fields *f, struct h1_request *req, const char *base);

/* The head's bytes from `end` on were moved by so many: the places of what stands there move with them. */
void request_fields_moved(struct request_fields *f, size_t end, ptrdiff_t by);

#endif
