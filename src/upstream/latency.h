/* latency.h - how long an endpoint takes.  Three views, each for one decision.  Pure: the caller passes the time.
 * Durations in us.
 *
 * latency_peak, of an endpoint: rises at once to a slow answer, halves with each half second (peak EWMA, as in
 * Finagle's load balancer): who is quick right now, for routing "fastest".  By value.
 *
 * latency_sketch, of one method on one endpoint: quantiles of the last few hundred answers, for the moment of a hedge.
 * A small cousin of base/hist.h (1/8 relative error, 16 us .. 16 s, 300 bytes) whose counts are halved as it fills and
 * as time goes by.
 *
 * latency_table, of a chain: the sketches, made when first needed, and what is usual for each method, so that an
 * endpoint that gets the heavy methods is not taken for a slow one.  Owned by its chain. */
#ifndef MILLRACE_UPSTREAM_LATENCY_H
#define MILLRACE_UPSTREAM_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LATENCY_HALF_LIFE_LOG2 = 19, /* 2^19 us, half a second */
    LATENCY_SUB = 8,
    LATENCY_OCTAVES = 17,
    LATENCY_BUCKETS = LATENCY_SUB * (LATENCY_OCTAVES + 1),
    LATENCY_FULL = 1024,    /* answers at which all counts are halved */
    LATENCY_FEW = 16,       /* with fewer answers there is no quantile */
    LATENCY_AGE_MS = 10000, /* after which they are halved too, if enough are left then */
    LATENCY_NOISE_US = 256  /* added before latencies are compared: differences below are the scheduler's */
};

struct latency_peak {
    uint64_t us_q8; /* 1/256 us */
    uint64_t at_us;
};

void latency_peak_note(struct latency_peak *p, uint64_t us, uint64_t now_us);
/* 0: not known, or so long ago that it is no longer held against it. */
uint64_t latency_peak_get(const struct latency_peak *p, uint64_t now_us);

struct latency_sketch {
    uint64_t aged_ms;
    uint32_t known_us; /* the quantile worked out last, */
    uint16_t known_permille;
    uint16_t since; /* and the answers since */
    uint16_t count;
    uint16_t bucket[LATENCY_BUCKETS];
};

void latency_sketch_note(struct latency_sketch *s, uint64_t us, uint64_t now_ms);
/* An upper bound of it; 0: too few answers.  Worked out anew every 32 answers. */
uint32_t latency_sketch_quantile(struct latency_sketch *s, unsigned permille);

struct latency_row {
    int32_t usual; /* log2, Q16, over all endpoints; 0: no answer yet */
    struct latency_sketch *of[];
};

struct latency_table {
    unsigned n_methods, n_endpoints;
    struct latency_row **rows; /* by method slot; NULL until its first answer */
};

void latency_table_init(struct latency_table *t, unsigned n_methods, unsigned n_endpoints);
void latency_table_deinit(struct latency_table *t);

/* An answer.  Returns how much slower it was than is usual for its method, in octaves, Q16 (fixed.h): 65536 is twice as
 * slow, -65536 twice as quick.  quantiles: keep a sketch too, for methods that are hedged. */
int32_t latency_table_note(struct latency_table *t, unsigned method, unsigned endpoint, bool quantiles, uint64_t us,
                           uint64_t now_ms);
/* The same for a call that is not answered yet: nothing is kept. */
int32_t latency_table_compare(const struct latency_table *t, unsigned method, uint64_t us);
/* us; 0: not known. */
uint32_t latency_table_quantile(const struct latency_table *t, unsigned method, unsigned endpoint, unsigned permille);

#endif
