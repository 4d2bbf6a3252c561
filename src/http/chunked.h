/* chunked.h - decoder of the chunked transfer coding (RFC 9112 section 7.1).  By value in a parser; nothing to free.
 * Stricter than the grammar: no space around a chunk size, no bare CR or LF anywhere.  Extensions are skipped and
 * trailers are dropped, never merged into the head; both are bounded by themselves, and all framing beyond a small
 * allowance counts against the limit of the body, so that many tiny chunks cannot outgrow it. */
#ifndef MILLRACE_HTTP_CHUNKED_H
#define MILLRACE_HTTP_CHUNKED_H

#include <stdint.h>

#include "base/slice.h"

enum {
    CHUNKED_MAX_EXTENSION = 4096, /* bytes of extensions in one body */
    CHUNKED_MAX_TRAILER = 4096,   /* bytes of trailers */
    CHUNKED_FREE_FRAMING = 4096   /* framing bytes that do not count against the limit */
};

enum chunked_event {
    CHUNKED_MORE, /* all bytes used */
    CHUNKED_DATA, /* a piece of the body */
    CHUNKED_END,  /* the body is complete */
    CHUNKED_BAD,  /* see chunked_text */
    CHUNKED_TOO_LARGE
};

struct chunked {
    enum {
        CHUNKED_SIZE,      /* the first digit of a size is awaited */
        CHUNKED_SIZE_MORE, /* further digits, or what ends them */
        CHUNKED_EXTENSION, /* after ';' */
        CHUNKED_SIZE_LF,   /* after the CR of a size line */
        CHUNKED_BYTES,     /* body bytes */
        CHUNKED_BYTES_CR,  /* after the last body byte of a chunk */
        CHUNKED_BYTES_LF,
        CHUNKED_TRAILER, /* the first byte of a trailer line, or of the empty line that ends all */
        CHUNKED_NAME,    /* inside a trailer's name */
        CHUNKED_VALUE,   /* inside a trailer's value */
        CHUNKED_VALUE_LF,
        CHUNKED_END_LF,
        CHUNKED_OVER
    } state;
    unsigned digits;
    uint64_t left;      /* of the chunk under way; the size while its digits arrive */
    uint64_t payload;   /* body bytes announced so far */
    uint64_t framing;   /* all other bytes */
    unsigned extension; /* bytes of extensions */
    unsigned trailer;   /* bytes of trailers */
    uint64_t max_bytes;
    const char *text;
};

void chunked_init(struct chunked *c, uint64_t max_bytes);
/* Takes *used bytes.  Call again with the rest after DATA. */
enum chunked_event chunked_next(struct chunked *c, const char *p, size_t n, size_t *used, struct slice *data);
const char *chunked_text(const struct chunked *c); /* after BAD: static text */

#endif
