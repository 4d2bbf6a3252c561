/* access_log.h - one line a call or refused request, when the configuration asks for it: who, what, where, how long,
 * how it ended. */
#ifndef MILLRACE_GATEWAY_ACCESS_LOG_H
#define MILLRACE_GATEWAY_ACCESS_LOG_H

#include "base/fail.h"
#include "gateway/exchange.h"

struct flight;
struct method;
struct upstream;

/* f: NULL for a call that never flew.  at: whose answer it is, or who had none; NULL: nobody.  fail: FAIL_NONE when an
 * endpoint answered. */
void access_log_call(const struct exchange *x, const struct flight *f, const struct upstream *at, bool is_error,
                     size_t bytes, enum fail fail);
/* The gateway answered a call of m by itself, with a result. */
void access_log_own(const struct exchange *x, const struct method *m, size_t bytes);
void access_log_refused(const struct exchange *x, enum fail fail);

#endif
