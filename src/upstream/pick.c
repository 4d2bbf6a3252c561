#include "upstream/pick.h"

#include <assert.h>

uint64_t pick_lowest_tier(const struct pick_item *v, unsigned n, uint64_t eligible)
{
    unsigned tier = UINT32_MAX;
    uint64_t lowest = 0;

    assert(n <= PICK_MAX);
    if (n < PICK_MAX)
        eligible &= (UINT64_C(1) << n) - 1;
    for (uint64_t left = eligible; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (v[i].tier < tier) {
            tier = v[i].tier;
            lowest = 0;
        }
        if (v[i].tier == tier)
            lowest |= UINT64_C(1) << i;
    }
    return lowest;
}

unsigned pick_next(struct pick_item *v, unsigned n, uint64_t eligible)
{
    unsigned best = PICK_NONE;
    int64_t sum = 0;

    for (uint64_t left = pick_lowest_tier(v, n, eligible); left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        v[i].credit += v[i].weight;
        sum += v[i].weight;
        if (best == PICK_NONE || v[i].credit > v[best].credit)
            best = i;
    }
    if (best != PICK_NONE)
        v[best].credit -= sum;
    return best;
}
