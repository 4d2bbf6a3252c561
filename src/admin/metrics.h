/* metrics.h - /metrics: Prometheus text format 0.0.4. Names begin with millrace_; endpoints are named, URLs never
 * shown. */
#ifndef MILLRACE_ADMIN_METRICS_H
#define MILLRACE_ADMIN_METRICS_H

#include "base/buf.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct worker;

int metrics_write(const struct worker *w, struct buf *out);

#endif
