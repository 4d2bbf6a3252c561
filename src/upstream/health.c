#include "upstream/health.h"

#include <stdbool.h>

#include "base/fixed.h"

enum {
    SLOT_MS_LOG2 = 7,      /* an empty place for each 128 ms: 64 of them are 8 s */
    GRANTED = 4,           /* good answers that everyone starts with */
    FREE_OCTAVES = 2,      /* four times as slow as the best */
    STEEP = 2,             /* beyond, a factor of 2^-2 an octave */
    SPREAD_OCTAVES = 10,   /* what one answer can say */
    BEST_MS = 128,         /* how often it is looked for anew */
    PEER_FRESH_MS = 10000, /* who did not answer for so long sets no example, and is condemned for its own no longer */
    FADE_MS = 8000,
    FADES = 64 /* by then nothing is left */
};

void health_init(struct health *h, uint64_t now_ms)
{
    *h = (struct health){
        .window_ms = now_ms, .lag = HEALTH_ONE, .replay = HEALTH_ONE, .score = HEALTH_ONE, .sound = HEALTH_ONE};
}

static void window_shift(struct health *h, uint64_t places)
{
    if (places > 63) {
        h->hard = h->soft = h->seen = 0;
    } else {
        h->hard <<= places;
        h->soft <<= places;
        h->seen <<= places;
    }
}

static void window_age(struct health *h, uint64_t now_ms)
{
    uint64_t places = now_ms > h->window_ms ? (now_ms - h->window_ms) >> SLOT_MS_LOG2 : 0;

    if (places) {
        window_shift(h, places);
        h->window_ms += places << SLOT_MS_LOG2;
    }
}

static void window_add(struct health *h, enum health_outcome outcome)
{
    window_shift(h, 1);
    h->seen |= 1;
    h->hard |= outcome == HEALTH_HARD;
    h->soft |= outcome == HEALTH_SOFT || outcome == HEALTH_THROTTLED;
}

static unsigned outcome_part(const struct health *h)
{
    unsigned halves, bad, good;

    if (!(h->hard | h->soft))
        return HEALTH_ONE;
    halves = 2 * ((unsigned)__builtin_popcountll(h->seen) + GRANTED);
    bad = 2 * (unsigned)__builtin_popcountll(h->hard) + (unsigned)__builtin_popcountll(h->soft);
    good = (halves - bad) * HEALTH_ONE / halves;
    good = good * good / HEALTH_ONE;
    return good * good / HEALTH_ONE;
}

static unsigned latency_part(const struct health *h, const struct health_peers *p)
{
    int64_t over;

    if (!h->slow_ms || !p->at_ms)
        return HEALTH_ONE;
    over = (int64_t)h->slow - p->best - FREE_OCTAVES * FIXED_ONE;
    return over <= 0 ? HEALTH_ONE : fixed_exp2_neg((uint64_t)over * STEEP) * (uint64_t)HEALTH_ONE / FIXED_ONE;
}

static void judge(struct health *h, const struct health_peers *p)
{
    unsigned lag = h->lag < h->replay ? h->lag : h->replay;

    h->sound = (uint16_t)(outcome_part(h) * lag / HEALTH_ONE);
    h->score = (uint16_t)(h->sound * latency_part(h, p) / HEALTH_ONE);
}

static void best_find(const struct health *v, struct health_peers *p, uint64_t now_ms)
{
    bool any = false;

    for (uint64_t left = p->members; left; left &= left - 1) {
        const struct health *h = &v[__builtin_ctzll(left)];

        if (!h->slow_ms || now_ms - h->slow_ms > PEER_FRESH_MS || (any && h->slow >= p->best))
            continue;
        any = true;
        p->best = h->slow;
    }
    p->at_ms = now_ms ? now_ms : 1;
}

static void slow_add(struct health *v, unsigned i, struct health_peers *p, int32_t slower, uint64_t now_ms)
{
    const int32_t most = SPREAD_OCTAVES * FIXED_ONE;
    struct health *h = &v[i];
    uint64_t age_ms = h->slow_ms ? now_ms - h->slow_ms : UINT64_MAX;

    if (slower > most)
        slower = most;
    if (slower < -most)
        slower = -most;
    /* It counts an eighth, and up to half when the last was a second ago.  Before the first one it was like any other:
     * who is condemned by one answer is hardly asked for a second one. */
    if (age_ms <= 256)
        h->slow += (slower - h->slow) / 8;
    else
        h->slow += (slower - h->slow) / 16 * (int32_t)(age_ms < 1024 ? age_ms / 128 : 8);
    h->slow_ms = now_ms ? now_ms : 1;
    h->fade_ms = now_ms + PEER_FRESH_MS;
    if (now_ms - p->at_ms >= BEST_MS || !p->at_ms) /* the best may have become slower, or silent */
        best_find(v, p, now_ms);
    else if (h->slow < p->best)
        p->best = h->slow;
}

void health_note(struct health *v, unsigned i, struct health_peers *p, enum health_outcome outcome, int32_t slower,
                 uint64_t now_ms)
{
    window_age(&v[i], now_ms);
    window_add(&v[i], outcome);
    if (slower != HEALTH_NO_LATENCY)
        slow_add(v, i, p, slower, now_ms);
    judge(&v[i], p);
}

void health_late(struct health *v, unsigned i, struct health_peers *p, int32_t slower, uint64_t now_ms)
{
    if (v[i].slow_ms && slower <= v[i].slow)
        return;
    slow_add(v, i, p, slower, now_ms);
    judge(&v[i], p);
}

static uint16_t lag_part(uint64_t blocks, uint64_t allowed)
{
    uint64_t steps = blocks <= allowed ? 0 : allowed ? (blocks - 1) / allowed : 3;

    return (uint16_t)(HEALTH_ONE >> (steps < 3 ? steps : 3));
}

void health_lag(struct health *v, unsigned i, struct health_peers *p, uint64_t blocks, uint64_t allowed,
                uint64_t now_ms)
{
    window_age(&v[i], now_ms);
    v[i].lag = lag_part(blocks, allowed);
    judge(&v[i], p);
}

void health_replay(struct health *v, unsigned i, struct health_peers *p, uint64_t slots, uint64_t allowed,
                   uint64_t now_ms)
{
    window_age(&v[i], now_ms);
    v[i].replay = lag_part(slots, allowed);
    judge(&v[i], p);
}

/* How much slower it is than the best counts for less. */
static void slow_fade(struct health *h, const struct health_peers *p, uint64_t now_ms)
{
    unsigned n = 0;

    if (!h->slow_ms || !p->at_ms || now_ms < h->fade_ms)
        return;
    for (; now_ms >= h->fade_ms && n < FADES && h->slow > p->best; n++, h->fade_ms += FADE_MS)
        h->slow -= (h->slow - p->best + 7) / 8;
    if (now_ms >= h->fade_ms)
        h->fade_ms = now_ms + FADE_MS;
}

void health_refresh(struct health *v, unsigned i, struct health_peers *p, uint64_t now_ms)
{
    window_age(&v[i], now_ms);
    slow_fade(&v[i], p, now_ms);
    judge(&v[i], p);
}
