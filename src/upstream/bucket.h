/* bucket.h - a token bucket in integers: what leaves in any window is at most its capacity and the refill of that
 * window, also when rate and capacity change on the way and when the clock steps back.  By value; pure, the caller
 * passes a monotone time, and windows are measured in it: a time that was read long ago lets a little more leave.
 *
 * Rates are counted in 1/256 of a token a second, and what is there in grains: a rate of one is one grain a
 * microsecond, so that a refill is one multiplication, without a remainder that could be lost or won. */
#ifndef MILLRACE_UPSTREAM_BUCKET_H
#define MILLRACE_UPSTREAM_BUCKET_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_RATE = 256, BUCKET_TOKEN = 256000000 }; /* one token a second; one token, in grains */
/* Bounds that keep every product below within 64 bits. */
enum { BUCKET_MAX_PER_S = 1000000000, BUCKET_MAX_BURST = 1000000000 };

#define BUCKET_NEVER UINT64_MAX

struct bucket {
    uint64_t rate;    /* refill: grains a microsecond */
    uint64_t cap;     /* grains */
    uint64_t have;    /* grains, at the time at_us */
    uint64_t at_us;   /* later than now: it does not refill before that */
    uint64_t full_us; /* so long from empty to full, or somewhat longer */
    uint64_t high_us; /* when it was half full last: what was taken before that is not given back */
    uint64_t given;   /* grains given back since then: half of cap at most */
};

/* Full at first.  rate and cap as in the struct; cap <= BUCKET_MAX_BURST tokens, rate <= BUCKET_MAX_PER_S * 4. */
void bucket_init(struct bucket *b, uint64_t rate, uint64_t cap, uint64_t now_us);
/* What is there stays, as far as it fits. */
void bucket_resize(struct bucket *b, uint64_t rate, uint64_t cap, uint64_t now_us);
/* Nothing is there before until_us, and it refills from then on. */
void bucket_hold(struct bucket *b, uint64_t until_us);
/* Gives back what was taken at taken_us and did not leave, as far as that cannot let more leave than if it had never
 * been taken: not what would have overflowed meanwhile. */
void bucket_give(struct bucket *b, uint64_t tokens, uint64_t taken_us, uint64_t now_us);
/* When so many tokens are there if nobody takes any; BUCKET_NEVER: more than it holds, or it does not refill. */
uint64_t bucket_when(struct bucket *b, uint64_t tokens, uint64_t now_us);

static inline void bucket_settle(struct bucket *b, uint64_t now_us)
{
    uint64_t dt;

    if (now_us <= b->at_us)
        return;
    dt = now_us - b->at_us;
    b->at_us = now_us;
    b->have = dt < b->full_us ? b->have + dt * b->rate : b->cap;
    if (b->have < b->cap / 2)
        return;
    b->high_us = now_us;
    b->given = 0;
    if (b->have > b->cap)
        b->have = b->cap;
}

static inline bool bucket_has(struct bucket *b, uint64_t tokens, uint64_t now_us)
{
    bucket_settle(b, now_us);
    return b->have >= tokens * BUCKET_TOKEN;
}

/* Only what bucket_has() said is there. */
static inline void bucket_take(struct bucket *b, uint64_t tokens)
{
    assert(b->have >= tokens * BUCKET_TOKEN);
    b->have -= tokens * BUCKET_TOKEN;
}

#endif
