/* fetch.h - one GET to an admin port, for `millrace status`.  Blocking, with a deadline: for a command, never for the
 * gateway. */
#ifndef MILLRACE_ADMIN_FETCH_H
#define MILLRACE_ADMIN_FETCH_H

#include "base/buf.h"

/* address: "HOST:PORT", "[v6]:PORT" or "unix:/path". 0: *status and the body in out; <0: errno code. */
int fetch_get(const char *address, const char *target, unsigned timeout_ms, unsigned *status, struct buf *out);

#endif
