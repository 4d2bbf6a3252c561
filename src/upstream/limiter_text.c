#include "upstream/limiter_text.h"

#include "rpc/method.h"

enum { SECOND_US = 1000000 };

static unsigned long long seconds(uint64_t us)
{
    return (us + SECOND_US - 1) / SECOND_US;
}

static const char *comma(const struct buf *out, size_t from)
{
    return out->n > from ? ", " : "";
}

static int rates(const struct limiter *l, uint64_t now_us, size_t from, struct buf *out)
{
    static const char *const names[LIMITER_BUCKETS] = {"requests", "units"};
    int r = 0;

    for (unsigned k = 0; k < LIMITER_BUCKETS && r == 0; k++) {
        unsigned long long now = limiter_rate(l, k);

        if (!(l->gates & 1u << k) || (!l->learned.guessed && l->learned.share >= LEARN_ONE))
            continue;
        r = l->learned.guessed ? buf_printf(out, "%s%llu %s/s", comma(out, from), now, names[k])
                               : buf_printf(out, "%s%llu of %llu %s/s", comma(out, from), now,
                                            (unsigned long long)l->top[k], names[k]);
        if (r == 0)
            r = buf_printf(out, " (refused %llu s ago)", seconds(now_us - l->learned.refused_us));
    }
    return r;
}

static int pauses(const struct limiter *l, uint64_t now_us, size_t from, struct buf *out)
{
    int r = 0;

    if (now_us < l->park.all.until_us)
        r = buf_printf(out, "%sleft alone for %llu s", comma(out, from), seconds(l->park.all.until_us - now_us));
    for (unsigned i = 0; i < l->park.n_methods && r == 0; i++)
        if (now_us < l->park.methods[i].pause.until_us)
            r = buf_printf(out, "%s%s for %llu s", comma(out, from), method_at(l->park.methods[i].slot)->name,
                           seconds(l->park.methods[i].pause.until_us - now_us));
    return r;
}

const char *limit_kind_name(enum limit_kind k)
{
    static const char *const names[LIMIT_KINDS] = {
        [LIMIT_RATE] = "rate", [LIMIT_METHOD] = "method", [LIMIT_QUOTA] = "quota", [LIMIT_AT_ONCE] = "at_once"};

    return names[k];
}

const char *limiter_why_name(enum limiter_why w)
{
    static const char *const names[LIMITER_WHYS] = {
        [LIMITER_FREE] = "free",     [LIMITER_RATE] = "rate",
        [LIMITER_PARKED] = "paused", [LIMITER_METHOD_PARKED] = "method_paused",
        [LIMITER_QUOTA] = "quota",   [LIMITER_TOO_BIG] = "too_big"};

    return names[w];
}

static uint64_t left(uint64_t most, uint64_t spent, bool none)
{
    return none ? 0 : most == UINT64_MAX ? LIMITER_NO_END : spent < most ? most - spent : 0;
}

void limiter_look(const struct limiter *l, uint64_t now_us, struct limiter_now *out)
{
    bool over = now_us >= l->quota.reset_us, none = l->quota.spent && !over;

    *out = (struct limiter_now){.pause_us = now_us < l->park.all.until_us ? l->park.all.until_us - now_us : 0,
                                .requests_left = left(l->quota.requests_max, over ? 0 : l->quota.requests, none),
                                .units_left = left(l->quota.units_max, over ? 0 : l->quota.units, none),
                                .reset_us = over ? 0 : l->quota.reset_us - now_us};
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++) {
        struct bucket b = l->buckets[k];

        if (!(l->gates & 1u << k))
            continue;
        bucket_settle(&b, now_us);
        out->of[k].per_s = limiter_rate(l, k);
        out->of[k].top = l->top[k];
        out->of[k].tokens = b.have / BUCKET_TOKEN;
    }
}

int limiter_text(const struct limiter *l, uint64_t now_us, struct buf *out)
{
    size_t from = out->n;
    int r = rates(l, now_us, from, out);

    if (r == 0)
        r = pauses(l, now_us, from, out);
    if (r == 0 && l->quota.spent && now_us < l->quota.reset_us)
        r = buf_printf(out, "%squota spent (new in %llu s)", comma(out, from), seconds(l->quota.reset_us - now_us));
    return r;
}
