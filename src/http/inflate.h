/* inflate.h - content codings of a response body, undone as the bytes arrive: gzip, deflate, br, or two of them one
 * over the other.  Heap object, made for one body.  Bounded by the output buffer's maximum, so that a bomb is refused
 * as soon as it passes it; what flows between two codings is bounded by the same figure. */
#ifndef MILLRACE_HTTP_INFLATE_H
#define MILLRACE_HTTP_INFLATE_H

#include <stddef.h>

#include "base/buf.h"

enum inflate_coding {
    INFLATE_GZIP,    /* one member or several */
    INFLATE_DEFLATE, /* zlib's wrapping (RFC 9110 section 8.4.1.2), or raw as some servers send */
    INFLATE_BR
};

enum { INFLATE_MAX_CODINGS = 2 };
enum { INFLATE_CORRUPT = 1, INFLATE_TOO_LARGE, INFLATE_TRUNCATED };

struct inflate;

/* Codings in the order in which they were applied: that of Content-Encoding. NULL when out of memory. */
struct inflate *inflate_new(const enum inflate_coding *codings, unsigned n);
struct inflate *inflate_free(struct inflate *z);

/* Appends what p decodes to; 0, INFLATE_CORRUPT (also bytes after the end of the stream), INFLATE_TOO_LARGE, or -ENOMEM
 */
int inflate_feed(struct inflate *z, const char *p, size_t n, struct buf *out);
/* The body is over: 0, or INFLATE_TRUNCATED. */
int inflate_end(const struct inflate *z);

#endif
