#include "upstream/batch_learned.h"

#include "rpc/method.h"

enum { NAMES_MAX = 5 }; /* of methods; the others are counted */

static bool is_barred(struct batch_limits *l, unsigned slot, uint64_t now_ms)
{
    return !batch_limits_shares(l, slot, now_ms);
}

struct batch_now batch_now(const struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms)
{
    struct batch_limits copy = *l; /* asking lets lapse what is over */
    struct batch_now n = {.calls = batch_limits_calls(&copy, c, now_ms), .bytes = batch_limits_bytes(&copy, c, now_ms)};

    if (c->mode == BATCH_OFF)
        n.calls = 1;
    n.shares = n.calls > 1;
    for (unsigned m = 0; m < method_slots(); m++)
        n.barred += is_barred(&copy, m, now_ms);
    return n;
}

static unsigned long long seconds(uint64_t until_ms, uint64_t now_ms)
{
    return until_ms > now_ms ? (until_ms - now_ms + 999) / 1000 : 0;
}

static int barred(struct batch_limits *l, uint64_t now_ms, const char *comma, struct buf *out)
{
    unsigned n = 0;
    int r = 0;

    for (unsigned m = 0; m < method_slots() && r == 0; m++) {
        if (!is_barred(l, m, now_ms))
            continue;
        if (n < NAMES_MAX)
            r = buf_printf(out, "%s%s", n ? " " : comma, method_at(m)->name);
        n++;
    }
    if (r == 0 && n > NAMES_MAX)
        r = buf_printf(out, " and %u more", n - NAMES_MAX);
    if (r == 0 && n)
        r = buf_printf(out, " alone (%llu s)", seconds(l->barred_until_ms, now_ms));
    return r;
}

int batch_learned(const struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms, struct buf *out)
{
    struct batch_limits copy = *l;
    unsigned calls = batch_limits_calls(&copy, c, now_ms);
    size_t bytes = batch_limits_bytes(&copy, c, now_ms);
    const char *comma = "";
    int r = 0;

    if (now_ms < copy.off_until_ms)
        return buf_printf(out, "no batches (tried again in %llu s)", seconds(copy.off_until_ms, now_ms));
    if (copy.probing) {
        r = buf_printf(out, "tries whether batches are taken again");
        comma = ", ";
    } else if (calls < c->max_calls) {
        r = buf_printf(out, "at most %u calls (more in %llu s)", calls, seconds(copy.calls.due_ms, now_ms));
        comma = ", ";
    }
    if (r == 0 && bytes < c->max_bytes) {
        r = buf_printf(out, "%sat most %zu bytes (more in %llu s)", comma, bytes, seconds(copy.bytes.due_ms, now_ms));
        comma = ", ";
    }
    return r ? r : barred(&copy, now_ms, comma, out);
}
