#include "upstream/bucket.h"

static uint64_t fill_time(uint64_t rate, uint64_t cap)
{
    return rate ? cap / rate + 1 : UINT64_MAX;
}

void bucket_init(struct bucket *b, uint64_t rate, uint64_t cap, uint64_t now_us)
{
    *b = (struct bucket){.rate = rate, .cap = cap, .have = cap, .at_us = now_us, .high_us = now_us};
    b->full_us = fill_time(rate, cap);
}

/* What was taken before at_us is not given back any more. */
static void close_before(struct bucket *b, uint64_t at_us)
{
    b->high_us = at_us;
    b->given = 0;
}

void bucket_resize(struct bucket *b, uint64_t rate, uint64_t cap, uint64_t now_us)
{
    bucket_settle(b, now_us);
    /* With another capacity it is another line that would have overflowed: what was taken so far stays taken. */
    if (cap != b->cap)
        close_before(b, b->at_us + 1);
    b->rate = rate;
    b->cap = cap;
    b->full_us = fill_time(rate, cap);
    if (b->have > cap)
        b->have = cap;
}

void bucket_hold(struct bucket *b, uint64_t until_us)
{
    b->have = 0;
    if (b->at_us < until_us)
        b->at_us = until_us;
    close_before(b, b->at_us + 1); /* the hold swallows what is under way */
}

void bucket_give(struct bucket *b, uint64_t tokens, uint64_t taken_us, uint64_t now_us)
{
    bucket_settle(b, now_us);
    /* While it stays below one half, not having taken up to the other half, of all that comes back together, would not
     * have made it overflow. */
    if (taken_us < b->high_us || tokens > (b->cap / 2 - b->given) / BUCKET_TOKEN)
        return;
    b->have += tokens * BUCKET_TOKEN;
    b->given += tokens * BUCKET_TOKEN;
    if (b->have >= b->cap / 2)
        close_before(b, b->at_us + 1);
}

uint64_t bucket_when(struct bucket *b, uint64_t tokens, uint64_t now_us)
{
    uint64_t want = tokens * BUCKET_TOKEN, missing;

    bucket_settle(b, now_us);
    if (want > b->cap || (!b->rate && want > b->have))
        return BUCKET_NEVER;
    if (want <= b->have)
        return now_us;
    missing = want - b->have;
    return b->at_us + (missing + b->rate - 1) / b->rate;
}
