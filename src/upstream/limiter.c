#include "upstream/limiter.h"

enum { SECOND_US = 1000000 };
enum { UNITS_MOST = 100 };   /* when the dearest method is not known */
enum { BURST_PARTS = 10 };   /* the default burst is so much of a second's worth */
enum { LEARNED_PARTS = 16 }; /* the same once the endpoint has refused: it may count in short windows */
enum { GUESSED_CLIMB = 4 };  /* a learned limit is forgotten at so many times what was seen */
enum { SPENDS = LIMITER_GATE_REQUESTS | LIMITER_GATE_UNITS };

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The configured rates and bursts, as far as the endpoint takes them. */
static void apply(struct limiter *l, uint64_t now_us)
{
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++) {
        uint64_t rate = l->top[k] * BUCKET_RATE * l->learned.share / LEARN_ONE, cap = l->cap[k];

        if (!l->top[k])
            continue;
        rate = most(rate, 1);
        if (l->learned.share < LEARN_ONE || l->learned.guessed)
            cap = least(cap, most(rate * SECOND_US / LEARNED_PARTS, l->most[k] * BUCKET_TOKEN));
        bucket_resize(&l->buckets[k], rate, cap, now_us);
    }
}

static void limit(struct limiter *l, unsigned k, uint64_t per_s, uint64_t burst, uint64_t now_us)
{
    per_s = least(per_s, BUCKET_MAX_PER_S);
    l->top[k] = per_s;
    l->cap[k] = least(burst, BUCKET_MAX_BURST) * BUCKET_TOKEN;
    l->gates |= 1u << k;
    bucket_init(&l->buckets[k], per_s * BUCKET_RATE, l->cap[k], now_us);
}

void limiter_init(struct limiter *l, const struct limiter_conf *c, int64_t wall_s, uint64_t now_us)
{
    bool plus = c->batch_counts == BATCH_COUNTS_CALLS_PLUS_ONE;
    uint64_t dearest = c->units_most ? c->units_most : UNITS_MOST;

    *l = (struct limiter){.more = c->batch_counts != BATCH_COUNTS_ONE, .extra = plus, .most = {1, 1}};
    quota_init(&l->quota, c->requests_per_day, c->units_per_day, c->reset_hour_utc, wall_s, now_us);
    limit_learned_init(&l->learned, now_us);
    if (c->requests_per_day || c->units_per_day)
        l->gates |= LIMITER_GATE_QUOTA;
    if (c->requests_per_s)
        limit(l, LIMITER_REQUESTS, c->requests_per_s,
              c->burst ? c->burst : most(c->requests_per_s / BURST_PARTS, 1u + plus), now_us);
    if (c->units_per_s)
        limit(l, LIMITER_UNITS, c->units_per_s,
              c->units_burst ? c->units_burst : most(c->units_per_s / BURST_PARTS, dearest), now_us);
}

void limiter_clock(struct limiter *l, int64_t wall_s, uint64_t now_us)
{
    quota_clock(&l->quota, wall_s, now_us);
}

/* There are not so many tokens.  With the small bursts of an endpoint that refuses, one call may need more than the
 * burst: it grows to that, within what is configured. */
__attribute__((noinline, cold)) static bool wait_for(struct limiter *l, unsigned k, uint64_t tokens, uint64_t now_us)
{
    l->learned.pressed = true;
    if (tokens > l->most[k] && tokens * BUCKET_TOKEN <= l->cap[k]) {
        l->most[k] = tokens;
        apply(l, now_us);
    }
    return false;
}

/* Rates and quotas.  No call is left to return from but the last: nothing is saved on the stack for the usual case. */
static bool allowed(struct limiter *l, unsigned gates, unsigned requests, uint32_t units, uint64_t now_us)
{
    if (gates & LIMITER_GATE_REQUESTS && !bucket_has(&l->buckets[LIMITER_REQUESTS], requests, now_us))
        return wait_for(l, LIMITER_REQUESTS, requests, now_us);
    if (gates & LIMITER_GATE_UNITS && !bucket_has(&l->buckets[LIMITER_UNITS], units, now_us))
        return wait_for(l, LIMITER_UNITS, units, now_us);
    return !(gates & LIMITER_GATE_QUOTA) || quota_has(&l->quota, requests, units, now_us);
}

/* Something is parked, or was.  A pause that is over takes its gate with it. */
__attribute__((noinline)) static bool open_parked(struct limiter *l, unsigned slot, unsigned requests, uint32_t units,
                                                  uint64_t now_us)
{
    if (now_us < l->park.all.until_us)
        return false;
    l->gates &= ~(unsigned)LIMITER_GATE_PARKED;
    if (l->gates & LIMITER_GATE_METHODS && limit_park_may_be(&l->park, slot) &&
        now_us < limit_park_method_until(&l->park, slot))
        return false;
    return allowed(l, l->gates, requests, units, now_us);
}

