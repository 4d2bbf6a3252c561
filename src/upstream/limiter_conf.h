/* limiter_conf.h - what a provider allows: plain values of the configuration. */
#ifndef MILLRACE_UPSTREAM_LIMITER_CONF_H
#define MILLRACE_UPSTREAM_LIMITER_CONF_H

#include <stdint.h>

enum batch_counts { BATCH_COUNTS_CALLS, BATCH_COUNTS_ONE, BATCH_COUNTS_CALLS_PLUS_ONE };

struct limiter_conf {
    uint64_t requests_per_s; /* 0: no limit, as below */
    uint64_t burst;          /* 0: a tenth of a second's worth, at least what one call counts */
    uint64_t units_per_s;
    uint64_t units_burst; /* 0: a tenth of a second's worth, at least units_most */
    uint64_t requests_per_day, units_per_day;
    unsigned reset_hour_utc;        /* when the provider's day begins */
    enum batch_counts batch_counts; /* what a batch is to the provider: its calls, one, or its calls and one more */
    uint32_t units_most;            /* of the dearest method; 0: not known */
};

#endif
