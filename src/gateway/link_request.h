/* link_request.h - the HTTP request of one flight, put together.  Those of several are link_batch's. */
#ifndef MILLRACE_GATEWAY_LINK_REQUEST_H
#define MILLRACE_GATEWAY_LINK_REQUEST_H

#include "base/gather.h"

struct endpoint;
struct flight;
struct scope;

/* Puts the request into g, which is cleared before; what is long is borrowed from e and f. */
void link_request_put(struct gather *g, const struct endpoint *e, const struct flight *f);

/* The Authorization of the client that asked, between a head's other fields. */
void link_request_put_scope(struct gather *g, const struct scope *s);

#endif
