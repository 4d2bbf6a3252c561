/* stats.h - the counters of one worker: rows of stats.def.  By value; only grow. */
#ifndef MILLRACE_BASE_STATS_H
#define MILLRACE_BASE_STATS_H

#include <stdint.h>

struct stats {
#define COUNTER(name, text) uint64_t name;
#include "base/stats.def"
#undef COUNTER
};

struct stats_row {
    const char *name, *text;
    uint64_t value;
};

enum {
#define COUNTER(name, text) STATS_ROW_##name,
#include "base/stats.def"
#undef COUNTER
    STATS_ROWS
};

void stats_rows(const struct stats *s, struct stats_row out[STATS_ROWS]);

#endif
