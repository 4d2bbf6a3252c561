/* probes.h - /healthz and /readyz: what a load balancer asks. */
#ifndef MILLRACE_ADMIN_PROBES_H
#define MILLRACE_ADMIN_PROBES_H

#include "base/buf.h"

struct chain;
struct worker;

int probe_health(struct buf *out);
/* Ready: not draining, and every chain (or this one, when c is not NULL) has an endpoint that is not known to be down.
 * *status: 200 or 503; the body is JSON and names the reason. */
int probe_ready(const struct worker *w, const struct chain *c, struct buf *out, unsigned *status);

#endif
