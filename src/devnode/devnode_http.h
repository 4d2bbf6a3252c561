/* devnode_http.h - the HTTP side of a simulated node's answers: heads, content types, the page of counters.  Pure. */
#ifndef MILLRACE_DEVNODE_HTTP_H
#define MILLRACE_DEVNODE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct devnode_conf;
struct devnode_stats;

/* more: further fields, each with its \r\n in front, or "".  0, or what buf_append said. */
int devnode_write_head(struct buf *out, unsigned status, const char *type, size_t body, const char *more);

/* One JSON object and a newline. */
int devnode_write_stats(const struct devnode_stats *s, struct buf *out);

/* NAME=N, joined by '&': delay-us, jitter-us, slow-us.  false: something else was asked; what stands before it holds.
 */
bool devnode_settings_read(struct devnode_conf *c, struct slice query);

/* What geth takes; p = NULL: the field is absent. */
bool devnode_content_type_ok(struct slice type);

#endif
