#include "sim_limit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rpc/method.h"
#include "sim_node.h"

enum { WHOLE = 1000000, DEFAULT_PARTS = 10 /* the burst, when none is written: limiter_conf.h */ };

void limit_draw(struct node *n, struct buf *b)
{
    static const unsigned rates[] = {20, 100, 500, 2000}, units[] = {2000, 10000, 100000};
    static const char *const counts[] = {
        [BATCH_COUNTS_CALLS] = "calls", [BATCH_COUNTS_ONE] = "one", [BATCH_COUNTS_CALLS_PLUS_ONE] = "calls_plus_one"};
    struct world *w = n->w;
    struct sim_limit *l = &n->limit;
    unsigned plus, written;

    if (!w->p.limited || sim_chance(w, 300))
        return;
    l->counts = (enum batch_counts)sim_rnd(w, 3);
    plus = l->counts == BATCH_COUNTS_CALLS_PLUS_ONE;
    written = sim_chance(w, 300) ? 0 : 1 + plus + (unsigned)sim_rnd(w, 20);
    l->allowed.per_s = w->p.calm ? 2000 : rates[sim_rnd(w, 4)];
    l->allowed.burst = written                                ? written
                       : l->allowed.per_s / DEFAULT_PARTS > 1 ? l->allowed.per_s / DEFAULT_PARTS
                                                              : 1 + plus;
    if (!w->p.calm && sim_chance(w, 500)) {
        l->truth.per_s = 1 + l->allowed.per_s / (1 + sim_rnd(w, 4));
        l->truth.burst = 1 + plus + sim_rnd(w, 10);
    }
    /* The gateway may know nothing of it. */
    if (l->truth.per_s && sim_chance(w, 300)) {
        l->allowed.per_s = 0;
        return;
    }
    buf_printf(b, "\"rate_limit\":{\"requests_per_s\":%" PRIu64 ",\"burst\":%u,\"batch_counts\":\"%s\"",
               l->allowed.per_s, written, counts[l->counts]);
    if (sim_chance(w, 300)) {
        l->units.per_s = w->p.calm ? 100000 : units[(l->allowed.per_s + written) % 3];
        l->units.burst = l->units.per_s / (w->p.calm ? 10 : 1 + written % 10);
        buf_printf(b, ",\"units_per_s\":%" PRIu64 ",\"units_burst\":%" PRIu64 ",\"requests_per_day\":100000",
                   l->units.per_s, l->units.burst);
    }
    buf_str(b, "},");
}

/* false: it is more than the burst, and not counted where `bounded`. */
static bool count(struct sim_meter *m, uint64_t requests, uint64_t now_us, bool bounded)
{
    uint64_t back = (now_us - m->at_us) * m->per_s;

    m->level = m->level > back ? m->level - back : 0;
    m->at_us = now_us;
    if (m->level + requests * WHOLE > m->burst * WHOLE && bounded)
        return false;
    m->level += requests * WHOLE;
    return m->level <= m->burst * WHOLE;
}

/* What a call of this method costs; clients may spell a letter of its name as \u and four digits. */
static uint64_t units_of(enum chain_family family, const char *p, const char *end)
{
    char name[64];
    size_t n = 0;

    while (p < end && *p != '"' && n < sizeof name) {
        char digits[5] = "";

        if (*p != '\\' || end - p < 6) {
            name[n++] = *p++;
            continue;
        }
        memcpy(digits, p + 2, 4);
        name[n++] = (char)strtoul(digits, NULL, 16);
        p += 6;
    }
    return method_get(family, slice_of(name, n))->units;
}

/* Of those the gateway writes; *units: what they cost. */
static unsigned calls_in(enum chain_family family, struct slice bytes, uint64_t *units)
{
    static const char begin[] = "{\"jsonrpc\":\"2.0\",\"id\":", name[] = ",\"method\":";
    const char *p = bytes.p, *end = bytes.p + bytes.n;
    unsigned n = 0;

    *units = 0;
    while (p && p < end && (p = memmem(p, (size_t)(end - p), begin, sizeof begin - 1)) != NULL) {
        p += sizeof begin - 1;
        n++;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if ((size_t)(end - p) > sizeof name && memcmp(p, name, sizeof name - 1) == 0)
            *units += units_of(family, p + sizeof name, end);
    }
    return n;
}

void limit_departure(struct node *n, struct slice bytes)
{
    struct sim_limit *l = &n->limit;
    uint64_t units;
    unsigned calls, requests;

    if (!l->allowed.per_s || !bytes.n)
        return;
    calls = calls_in(n->chain->evm ? CHAIN_EVM : CHAIN_SOLANA, bytes, &units);
    requests = l->counts == BATCH_COUNTS_ONE ? bytes.n > 5 && memcmp(bytes.p, "POST ", 5) == 0 : calls;
    if (l->counts == BATCH_COUNTS_CALLS_PLUS_ONE && bytes.p[0] == '[')
        requests++;
    sim_check(n->w, count(&l->allowed, requests, n->w->now_us, false),
              "%s: %u requests leave beyond %" PRIu64 " a second and a burst of %" PRIu64, n->name, requests,
              l->allowed.per_s, l->allowed.burst);
    sim_check(n->w, !l->units.per_s || count(&l->units, units, n->w->now_us, false),
              "%s: %" PRIu64 " units leave beyond %" PRIu64 " a second and a burst of %" PRIu64, n->name, units,
              l->units.per_s, l->units.burst);
}

bool limit_takes(struct node *n, unsigned calls)
{
    struct sim_limit *l = &n->limit;
    unsigned requests = l->counts == BATCH_COUNTS_ONE                           ? 1
                        : l->counts == BATCH_COUNTS_CALLS_PLUS_ONE && calls > 1 ? calls + 1
                                                                                : calls;

    return !l->truth.per_s || count(&l->truth, requests, n->w->now_us, true);
}
