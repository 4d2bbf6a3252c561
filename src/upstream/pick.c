#include "upstream/pick.h"

#include <assert.h>

unsigned pick_next(struct pick_item *v, unsigned n, uint64_t eligible)
{
    unsigned best = PICK_NONE, tier = UINT32_MAX;
    int64_t sum = 0;

    assert(n <= PICK_MAX);
    if (n < PICK_MAX)
        eligible &= (UINT64_C(1) << n) - 1;
    for (uint64_t left = eligible; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (v[i].tier < tier)
            tier = v[i].tier;
    }
    for (uint64_t left = eligible; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (v[i].tier != tier)
            continue;
        v[i].credit += v[i].weight;
        sum += v[i].weight;
        if (best == PICK_NONE || v[i].credit > v[best].credit)
            best = i;
    }
    if (best != PICK_NONE)
        v[best].credit -= sum;
    return best;
}
