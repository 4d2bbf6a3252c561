/* request_line.h - the first line of a request (RFC 9112 section 3) into its three parts.  Pure; slices borrow from the
 * line. */
#ifndef MILLRACE_HTTP_REQUEST_LINE_H
#define MILLRACE_HTTP_REQUEST_LINE_H

#include "base/slice.h"
#include "http/h1_server.h"

struct request_line {
    enum h1_method method;
    struct slice method_text, target;
    uint8_t minor;
    const char *reason; /* static text, when refused */
};

/* 0, or the status that refuses it: 400, 414 or 505.  line is without its CRLF. */
unsigned request_line_read(struct request_line *r, struct slice line, size_t max_target_bytes);

/* The request target (RFC 9112 section 3.2) into q's path and query; an absolute one replaces q's host.  False when it
 * fits no form, or names another host than q's. */
bool request_target_read(struct h1_request *q, struct slice target, struct slice method);

#endif
