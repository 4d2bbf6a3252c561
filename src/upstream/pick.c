#include "upstream/pick.h"

#include <assert.h>
#include <stdbool.h>

/* Times a weight of 1000 x 1024 they stay within 64 bits. */
enum { MOST_US = 1 << 27, MOST_CALLS = 1 << 16 };

/* *weight: of all of them. */
static uint64_t lowest_tier(const struct pick_item *v, unsigned n, uint64_t eligible, int64_t *weight)
{
    unsigned tier = UINT32_MAX;
    uint64_t lowest = 0;

    assert(n <= PICK_MAX);
    *weight = 0;
    if (n < PICK_MAX)
        eligible &= (UINT64_C(1) << n) - 1;
    for (uint64_t left = eligible; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (v[i].tier > tier)
            continue;
        if (v[i].tier < tier) {
            tier = v[i].tier;
            lowest = 0;
            *weight = 0;
        }
        lowest |= UINT64_C(1) << i;
        *weight += v[i].weight;
    }
    return lowest;
}

uint64_t pick_lowest_tier(const struct pick_item *v, unsigned n, uint64_t eligible)
{
    int64_t weight;

    return lowest_tier(v, n, eligible, &weight);
}

unsigned pick_next(struct pick_item *v, unsigned n, uint64_t eligible)
{
    unsigned best = PICK_NONE;
    int64_t sum;

    for (uint64_t left = lowest_tier(v, n, eligible, &sum); left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        /* A credit or a debt from the time of greater weights would make a lump, or a gap, of that time's length. */
        if (v[i].credit < -sum)
            v[i].credit = -sum;
        v[i].credit += v[i].weight;
        if (best == PICK_NONE || v[i].credit > v[best].credit)
            best = i;
    }
    if (best != PICK_NONE) {
        v[best].credit -= sum;
        if (v[best].credit > sum)
            v[best].credit = sum;
    }
    return best;
}

static unsigned nth(uint64_t set, unsigned n)
{
    while (n--)
        set &= set - 1;
    return (unsigned)__builtin_ctzll(set);
}

/* The time that a call there would take, but for the division by the weight. */
static uint64_t cost(const struct pick_item *v, bool known)
{
    uint64_t us = known ? v->latency_us : 1, calls = (uint64_t)v->in_flight + 1;

    return (us < MOST_US ? us : MOST_US) * (calls < MOST_CALLS ? calls : MOST_CALLS);
}

unsigned pick_fastest(const struct pick_item *v, unsigned n, uint64_t eligible, uint64_t random)
{
    uint64_t lowest = pick_lowest_tier(v, n, eligible), lot, of_a, of_b;
    unsigned count = 0, a, b;
    bool known;

    for (uint64_t left = lowest; left; left &= left - 1)
        count++;
    if (count == 0)
        return PICK_NONE;
    a = (unsigned)((random >> 32) * count >> 32);
    if (count == 1)
        return nth(lowest, 0);
    b = (unsigned)((random & UINT32_MAX) * (count - 1) >> 32);
    b += b >= a;
    a = nth(lowest, a);
    b = nth(lowest, b);
    /* One that was not measured is neither quick nor slow: it gets its share, neither everything nor nothing, until it
     * is. */
    known = v[a].latency_us && v[b].latency_us;
    of_a = cost(&v[b], known) * v[a].weight;
    of_b = cost(&v[a], known) * v[b].weight;
    if (known)
        return of_b <= of_a ? a : b;
    lot = (random ^ random >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    return lot * ((of_a + of_b) >> 24) + (lot * ((of_a + of_b) & 0xffffff) >> 24) < of_a ? a : b;
}

unsigned pick_first(const struct pick_item *v, unsigned n, uint64_t eligible)
{
    uint64_t lowest = pick_lowest_tier(v, n, eligible);

    return lowest ? nth(lowest, 0) : PICK_NONE;
}
