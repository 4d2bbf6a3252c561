#include "upstream/batch_limits.h"

static uint64_t longer(uint64_t pause_ms)
{
    if (pause_ms == 0)
        return BATCH_PAUSE_MS;
    return pause_ms < BATCH_PAUSE_MAX_MS / 2 ? pause_ms * 2 : BATCH_PAUSE_MAX_MS;
}

static size_t cap_now(struct batch_cap *c, size_t configured, uint64_t now_ms)
{
    while (c->max && now_ms >= c->due_ms) {
        c->from = c->from ? c->from : c->max;
        c->due_ms += c->pause_ms;
        /* As configured again; the pause is kept for what a refusal of that will say. */
        c->max = c->max <= configured / 2 ? c->max * 2 : 0;
    }
    return c->max && c->max < configured ? c->max : configured;
}

/* limit: what it would take, 0: not known.  Nothing below `floor` is learned. */
static bool cap_refused(struct batch_cap *c, size_t refused, size_t limit, size_t floor, uint64_t now_ms)
{
    size_t max = limit ? limit : refused / 2;

    if (!limit && c->good > max && c->good < refused)
        max = c->good;
    if (max < floor)
        max = floor;
    /* It left before the last lesson, several at once are refused for the same reason. */
    if (c->max && max >= c->max)
        return false;
    if (c->good >= refused)
        c->good = 0; /* it takes less than it did */
    if (c->pause_ms == 0 || c->from)
        c->pause_ms = longer(c->pause_ms);
    c->max = max;
    c->from = 0;
    c->due_ms = now_ms + c->pause_ms;
    return true;
}

static void cap_taken(struct batch_cap *c, size_t size)
{
    if (c->from && size > c->from) {
        c->from = 0;
        c->pause_ms = BATCH_PAUSE_MS;
    }
    if (c->max && size > c->good)
        c->good = size;
}

unsigned batch_limits_calls(struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms)
{
    unsigned n;

    if (now_ms < l->off_until_ms)
        return 1;
    n = (unsigned)cap_now(&l->calls, c->max_calls, now_ms);
    return l->probing && n > BATCH_PROBE_CALLS ? BATCH_PROBE_CALLS : n;
}

size_t batch_limits_bytes(struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms)
{
    return cap_now(&l->bytes, c->max_bytes, now_ms);
}

static bool turn_off(struct batch_limits *l, uint64_t now_ms)
{
    if (now_ms < l->off_until_ms)
        return false;
    l->off_pause_ms = longer(l->off_pause_ms);
    l->off_until_ms = now_ms + l->off_pause_ms;
    l->probing = true;
    l->unclear = 0;
    return true;
}

bool batch_limits_refused(struct batch_limits *l, const struct batch_verdict *v, unsigned calls, size_t bytes,
                          uint64_t now_ms)
{
    switch (v->what) {
    case BATCH_REFUSAL_CALLS:
    case BATCH_REFUSAL_ANSWER:
        return cap_refused(&l->calls, calls, v->limit, 1, now_ms);
    case BATCH_REFUSAL_BYTES:
        return cap_refused(&l->bytes, bytes, 0, 2, now_ms);
    case BATCH_REFUSAL_DISABLED:
        return turn_off(l, now_ms);
    case BATCH_REFUSAL_UNCLEAR:
        return now_ms >= l->off_until_ms && ++l->unclear >= (l->probing ? 1 : BATCH_UNCLEAR_MAX) && turn_off(l, now_ms);
    case BATCH_REFUSAL_NONE:
    case BATCH_REFUSAL_METHOD:
        break;
    }
    return false;
}

void batch_limits_taken(struct batch_limits *l, unsigned calls, size_t bytes, uint64_t now_ms)
{
    if (now_ms < l->off_until_ms)
        return; /* it left before they were refused */
    l->unclear = 0;
    if (l->probing) {
        l->probing = false;
        l->off_pause_ms = 0;
    }
    cap_taken(&l->calls, calls);
    cap_taken(&l->bytes, bytes);
}

static uint64_t *word_of(struct batch_limits *l, unsigned slot, uint64_t *bit)
{
    slot %= BATCH_METHOD_BITS;
    *bit = (uint64_t)1 << slot % 64;
    return &l->barred[slot / 64];
}

bool batch_limits_shares(struct batch_limits *l, unsigned slot, uint64_t now_ms)
{
    uint64_t bit;

    return now_ms >= l->barred_until_ms || !(*word_of(l, slot, &bit) & bit);
}

bool batch_limits_bar(struct batch_limits *l, unsigned slot, uint64_t now_ms)
{
    uint64_t bit, *word = word_of(l, slot, &bit);

    if (now_ms >= l->barred_until_ms) {
        /* All of them were to be tried again: start over, and wait longer if one was. */
        l->barred_pause_ms = *word & bit ? longer(l->barred_pause_ms) : BATCH_PAUSE_MS;
        for (size_t i = 0; i < BATCH_METHOD_BITS / 64; i++)
            l->barred[i] = 0;
    } else if (*word & bit) {
        return false;
    }
    *word |= bit;
    l->barred_until_ms = now_ms + l->barred_pause_ms;
    return true;
}
