/* date.h - dates in HTTP fields (RFC 9110 section 5.6.7), in any of the three forms that a recipient must take.  Pure.
 */
#ifndef MILLRACE_HTTP_DATE_H
#define MILLRACE_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Seconds since 1970.  now_s decides which century a year of two digits is in.  false: no date, or one before 1970. */
bool http_date(struct slice text, int64_t now_s, int64_t *out);

#endif
