#include "upstream/retry.h"

#include "base/plant.h"

/* 0 .. base x 2^(n-1), and never sooner than the endpoint wants. */
static uint64_t pause_ms(const struct retry_conf *c, const struct retry_ask *a, uint32_t random)
{
    unsigned n = a->attempts > 0 ? a->attempts - 1 : 0;
    uint64_t most = n < 20 && c->base_ms << n < c->max_ms ? c->base_ms << n : c->max_ms;

    return a->wait_ms + ((most + 1) * random >> 32);
}

static enum retry_what where(const struct retry_ask *a)
{
    if (a->stale_link)
        return RETRY_FRESH_LINK;
    if (a->other)
        return RETRY_OTHER;
    return a->cause == RETRY_TRANSIENT && a->same ? RETRY_LATER : RETRY_STOP_NOWHERE;
}

struct retry_verdict retry_decide(struct budget *b, const struct retry_conf *c, const struct retry_ask *a,
                                  uint64_t now_ms, uint32_t random)
{
    struct retry_verdict v = {RETRY_STOP_FINAL, 0};
    bool is_free = a->never_sent || a->stale_link;

    if (a->cause == RETRY_FINAL)
        return v;
    v.what = where(a);
    if (v.what == RETRY_LATER)
        v.delay_ms = pause_ms(c, a, random);
    if (!a->never_sent && !a->may_repeat)
        v.what = RETRY_STOP_ONCE;
    else if (a->left_ms <= v.delay_ms + a->answer_ms)
        v.what = RETRY_STOP_DEADLINE;
    else if (!is_free && a->attempts >= c->max_attempts && !planted(PLANT_ATTEMPTS_UNBOUND))
        v.what = RETRY_STOP_ATTEMPTS;
    else if (v.what != RETRY_STOP_NOWHERE && !is_free && !planted(PLANT_RETRIES_UNBUDGETED) &&
             !budget_take(b, &c->budget, now_ms))
        v.what = RETRY_STOP_BUDGET;
    if (v.what != RETRY_LATER)
        v.delay_ms = 0;
    return v;
}
