#include "sim_limit.h"

#include <inttypes.h>

#include "sim_node.h"

enum { WHOLE = 1000000, DEFAULT_PARTS = 10 /* the burst, when none is written: limiter_conf.h */ };

void limit_draw(struct node *n, struct buf *b)
{
    static const unsigned rates[] = {20, 100, 500, 2000};
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
    buf_printf(b, "\"rate_limit\":{\"requests_per_s\":%" PRIu64 ",\"burst\":%u,\"batch_counts\":\"%s\"%s},",
               l->allowed.per_s, written, counts[l->counts],
               sim_chance(w, 300) ? ",\"units_per_s\":100000,\"requests_per_day\":100000" : "");
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

static unsigned calls_in(struct slice bytes)
{
    static const char begin[] = "{\"jsonrpc\":\"2.0\",\"id\":";
    const char *p = bytes.p, *end = bytes.p + bytes.n;
    unsigned n = 0;

    while (p && p < end && (p = memmem(p, (size_t)(end - p), begin, sizeof begin - 1)) != NULL) {
        p += sizeof begin - 1;
        n++;
    }
    return n;
}

void limit_departure(struct node *n, struct slice bytes)
{
    struct sim_limit *l = &n->limit;
    unsigned requests =
        l->counts == BATCH_COUNTS_ONE ? bytes.n > 5 && memcmp(bytes.p, "POST ", 5) == 0 : calls_in(bytes);

    if (!l->allowed.per_s || !bytes.n)
        return;
    if (l->counts == BATCH_COUNTS_CALLS_PLUS_ONE && bytes.p[0] == '[')
        requests++;
    sim_check(n->w, count(&l->allowed, requests, n->w->now_us, false),
              "%s: %u requests leave beyond %" PRIu64 " a second and a burst of %" PRIu64, n->name, requests,
              l->allowed.per_s, l->allowed.burst);
}

bool limit_takes(struct node *n, unsigned calls)
{
    struct sim_limit *l = &n->limit;
    unsigned requests = l->counts == BATCH_COUNTS_ONE                           ? 1
                        : l->counts == BATCH_COUNTS_CALLS_PLUS_ONE && calls > 1 ? calls + 1
                                                                                : calls;

    return !l->truth.per_s || count(&l->truth, requests, n->w->now_us, true);
}
