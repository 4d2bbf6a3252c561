/* reply.h - the HTTP side of an answer: status line and fields, then the body, into a gather. */
#ifndef MILLRACE_GATEWAY_REPLY_H
#define MILLRACE_GATEWAY_REPLY_H

#include "base/fail.h"
#include "base/gather.h"
#include "gateway/exchange.h"

struct worker;

/* The head of a complete answer, with its length.  Decides whether the connection is kept: x->keep_alive. g must have
 * room. */
void reply_head(struct worker *w, struct exchange *x, struct gather *g);
/* The head of an array whose end is not known yet: chunked, or delimited by close for HTTP/1.0. */
void reply_head_streamed(struct worker *w, struct exchange *x, struct gather *g);
/* What is ready of the body. 0: all of that; GATHER_FULL: write g out and call again. */
int reply_body(struct exchange *x, struct gather *g);

/* A whole response to a connection that is turned away unread. */
int reply_refusal(struct buf *b, enum fail f);

#endif
