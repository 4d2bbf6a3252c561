/* request.h - what to do with one HTTP request of a client: refuse it, answer it from here, or turn its body into
 * flights. */
#ifndef MILLRACE_GATEWAY_REQUEST_H
#define MILLRACE_GATEWAY_REQUEST_H

#include "gateway/session.h"
#include "http/h1_server.h"

/* By its head alone, while the body is still to come: true: refused and answered, and the connection must close after
 * it. Only where reading the body first would be wrong: the client waits for 100-continue, or the body is large. */
bool request_refused_early(struct session *s, const struct h1_request *q);
/* A whole request: makes its exchange and its flights. false: no more requests are read on this connection. */
bool request_take(struct session *s, const struct h1_request *q);
/* The parser or a time-out gave up on it: answered with status, and the connection closes. reason may be NULL. */
void request_bad(struct session *s, unsigned status, const char *reason);

/* Some calls of x's unit wait to be asked again: gateway/unit.h. */
void request_ask_again(struct exchange *x);

#endif
