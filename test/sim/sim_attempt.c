#include "sim_attempt.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "sim_clock.h"
#include "sim_node.h"

enum {
    IDS_MAX = 1 << 20,
    PUT_BACK_MAX = 64,  /* calls of one link */
    PAUSE_MIN_MS = 32,  /* shorter ones cannot be told from none */
    PAUSE_SHARE = 16,   /* one in so many is so short */
    PAUSES_ENOUGH = 7,  /* and never so many in a row */
    SLICE_US = 1024000, /* of a budget */
    OFTEN_US = 1000000
};

static struct sim_try *try_of(struct world *w, uint64_t id)
{
    sim_check(w, id < IDS_MAX, "the id %" PRIu64 " is too high", id);
    if (id >= w->n_tries) {
        unsigned n = w->n_tries ? w->n_tries : 256;

        while (n <= id)
            n *= 2;
        w->tries = mem_grow(w->tries, n * sizeof *w->tries);
        memset(w->tries + w->n_tries, 0, (n - w->n_tries) * sizeof *w->tries);
        w->n_tries = n;
    }
    return &w->tries[id];
}

/* Those that the gateway alone can know of. */
static uint64_t granted(const struct world *w)
{
    const struct worker *g = w->gateway;
    uint64_t n = g->stats.links_put_back * PUT_BACK_MAX + g->stats.credential_retries;

    for (size_t i = 0; i < g->n_chains; i++)
        for (unsigned k = 0; k < g->chains[i]->n_upstreams; k++)
            for (unsigned j = 0; j < LIMIT_KINDS; j++)
                n += g->chains[i]->upstreams[k]->endpoint.stats.limited[j];
    return n;
}

static unsigned extra(const struct sim_try *t)
{
    return t->sent > t->free + 1u ? t->sent - t->free - 1u : 0;
}

static void check_budget(struct world *w, struct sim_chain *c)
{
    const struct budget_conf *b = &w->gateway->chains[c->index]->conf->retry.budget;
    uint64_t slices = clock_mono_us(w) / SLICE_US + 2;
    uint64_t most = b->first + b->floor * slices + b->percent * w->gateway->next_id / 100 +
                    w->gateway->stats.flights_second + granted(w);

    sim_check(w, c->extras <= most, "chain %s: %u extra attempts, and the budget is %" PRIu64, c->name, c->extras,
              most);
}

/* The pause before an endpoint is asked again is drawn from nothing to its full length: not always nothing. */
static void check_pause(struct node *n, const struct sim_try *t)
{
    struct world *w = n->w;
    struct sim_chain *c = n->chain;
    const struct retry_conf *r = &w->gateway->chains[c->index]->conf->retry;
    uint64_t most_ms = r->base_ms << (t->sent < 10 ? t->sent - 1 : 10);

    if (!t->ended || t->node != n->index || w->gateway->stats.flights_second || most_ms < PAUSE_MIN_MS || granted(w))
        return;
    if (most_ms > r->max_ms)
        most_ms = r->max_ms;
    c->short_pauses = (clock_mono_us(w) - t->mono_us) * PAUSE_SHARE < most_ms * 1000 ? c->short_pauses + 1 : 0;
    sim_check(w, c->short_pauses < PAUSES_ENOUGH, "%s is asked again without a pause", n->name);
}

/* Each costs the endpoint's work and its quota. */
static void check_pace(struct node *n, struct sim_try *t, uint64_t id)
{
    struct world *w = n->w;
    unsigned most = w->p.calm ? SIM_OFTEN / 2 : SIM_OFTEN;

    sim_check(w,
              t->total < most || w->gateway->stats.answers_behind ||
                  clock_mono_us(w) - t->at_us[(t->total - most) % SIM_OFTEN] >= OFTEN_US,
              "%s: call %" PRIu64 " is asked %u times within a second", n->name, id, most + 1);
    t->at_us[t->total++ % SIM_OFTEN] = clock_mono_us(w);
}

void attempt_arrived(struct node *n, uint64_t id, const struct ask *a)
{
    struct world *w = n->w;
    struct sim_chain *c = n->chain;
    struct sim_try *t = try_of(w, id);
    unsigned most = w->gateway->chains[c->index]->conf->retry.max_attempts;

    if (a->kind == ASK_WRITE) /* each copy is a question of its own */
        return;
    check_pace(n, t, id);
    if (t->sent)
        check_pause(n, t);
    c->extras -= extra(t);
    t->sent += t->sent < UINT8_MAX;
    c->extras += extra(t);
    sim_check(
        w, extra(t) < most + (w->gateway->stats.flights_second > 0) + granted(w) + w->gateway->stats.answers_behind,
        "%s: attempt %u of call %" PRIu64 ", %u of them free; %u are allowed", n->name, t->sent, id, t->free, most);
    check_budget(w, c);
    t->node = (uint8_t)n->index;
    t->ended = false;
}

void attempt_ended(struct node *n, uint64_t id, bool again_free)
{
    struct sim_try *t = try_of(n->w, id);

    t->ended = !again_free;
    t->mono_us = clock_mono_us(n->w);
    n->chain->extras -= extra(t);
    t->free += again_free && t->free < UINT8_MAX;
    n->chain->extras += extra(t);
}
