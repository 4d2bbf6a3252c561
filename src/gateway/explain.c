#include "gateway/explain.h"

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/exchange.h"
#include "gateway/upstream.h"
#include "json/jout.h"

void explain_note(const struct flight *f, const struct upstream *at, uint64_t now_us)
{
    /* It was not sent since it queued for the last time: what it waits for is still a link. */
    bool aboard = f->sends && f->sent_us >= f->queued_us;

    list_each (it, &f->calls) {
        const struct call *c = container_of(it, struct call, waiting);
        struct explain *e = exchange_of(c)->explain;

        if (!e)
            continue;
        e->endpoint = at ? at->endpoint.conf->name : NULL;
        if (planted(PLANT_EXPLAINED_WRONG))
            e->endpoint = f->chain->upstreams[0]->endpoint.conf->name;
        e->calls = f->riders;
        e->attempts = f->sends;
        e->boarding_us = !at ? 0 : (aboard ? f->sent_us : now_us) - f->queued_us;
        e->upstream_us = aboard ? now_us - f->sent_us : 0;
        e->hedged = f->hedged;
    }
}

static void text(struct gather *g, struct slice name, const char *value)
{
    gather_add(g, name, NULL);
    if (value)
        gather_add(g, slice_str(value), NULL);
}

static void number(struct gather *g, struct slice name, uint64_t v)
{
    char digits[24];

    gather_add(g, name, NULL);
    gather_add(g, slice_of(digits, jout_digits(digits, v)), NULL);
}

void explain_write(const struct explain *e, bool exposed, struct gather *g)
{
    static const char *const flights[] = {[EXPLAIN_NONE] = "none", [EXPLAIN_LED] = "led", [EXPLAIN_JOINED] = "joined"};

    static const char *const hedges[] = {[HEDGED_NOT] = "none", [HEDGED_LOST] = "lost", [HEDGED_WON] = "won"};

    text(g, SLICE("X-Millrace-Endpoint: "), e->endpoint);
    text(g, SLICE("\r\nX-Millrace-Flight: "), flights[e->flight]);
    text(g, SLICE("\r\nX-Millrace-Cache: "), e->cache ? e->cache : "none");
    number(g, SLICE("\r\nX-Millrace-Batch: "), e->calls);
    number(g, SLICE("\r\nX-Millrace-Boarding-Us: "), e->boarding_us);
    number(g, SLICE("\r\nX-Millrace-Attempts: "), e->attempts);
    number(g, SLICE("\r\nX-Millrace-Upstream-Us: "), e->upstream_us);
    text(g, SLICE("\r\nX-Millrace-Hedge: "), hedges[e->hedged]);
    gather_add(g, SLICE("\r\n"), NULL);
    if (exposed)
        gather_add(g,
                   SLICE("Access-Control-Expose-Headers: x-millrace-endpoint, x-millrace-flight, x-millrace-cache, "
                         "x-millrace-batch, x-millrace-boarding-us, x-millrace-attempts, x-millrace-upstream-us, "
                         "x-millrace-hedge\r\n"),
                   NULL);
}
