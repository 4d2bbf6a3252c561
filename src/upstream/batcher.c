#include "upstream/batcher.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned ceil_div(unsigned a, unsigned b)
{
    return a / b + (a % b != 0);
}

static bool shares(const struct batch_conf *c, unsigned max_calls)
{
    return c->mode != BATCH_OFF && max_calls > 1;
}

unsigned batcher_share(const struct batch_conf *c, const struct batch_load *l, unsigned max_calls)
{
    unsigned links, share;
    uint64_t busy_share = l->turn_us / BATCHER_TURN_US;

    if (l->light == 0 || l->idle == 0)
        return 0;
    if (!shares(c, max_calls))
        return 1;
    if (c->mode == BATCH_ALWAYS)
        return least(l->light, max_calls);
    /* Each heavy call will take one of the links. */
    links = l->idle > l->heavy ? l->idle - l->heavy : 1;
    share = ceil_div(l->light, links);
    if (busy_share > share)
        share = busy_share < l->light ? (unsigned)busy_share : l->light;
    return least(share, max_calls);
}

unsigned batcher_links_wanted(const struct batch_conf *c, const struct batch_load *l, unsigned max_calls,
                              uint64_t *again_us)
{
    unsigned coming = l->idle + l->dialling, open, want;
    uint64_t patience_us = (l->dial_us ? l->dial_us : BATCHER_DIAL_US) + 2 * l->turn_us;

    *again_us = UINT64_MAX;
    if (!shares(c, max_calls))
        return l->light + l->heavy;
    if (l->light == 0)
        return l->heavy;
    /* Links that will be there for light calls without another dial. */
    open = coming > l->heavy ? coming - l->heavy : 0;
    want = ceil_div(l->light, max_calls);
    if (l->busy > l->busy_heavy) {
        unsigned soon = l->busy - l->busy_heavy;

        want = want > soon ? want - soon : 0;
        if (l->waited_us < patience_us) {
            *again_us = patience_us - l->waited_us;
        } else if (open == 0) {
            /* As many again as there are: a few rounds reach any number, and a short stall does not. */
            unsigned more = least(l->light, soon);

            want = want > more ? want : more;
        }
    }
    return want + l->heavy;
}

uint64_t batcher_hold_us(const struct batch_conf *c, unsigned light, unsigned max_calls, uint64_t waited_us)
{
    if (!shares(c, max_calls) || light >= max_calls || waited_us >= c->window_us)
        return 0;
    return c->window_us - waited_us;
}
