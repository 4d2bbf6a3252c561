/* hist.h - latency histogram with constant relative error (1/16) over 1 us .. 2^32 us; fixed size, by value.
 * Pure.  Percentiles are upper bounds of their bucket. */
#ifndef MILLRACE_BASE_HIST_H
#define MILLRACE_BASE_HIST_H

#include <stdint.h>

enum { HIST_SUB = 16, HIST_OCTAVES = 29, HIST_BUCKETS = HIST_SUB * (HIST_OCTAVES + 1) };

struct hist {
    uint64_t count, sum_us, max_us;
    uint32_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t us);
uint64_t hist_quantile(const struct hist *h, double q);    /* us; 0 when empty */
uint64_t hist_count_le(const struct hist *h, uint64_t us); /* samples in buckets that end at or below us */

#endif
