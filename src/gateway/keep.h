/* keep.h - flights and the cache of their chain: is the answer there already, and is this one worth keeping? */
#ifndef MILLRACE_GATEWAY_KEEP_H
#define MILLRACE_GATEWAY_KEEP_H

#include "base/blob.h"
#include "rpc/flight.h"

struct block_ref;
struct cache_question;
struct chain;
struct session;

/* Could an answer to this ever be kept?  false is sure: then neither a key nor a look-up is worth making. */
bool keep_may(const struct chain *c, const struct method *m, struct slice params);

/* The answer to f's question, whose key is made, for the client of s.  true: out->ref is the caller's. */
bool keep_find(const struct flight *f, struct session *s, struct chunk *out);

/* Completes *q, which has the rule of the method and what the chain wants and knows, by what the params say.  false: it
 * is not kept, whatever the answer. */
bool keep_question(struct cache_question *q, const struct block_ref *r);

/* A result that came for f; ref NULL: it is borrowed. */
void keep_offer(const struct flight *f, struct slice result, struct blob *ref);

#endif
