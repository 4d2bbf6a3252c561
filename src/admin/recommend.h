/* recommend.h - what an operator should do, drawn from the gateway's numbers by upstream/advice: for /status and for
 * people. */
#ifndef MILLRACE_ADMIN_RECOMMEND_H
#define MILLRACE_ADMIN_RECOMMEND_H

#include "base/buf.h"

struct worker;

int recommend_json(const struct worker *w, struct buf *out); /* an array, the most urgent of each endpoint first */
int recommend_text(const struct worker *w, struct buf *out); /* lines; nothing when there is nothing to do */

#endif
