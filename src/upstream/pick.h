/* pick.h - which of several endpoints is next.  By value in whom it chooses among; pure.
 *
 * pick_next, smooth weighted round-robin: over any run each gets its share, and none gets its share in one lump.  Each
 * credit grows by the weight, the richest is chosen and pays the sum of the weights.  Weights may change between any
 * two picks (weight x health), in any unit.
 *
 * pick_fastest, of two drawn at random the one with the lesser latency x calls in flight / weight ("power of two
 * choices"): follows latency at once, and does not send everybody to the one that was best last.
 *
 * pick_first, the first of the file. */
#ifndef MILLRACE_UPSTREAM_PICK_H
#define MILLRACE_UPSTREAM_PICK_H

#include <stdint.h>

enum { PICK_MAX = 64, PICK_NONE = PICK_MAX };

struct pick_item {
    unsigned weight;
    unsigned tier;
    int64_t credit;
    uint32_t latency_us; /* for pick_fastest: peak EWMA (latency.h); 0: not known */
    uint32_t in_flight;
};

/* Those of eligible that are of the lowest tier in it. */
uint64_t pick_lowest_tier(const struct pick_item *v, unsigned n, uint64_t eligible);

/* Among the items whose bit is set in eligible, of the lowest tier that has any: its index, or PICK_NONE.  n <=
 * PICK_MAX. */
unsigned pick_next(struct pick_item *v, unsigned n, uint64_t eligible);
unsigned pick_fastest(const struct pick_item *v, unsigned n, uint64_t eligible, uint64_t random);
unsigned pick_first(const struct pick_item *v, unsigned n, uint64_t eligible);

#endif
