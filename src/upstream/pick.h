/* pick.h - smooth weighted round-robin: which of several candidates is next, so that over any run each gets its share
 * and no candidate gets its share in one lump.  By value in whom it chooses among; pure. The method: each candidate's
 * credit grows by its weight, the richest is chosen and pays the sum of the weights. */
#ifndef MILLRACE_UPSTREAM_PICK_H
#define MILLRACE_UPSTREAM_PICK_H

#include <stdint.h>

enum { PICK_MAX = 64, PICK_NONE = PICK_MAX };

struct pick_item {
    unsigned weight;
    unsigned tier;
    int64_t credit;
};

/* Those of eligible that are of the lowest tier in it. */
uint64_t pick_lowest_tier(const struct pick_item *v, unsigned n, uint64_t eligible);

/* Among the items whose bit is set in eligible, of the lowest tier that has any: its index, or PICK_NONE.  n <=
 * PICK_MAX. */
unsigned pick_next(struct pick_item *v, unsigned n, uint64_t eligible);

#endif
