#include "upstream/concurrency.h"

#include "base/fixed.h"

enum {
    ONE = 256,
    WINDOW_LEAST = 32,
    HALF_MINUTE_MS = 30000,
    EVEN = 17240 /* log2(1.2), Q16 */
};

void concurrency_init(struct concurrency *k, const struct concurrency_conf *c, uint64_t now_ms)
{
    unsigned first = c->floor < c->max / 4 ? c->floor * 4 : c->max;

    *k = (struct concurrency){.limit_q8 = first * ONE, .half_ms = now_ms};
}

/* What the limit is multiplied by, Q16: 1 when the window was as quick as ever, or nearly; down to a half. */
static uint32_t gradient(const struct concurrency *k, int32_t slow)
{
    int32_t quick = k->quick[0], over;

    if (!quick || (k->quick[1] && k->quick[1] < quick))
        quick = k->quick[1];
    over = slow - quick - EVEN;
    return !quick || over <= 0 ? FIXED_ONE : fixed_exp2_neg((uint64_t)(over < FIXED_ONE ? over : FIXED_ONE));
}

static uint32_t root(uint32_t n)
{
    uint32_t r = 1;

    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

static void limit_set(struct concurrency *k, const struct concurrency_conf *c, uint64_t limit_q8)
{
    uint64_t least = (uint64_t)c->floor * ONE, most = (uint64_t)c->max * ONE;

    k->limit_q8 = (uint32_t)(limit_q8 < least ? least : limit_q8 > most ? most : limit_q8);
}

static void follow(struct concurrency *k, const struct concurrency_conf *c, int32_t slow)
{
    bool used = k->most * 2 >= concurrency_limit(k);
    uint64_t limit = k->limit_q8, next = limit * gradient(k, slow) / FIXED_ONE;

    if (used)
        next += (uint64_t)root(concurrency_limit(k)) * ONE;
    if (k->dropped)
        limit_set(k, c, limit - limit / 4);
    else if (used || next < limit)
        limit_set(k, c, (3 * limit + next) / 4);
}

static void look(struct concurrency *k, const struct concurrency_conf *c, uint64_t now_ms)
{
    k->half_ms = now_ms;
    k->quick[1] = k->quick[0];
    k->quick[0] = 0;
    k->steady_q8 = k->limit_q8;
    k->phase = CONCURRENCY_SETTLING;
    limit_set(k, c, k->limit_q8 / 2);
}

static void window_end(struct concurrency *k, const struct concurrency_conf *c, uint64_t now_ms)
{
    int32_t slow = k->timed ? (int32_t)(k->sum / k->timed) : 0;

    if (slow > 0 && (!k->quick[0] || slow < k->quick[0]))
        k->quick[0] = slow;
    switch (k->phase) {
    case CONCURRENCY_STEADY:
        follow(k, c, slow);
        if (now_ms - k->half_ms >= HALF_MINUTE_MS)
            look(k, c, now_ms);
        break;
    case CONCURRENCY_SETTLING:
        k->phase = CONCURRENCY_LOOKING;
        break;
    case CONCURRENCY_LOOKING:
        k->phase = CONCURRENCY_STEADY;
        limit_set(k, c, k->steady_q8);
        break;
    }
    k->sum = 0;
    k->answers = k->timed = k->most = 0;
    k->dropped = false;
}

void concurrency_note(struct concurrency *k, const struct concurrency_conf *c, uint64_t us, unsigned in_flight,
                      bool dropped, uint64_t now_ms)
{
    if (!dropped) {
        k->sum += (uint64_t)fixed_log2(us);
        k->timed++;
    }
    k->answers++;
    if (in_flight > k->most)
        k->most = in_flight;
    k->dropped |= dropped;
    if (k->answers >= WINDOW_LEAST && k->answers >= concurrency_limit(k))
        window_end(k, c, now_ms);
}
