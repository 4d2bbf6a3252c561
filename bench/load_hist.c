#include <string.h>

#include "load.h"

/* Octave 0 holds 0..127 exactly; octave o > 0 holds (128 + k) << (o - 1) and up. */
static unsigned place(uint64_t ns)
{
    unsigned octave;

    if (ns < LOAD_SUB)
        return (unsigned)ns;
    octave = 63 - (unsigned)__builtin_clzll(ns) - 6;
    if (octave > LOAD_OCTAVES)
        return LOAD_BUCKETS - 1;
    return octave * LOAD_SUB + (unsigned)(ns >> (octave - 1)) - LOAD_SUB;
}

static uint64_t middle(unsigned i)
{
    unsigned octave = i / LOAD_SUB;

    if (octave == 0)
        return i;
    return ((uint64_t)(LOAD_SUB + i % LOAD_SUB) << (octave - 1)) + ((uint64_t)1 << (octave - 1)) / 2;
}

void load_hist_clear(struct load_hist *h)
{
    memset(h, 0, sizeof *h);
    h->min_ns = UINT64_MAX;
}

void load_hist_add(struct load_hist *h, uint64_t ns)
{
    h->count++;
    h->sum_ns += ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
    if (ns < h->min_ns)
        h->min_ns = ns;
    h->bucket[place(ns)]++;
}

uint64_t load_hist_quantile(const struct load_hist *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->count + 0.999999), seen = 0;

    if (h->count == 0)
        return 0;
    rank = rank < 1 ? 1 : rank;
    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank)
            return middle(i) < h->max_ns ? middle(i) : h->max_ns;
    }
    return h->max_ns;
}
