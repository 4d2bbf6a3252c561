/* link_batch.h - several flights in one request of a link: how it is written, and whose answer is whose.  Part of link.
 */
#ifndef MILLRACE_GATEWAY_LINK_BATCH_H
#define MILLRACE_GATEWAY_LINK_BATCH_H

#include "base/gather.h"
#include "gateway/link.h"

struct h1_response;
struct worker;

/* Bytes of f as a member of an array, and of a plain request's body. */
size_t link_batch_member_bytes(const struct flight *f);

/* Puts the request into g; good until the next call.  Returns the bytes of its body. */
size_t link_batch_put(struct gather *g, struct worker *w, const struct endpoint *e, struct flight *const *v,
                      unsigned n);

/* Answers the flights aboard; those that were not answered set out again, or fail.  Nobody is aboard afterwards.
 * true: the framing is beyond doubt. */
bool link_batch_answered(struct link *k, const struct h1_response *res);

/* The answer is larger than what is taken: the flights that may set out again do, in smaller batches. */
void link_batch_too_large(struct link *k);

#endif