bool limiter_open(struct limiter *l, unsigned slot, unsigned requests, uint32_t units, uint64_t now_us)
{
    if (l->gates & (LIMITER_GATE_PARKED | LIMITER_GATE_METHODS))
        return open_parked(l, slot, requests, units, now_us);
    return allowed(l, l->gates, requests, units, now_us);
}

/* Nothing was refused for long: as if nothing had ever been. */
static void forget(struct limiter *l)
{
    l->learned.guessed = false;
    l->top[LIMITER_REQUESTS] = 0;
    l->gates &= ~(unsigned)LIMITER_GATE_REQUESTS;
    l->learned.share = l->learned.most = LEARN_ONE;
    l->learned.ceiling = 0;
}

void limiter_tick(struct limiter *l, uint64_t now_us)
{
    if (!limit_learned_tick(&l->learned, now_us))
        return;
    if (l->learned.guessed && l->learned.share == l->learned.most)
        forget(l);
    else
        apply(l, now_us);
}

static uint64_t quota_when(struct limiter *l, unsigned requests, uint32_t units, uint64_t now_us)
{
    if (quota_has(&l->quota, requests, units, now_us))
        return now_us;
    return requests > l->quota.requests_max || units > l->quota.units_max ? LIMITER_NEVER : l->quota.reset_us;
}

uint64_t limiter_when(struct limiter *l, unsigned slot, unsigned requests, uint32_t units, uint64_t now_us,
                      enum limiter_why *why)
{
    const uint64_t tokens[LIMITER_BUCKETS] = {requests, units};
    struct {
        uint64_t at_us;
        enum limiter_why why;
    } waits[] = {
        {l->gates & LIMITER_GATE_PARKED ? l->park.all.until_us : 0, LIMITER_PARKED},
        {l->gates & LIMITER_GATE_METHODS ? limit_park_method_until(&l->park, slot) : 0, LIMITER_METHOD_PARKED},
        {0, LIMITER_RATE},
        {0, LIMITER_RATE},
        {l->gates & LIMITER_GATE_QUOTA ? quota_when(l, requests, units, now_us) : 0, LIMITER_QUOTA},
    };
    uint64_t at_us = now_us;

    for (unsigned k = 0; k < LIMITER_BUCKETS; k++) {
        if (!(l->gates & 1u << k))
            continue;
        if (!bucket_has(&l->buckets[k], tokens[k], now_us))
            wait_for(l, k, tokens[k], now_us);
        waits[2 + k].at_us = bucket_when(&l->buckets[k], tokens[k], now_us);
    }
    *why = LIMITER_FREE;
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++)
        if (waits[i].at_us > at_us) {
            at_us = waits[i].at_us;
            *why = at_us == LIMITER_NEVER ? LIMITER_TOO_BIG : waits[i].why;
        }
    return at_us;
}

/* When the bucket has so much for each of ahead + 1. */
static uint64_t bucket_when_behind(struct limiter *l, unsigned k, unsigned ahead, uint64_t tokens, uint64_t now_us)
{
    struct bucket *b = &l->buckets[k];
    uint64_t all;

    if (tokens * BUCKET_TOKEN > l->cap[k])
        return LIMITER_NEVER;
    if (__builtin_mul_overflow(tokens * BUCKET_TOKEN, ahead + UINT64_C(1), &all))
        all = UINT64_MAX;
    bucket_settle(b, now_us);
    if (b->have >= all)
        return now_us;
    /* At most a day: no call waits longer. */
    return b->rate ? most(b->at_us, now_us) + least((all - b->have) / b->rate + 1, QUOTA_DAY_US) : LIMITER_NEVER;
}

uint64_t limiter_when_behind(struct limiter *l, unsigned ahead, unsigned slot, unsigned requests, uint32_t units,
                             uint64_t now_us)
{
    const uint64_t tokens[LIMITER_BUCKETS] = {requests, units};
    uint64_t at_us = now_us;

    if (l->gates & LIMITER_GATE_PARKED)
        at_us = most(at_us, l->park.all.until_us);
    if (l->gates & LIMITER_GATE_METHODS)
        at_us = most(at_us, limit_park_method_until(&l->park, slot));
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++)
        if (l->gates & 1u << k)
            at_us = most(at_us, bucket_when_behind(l, k, ahead, tokens[k], now_us));
    if (l->gates & LIMITER_GATE_QUOTA)
        at_us = most(at_us, quota_when(l, requests, units, now_us));
    return at_us;
}

uint64_t limiter_tokens(struct limiter *l, uint64_t now_us)
{
    struct bucket *b = &l->buckets[LIMITER_REQUESTS];

    if (!(l->gates & LIMITER_GATE_REQUESTS))
        return UINT64_MAX;
    bucket_settle(b, now_us);
    return b->have / BUCKET_TOKEN;
}

