/* status.h - /status: everything an operator asks about a running gateway, as one JSON object. */
#ifndef MILLRACE_ADMIN_STATUS_H
#define MILLRACE_ADMIN_STATUS_H

#include <stdbool.h>

#include "base/buf.h"

struct worker;

int status_write(const struct worker *w, bool sockets, struct buf *out); /* sockets: each upstream connection too */

#endif
