#include "upstream/breaker.h"

#include <assert.h>

#define BIT(state_) (1u << (state_))

static void enter(struct breaker *b, enum breaker_state state)
{
    static const unsigned next[] = {
        [BREAKER_CLOSED] = BIT(BREAKER_OPEN) | BIT(BREAKER_DISABLED),
        [BREAKER_OPEN] = BIT(BREAKER_TRIAL) | BIT(BREAKER_CLOSED) | BIT(BREAKER_DISABLED),
        [BREAKER_TRIAL] = BIT(BREAKER_OPEN) | BIT(BREAKER_CLOSED) | BIT(BREAKER_DISABLED),
        [BREAKER_DISABLED] = BIT(BREAKER_TRIAL) | BIT(BREAKER_CLOSED),
    };

    assert(next[b->state] & BIT(state));
    b->state = state;
}

void breaker_reset(struct breaker *b)
{
    *b = (struct breaker){0};
}

static enum breaker_news closed(struct breaker *b)
{
    enter(b, BREAKER_CLOSED);
    breaker_reset(b);
    return BREAKER_HAS_CLOSED;
}

bool breaker_depart(struct breaker *b, const struct breaker_conf *c, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED || now_ms < b->until_ms)
        return false;
    if (b->state != BREAKER_TRIAL) /* else the one before was lost without a word */
        enter(b, BREAKER_TRIAL);
    b->until_ms = now_ms + c->trial_ms;
    return true;
}

void breaker_trial_lost(struct breaker *b, uint64_t now_ms)
{
    if (b->state != BREAKER_TRIAL)
        return;
    enter(b, b->why == BREAKER_REFUSED ? BREAKER_DISABLED : BREAKER_OPEN);
    b->until_ms = now_ms;
}

enum breaker_news breaker_succeeded(struct breaker *b, bool trial, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED) {
        b->failures = 0;
        return BREAKER_NO_NEWS;
    }
    if (trial)
        return closed(b);
    /* It left before and came late: a reason to look now, no more. */
    if (b->state != BREAKER_TRIAL && b->until_ms > now_ms)
        b->until_ms = now_ms;
    return BREAKER_NO_NEWS;
}

static uint64_t drawn(uint64_t ms, uint32_t random)
{
    return ms - (ms / 2 * random >> 32);
}

/* Those that fail together fail once: the pause they began stands. */
static void pause_begin(struct breaker *b, const struct breaker_conf *c, uint64_t now_ms, uint32_t random)
{
    uint64_t ms = c->max_ms;

    if (breaker_pausing(b, now_ms))
        return;
    if (b->pauses < 20 && c->first_ms << b->pauses < c->max_ms)
        ms = c->first_ms << b->pauses;
    b->pauses++;
    b->until_ms = now_ms + drawn(ms, random);
}

static enum breaker_news opened(struct breaker *b, enum breaker_fault why)
{
    enum breaker_state before = b->state;

    b->why = why;
    if (before != BREAKER_OPEN)
        enter(b, BREAKER_OPEN);
    return before == BREAKER_CLOSED ? BREAKER_HAS_OPENED : BREAKER_NO_NEWS;
}

static enum breaker_news refused(struct breaker *b, const struct breaker_conf *c, uint64_t now_ms, uint32_t random)
{
    bool known = b->why == BREAKER_REFUSED && b->state != BREAKER_CLOSED;

    enter(b, BREAKER_DISABLED);
    b->why = BREAKER_REFUSED;
    b->until_ms = now_ms + drawn(c->barred_ms, random);
    return known ? BREAKER_NO_NEWS : BREAKER_IS_DISABLED;
}

enum breaker_news breaker_failed(struct breaker *b, const struct breaker_conf *c, enum breaker_fault fault, bool trial,
                                 uint64_t now_ms, uint32_t random)
{
    bool dial = fault == BREAKER_NO_DIAL || fault == BREAKER_UNREACHABLE;

    switch (b->state) {
    case BREAKER_CLOSED:
        if (fault == BREAKER_REFUSED)
            return refused(b, c, now_ms, random);
        if (dial && !breaker_pausing(b, now_ms))
            pause_begin(b, c, now_ms, random);
        else if (dial && fault != BREAKER_UNREACHABLE)
            return BREAKER_NO_NEWS;
        if (++b->failures < c->failures && fault != BREAKER_UNREACHABLE)
            return BREAKER_NO_NEWS;
        pause_begin(b, c, now_ms, random);
        return opened(b, fault);
    case BREAKER_TRIAL:
        if (!trial && !dial) /* it left before the trial did */
            return BREAKER_NO_NEWS;
        if (fault == BREAKER_REFUSED)
            return refused(b, c, now_ms, random);
        pause_begin(b, c, now_ms, random);
        return opened(b, fault);
    case BREAKER_OPEN:
        if (fault == BREAKER_REFUSED)
            return refused(b, c, now_ms, random);
        if (trial || dial) /* a probe, or a connection that was to be kept warm */
            pause_begin(b, c, now_ms, random);
        return BREAKER_NO_NEWS;
    case BREAKER_DISABLED:
        if (trial && now_ms >= b->until_ms)
            b->until_ms = now_ms + drawn(c->barred_ms, random);
        break;
    }
    return BREAKER_NO_NEWS;
}

enum breaker_news breaker_dialled(struct breaker *b)
{
    if (b->state == BREAKER_CLOSED) {
        b->pauses = 0;
        b->until_ms = 0;
        return BREAKER_NO_NEWS;
    }
    return b->state == BREAKER_OPEN && b->why == BREAKER_UNREACHABLE ? closed(b) : BREAKER_NO_NEWS;
}