void limiter_give(struct limiter *l, unsigned requests, uint32_t units, uint64_t taken_us, uint64_t now_us)
{
    limit_learned_unsent(&l->learned, requests, units);
    if (l->gates & LIMITER_GATE_REQUESTS)
        bucket_give(&l->buckets[LIMITER_REQUESTS], requests, taken_us, now_us);
    if (l->gates & LIMITER_GATE_UNITS)
        bucket_give(&l->buckets[LIMITER_UNITS], units, taken_us, now_us);
    if (l->gates & LIMITER_GATE_QUOTA)
        quota_give(&l->quota, requests, units, taken_us);
}

void limiter_park(struct limiter *l, uint64_t until_us)
{
    limit_pause_until(&l->park.all, until_us);
    l->gates |= LIMITER_GATE_PARKED;
}

void limiter_park_method(struct limiter *l, unsigned slot, uint64_t until_us)
{
    limit_pause_until(limit_park_method(&l->park, slot), until_us);
    l->gates |= LIMITER_GATE_METHODS;
}

/* No rate is configured: the whole is what was sent lately. */
static void guess(struct limiter *l, uint64_t now_us)
{
    uint64_t per_s = most(limit_learned_peak(&l->learned), LEARN_LEAST_TOP);

    l->learned.guessed = true;
    l->learned.most = GUESSED_CLIMB * LEARN_ONE;
    limit(l, LIMITER_REQUESTS, per_s, GUESSED_CLIMB * per_s, now_us);
}

static enum limiter_change too_fast(struct limiter *l, const struct limit_refusal *r, uint64_t now_us)
{
    bool suspects = limit_learned_suspects(&l->learned, now_us), lowered = false;
    unsigned row = l->park.all.row;

    if (!suspects && !r->wait_us)
        return LIMITER_SAME;
    l->gates |= LIMITER_GATE_PARKED;
    if (!limit_pause_refused(&l->park.all, r->sent_us, r->wait_us, now_us))
        return LIMITER_SAME;
    /* Refused again right after a pause: what was too much then still counts, and says nothing about the rate now. */
    if (l->park.all.row == 1 && suspects) {
        if (!(l->gates & SPENDS))
            guess(l, now_us);
        lowered = limit_learned_refused(&l->learned, l->top, row, now_us);
        apply(l, now_us);
    }
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++)
        if (l->gates & 1u << k)
            bucket_hold(&l->buckets[k], l->park.all.until_us);
    return lowered ? LIMITER_LOWERED : LIMITER_PAUSED;
}

/* Until the provider's day is over, or as long as it says itself. */
static enum limiter_change spent(struct limiter *l, const struct limit_refusal *r, uint64_t now_us)
{
    /* It left on a day that is over: the new day's quota is not touched by that. */
    if (l->quota.spent || r->sent_us < l->quota.since_us || r->sent_us < l->park.all.until_us)
        return LIMITER_SAME;
    if (r->wait_us) {
        limiter_park(l, now_us + least(r->wait_us, QUOTA_DAY_US));
        return LIMITER_SPENT;
    }
    l->quota.spent = true;
    l->gates |= LIMITER_GATE_QUOTA;
    return LIMITER_SPENT;
}

enum limiter_change limiter_refused(struct limiter *l, const struct limit_refusal *r, uint64_t now_us)
{
    bool paused;

    limit_learned_unsent(&l->learned, r->requests, r->units);
    switch (r->kind) {
    case LIMIT_RATE:
        return too_fast(l, r, now_us);
    case LIMIT_METHOD:
        paused = limit_pause_refused(limit_park_method(&l->park, r->slot), r->sent_us, r->wait_us, now_us);
        l->gates |= LIMITER_GATE_METHODS;
        return paused ? LIMITER_PAUSED : LIMITER_SAME;
    case LIMIT_AT_ONCE:
        if (!r->pauses && !r->wait_us)
            return LIMITER_SAME;
        l->gates |= LIMITER_GATE_PARKED;
        return limit_pause_refused(&l->park.all, r->sent_us, r->wait_us, now_us) ? LIMITER_PAUSED : LIMITER_SAME;
    case LIMIT_QUOTA:
    case LIMIT_KINDS:
        break;
    }
    return spent(l, r, now_us);
}

void limiter_accepted_method(struct limiter *l, unsigned slot, uint64_t sent_us)
{
    for (unsigned i = 0; i < l->park.n_methods; i++)
        if (l->park.methods[i].slot == slot && sent_us >= l->park.methods[i].pause.until_us)
            l->park.methods[i].pause.accepted = true;
}

uint64_t limiter_rate(const struct limiter *l, unsigned bucket)
{
    return l->gates & 1u << bucket ? l->buckets[bucket].rate / BUCKET_RATE : 0;
}
