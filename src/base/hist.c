#include "base/hist.h"

/* Bucket k of octave 0 holds the value k (0..15); in octave o > 0 the values (16 + k) << (o - 1) and up to the next
 * bucket. */
static unsigned place(uint64_t us)
{
    unsigned octave;

    if (us < HIST_SUB)
        return (unsigned)us;
    octave = 63 - (unsigned)__builtin_clzll(us) - 3;
    if (octave > HIST_OCTAVES)
        return HIST_BUCKETS - 1;
    return octave * HIST_SUB + (unsigned)(us >> (octave - 1)) - HIST_SUB;
}

static uint64_t upper(unsigned i)
{
    unsigned octave = i / HIST_SUB;

    return octave == 0 ? i : ((uint64_t)(HIST_SUB + i % HIST_SUB + 1) << (octave - 1)) - 1;
}

void hist_add(struct hist *h, uint64_t us)
{
    h->count++;
    h->sum_us += us;
    if (us > h->max_us)
        h->max_us = us;
    h->bucket[place(us)]++;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->count + 0.999999), seen = 0;

    if (h->count == 0)
        return 0;
    if (rank < 1)
        rank = 1;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank)
            return upper(i) < h->max_us ? upper(i) : h->max_us;
    }
    return h->max_us;
}

uint64_t hist_count_le(const struct hist *h, uint64_t us)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < HIST_BUCKETS && upper(i) <= us; i++)
        n += h->bucket[i];
    return n;
}
