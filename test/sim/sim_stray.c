#include "sim_stray.h"

#include <inttypes.h>

#include "gateway/chain.h"
#include "gateway/worker.h"
#include "rpc/flight.h"
#include "sim_flight.h"
#include "sim_node.h"
#include "sim_standing.h"
#include "sim_weather.h"

enum {
    KNOWN_US = 1000000, /* what was told so long ago has arrived, and what left before has too */
    ON_ITS_WAY = 3,     /* blocks: what was told later may arrive sooner */
    FAR = 10000000,     /* no chain comes so far in a run, whatever the gate makes of its pace */
    BELOW_MAX = 3000,   /* three times what sets a chain back at once */
    LOWEST = 100,       /* no chain is rolled back to below */
    LAG_EVM = 2,
    LAG_SOLANA = 25 /* unless configured */
};

/* -- what happens */

void stray_draw_chain(struct world *w, struct sim_chain *c)
{
    static const unsigned lags[2][3] = {{0, 3, 10}, {0, 1, 5}};

    c->block_us = 5000 + sim_rnd(w, 15000);
    c->lag_conf = lags[c->evm][sim_rnd(w, 3)];
    c->max_lag = c->lag_conf ? c->lag_conf : c->evm ? LAG_EVM : LAG_SOLANA;
}

void stray_put_conf(const struct sim_chain *c, struct buf *b)
{
    buf_printf(b, "\"block_time_ms\":%" PRIu64 ",", c->block_us * SIM_SLOWLY / 1000);
    if (c->lag_conf)
        buf_printf(b, "\"max_lag_blocks\":%u,", c->lag_conf);
}

static void forget_told(struct world *w, struct sim_chain *c)
{
    for (unsigned k = 0; k < HEAD_KINDS; k++)
        c->told_top[k] = 0;
    for (unsigned i = 0; i < w->n_nodes; i++) {
        struct node *n = w->nodes[i];

        for (unsigned k = 0; k < HEAD_KINDS && n->chain == c; k++)
            n->stray.late_us[k] = 0;
        if (n->chain == c && n->stray.kind == STRAY_BEHIND && n->stray.by > c->head)
            n->stray.by = c->head;
    }
}

static void on_roll(struct sim_event *e)
{
    struct sim_chain *c = container_of(e, struct sim_chain, roll);
    struct world *w = container_of(c - c->index, struct world, chains[0]);
    uint64_t by;

    switch (sim_rnd(w, 3)) {
    case 0:
        by = 1 + sim_rnd(w, c->max_lag + 1);
        break;
    case 1:
        by = 1 + sim_rnd(w, HEAD_ROLLBACK);
        break;
    default:
        by = HEAD_ROLLBACK + 1 + sim_rnd(w, BELOW_MAX - HEAD_ROLLBACK);
        break;
    }
    if (c->head < by + LOWEST)
        by = c->head - LOWEST;
    c->head -= by;
    if (c->head < c->first_head)
        c->first_head = c->head;
    c->rolled_us = w->now_us;
    if (c->n_rolls == SIM_ROLLS)
        c->n_rolls--;
    c->rolled_to[c->n_rolls++] = c->head;
    forget_told(w, c);
    sim_trace(w, "chain %s is rolled back by %" PRIu64 " to %" PRIu64, c->name, by, c->head);
    if (sim_chance(w, 300) && weather_is_rough(w))
        sim_at(w, e, w->now_us + sim_rnd(w, w->weather.fair_us - w->now_us));
}

void stray_start(struct world *w)
{
    for (unsigned i = 0; i < w->n_chains && w->p.astray; i++) {
        struct sim_chain *c = &w->chains[i];

        c->roll.fire = on_roll;
        if (sim_chance(w, 400))
            sim_at(w, &c->roll, sim_rnd(w, w->weather.fair_us));
    }
}

void stray_stop(struct world *w)
{
    for (unsigned i = 0; i < w->n_chains; i++)
        sim_cancel(w, &w->chains[i].roll);
}

/* -- of an endpoint */

/* Two that are below would be more than the one that is not. */
static bool another_is_below(const struct node *n)
{
    for (unsigned i = 0; i < n->w->n_nodes; i++)
        if (n->w->nodes[i]->chain == n->chain && n->w->nodes[i]->stray.kind == STRAY_BELOW)
            return true;
    return false;
}

static void begin(struct node *n)
{
    static const char *const names[] = {"", "behind", "ahead of all", "below all"};
    struct world *w = n->w;
    struct sim_stray *s = &n->stray;

    /* In bad weather the one that is sound may be silent for so long that what another says is all there is. */
    s->kind = w->p.spells ? STRAY_BEHIND : (enum stray)(1 + sim_rnd(w, 3));
    if (s->kind == STRAY_BELOW && (another_is_below(n)))
        s->kind = STRAY_AHEAD;
    if (s->kind == STRAY_BEHIND)
        s->by = n->chain->head;
    else if (s->kind == STRAY_AHEAD)
        s->by = FAR * (n->index + 1) + sim_rnd(w, 1000);
    else
        s->by = n->chain->max_lag + 1 + sim_rnd(w, sim_chance(w, 500) ? HEAD_ROLLBACK : BELOW_MAX);
    s->once = s->kind != STRAY_BEHIND && sim_chance(w, 300);
    sim_trace(w, "%s is %s%s", n->name, names[s->kind], s->once ? ", once" : "");
}

static void on_change(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, stray.change);
    struct world *w = n->w;
    uint64_t rest_us = weather_is_rough(w) ? w->weather.fair_us - w->now_us : 0, in_us;

    if (n->stray.kind == STRAY_NONE && rest_us) {
        begin(n);
        in_us = sim_delay_us(w, sim_chance(w, 500) ? 200000 : 1500000);
    } else {
        if (n->stray.kind == STRAY_BEHIND && !rest_us && sim_chance(w, 300))
            return; /* for ever */
        n->stray.kind = STRAY_NONE;
        in_us = sim_delay_us(w, 600000);
        sim_trace(w, "%s is with its chain", n->name);
    }
    if (rest_us)
        sim_soon(w, e, in_us < rest_us ? in_us : rest_us);
}

void stray_node_init(struct node *n, bool sound)
{
    struct world *w = n->w;

    n->stray.change.fire = on_change;
    if (!w->p.astray)
        return;
    n->lag = sound ? 0 : (unsigned)sim_rnd(w, n->chain->max_lag / 2 + 1);
    if (!sound)
        sim_soon(w, &n->stray.change, sim_rnd(w, w->weather.fair_us / 2));
}

void stray_node_deinit(struct node *n)
{
    sim_cancel(n->w, &n->stray.change);
}

uint64_t stray_head(const struct node *n, uint64_t head)
{
    const struct sim_stray *s = &n->stray;

    switch (s->kind) {
    case STRAY_BEHIND:
        return s->by < head ? s->by : head;
    case STRAY_AHEAD:
        return head + s->by;
    case STRAY_BELOW:
        return head > s->by + LOWEST ? head - s->by : LOWEST;
    default:
        return head;
    }
}

/* -- what is known of them */

static const struct chain *chain_of(const struct world *w, const struct sim_chain *c)
{
    return w->gateway->chains[c->index];
}

static void note_wrong(struct world *w, struct sim_chain *c, uint64_t head)
{
    for (unsigned i = 0; i < c->n_wrong; i++)
        if (c->wrong[i].number == head)
            return;
    if (c->n_wrong < SIM_WRONG_MAX)
        c->wrong[c->n_wrong++] = (struct sim_wrong){head, w->now_us};
}

static void note_told(struct node *n, enum head_kind kind, uint64_t head)
{
    struct sim_chain *c = n->chain;
    struct sim_stray *s = &n->stray;

    if (stray_is_wrong(c, head)) {
        note_wrong(n->w, c, head);
        s->late_us[kind] = 0;
        return;
    }
    if (c->told_top[kind] < head)
        c->told_top[kind] = head;
    if (head + c->max_lag + ON_ITS_WAY >= c->told_top[kind])
        s->late_us[kind] = 0;
    else if (!s->late_us[kind])
        s->late_us[kind] = n->w->now_us;
}

/* Could f have gone there?  By what that endpoint told last. */
static bool is_near(struct world *w, const struct flight *f, unsigned k)
{
    const struct heads *h = &f->chain->heads;
    const struct freshness *fr = &h->of[f->head_kind];

    return (fr->heard & ~(fr->doubted | h->syncing | h->unreplayed)) >> k & 1 &&
           fr->head[k] + f->chain->heads.conf.max_lag >= fr->number && fr->head[k] >= f->need && !(f->tried >> k & 1) &&
           standing_may_get(w, f->chain->upstreams[k]);
}

/* A call about the head comes to an endpoint that the gateway knows to be too far behind.  Was there another? */
static void check_lag(struct node *n, const struct ask *a, uint64_t id)
{
    struct world *w = n->w;
    const struct sim_chain *c = n->chain;
    uint64_t late_us = n->stray.late_us[a->head_kind];
    const struct flight *f;

    if (!late_us || w->now_us - late_us < KNOWN_US || w->p.spells || !chain_of(w, c)->heads.of[a->head_kind].number)
        return;
    f = sim_flight(w, id);
    /* An array goes where its first call went, and the head of another kind may be known not to be there. */
    if (!f || f->by_name || (f->in_unit && !c->evm) || (f->part != FLIGHT_OF_CALLS && f->part != FLIGHT_HEDGE))
        return;
    /* What it was behind when it spoke: who is not asked does not fall behind for that. */
    if (freshness_lag(&f->chain->heads.of[f->head_kind], f->upstream->index) <= c->max_lag)
        return;
    for (unsigned k = 0; k < f->chain->n_upstreams; k++)
        sim_check(w, !is_near(w, f, k),
                  "%s, which is known to be behind since %" PRIu64 " us, gets call %" PRIu64 " (%s), and %s does not",
                  n->name, late_us, id, f->method->name, f->chain->upstreams[k]->endpoint.conf->name);
}

void stray_asked(struct node *n, const struct ask *a, uint64_t id, uint64_t head)
{
    if (!n->w->p.astray)
        return;
    if (a->of_head)
        check_lag(n, a, id);
    if (stray_is_wrong(n->chain, head) && !n->chain->wrong_us)
        n->chain->wrong_us = n->w->now_us;
    if (a->kind == ASK_HEAD)
        note_told(n, a->head_kind, head);
    if (a->kind == ASK_HEAD && n->stray.once) {
        n->stray.kind = STRAY_NONE;
        n->stray.once = false;
    }
}

bool stray_is_wrong(const struct sim_chain *c, uint64_t head)
{
    return head > c->top;
}

/* Before the gateway knows of any head it cannot tell which of two is wrong. */
bool stray_may_tell(const struct world *w, const struct sim_chain *c, const struct ask *a, uint64_t head)
{
    uint64_t known_us = c->known_us[a->head_kind];

    if (chain_of(w, c)->n_upstreams == 1 || c->fooled)
        return true;
    for (unsigned i = 0; i < c->n_wrong; i++)
        if (c->wrong[i].number == head)
            return !known_us || c->wrong[i].us <= known_us;
    return c->n_wrong == SIM_WRONG_MAX;
}

bool stray_may_go_back(const struct world *w, const struct sim_chain *c, uint64_t seen, uint64_t seen_us)
{
    /* What was told just after may have been asked before. */
    return stray_is_wrong(c, seen) || (c->rolled_us && seen_us <= c->rolled_us + w->p.call_timeout_ms * UINT64_C(1000));
}

/* Nobody but endpoints that made their heads up was heard of: nothing speaks against them. */
static bool is_fooled(const struct sim_chain *c, const struct freshness *f)
{
    for (uint64_t left = f->heard; left; left &= left - 1)
        if (!stray_is_wrong(c, f->head[__builtin_ctzll(left)]))
            return false;
    return true;
}

void stray_check_turn(struct world *w)
{
    for (unsigned i = 0; i < w->n_chains && w->p.astray; i++) {
        struct sim_chain *c = &w->chains[i];
        const struct chain *g = chain_of(w, c);

        for (unsigned k = 0; k < HEAD_KINDS; k++) {
            const struct freshness *f = &g->heads.of[k];
            uint64_t known;

            if (f->number && !c->known_us[k])
                c->known_us[k] = w->now_us;
            known = g->conf->family == CHAIN_EVM ? g->heads.of[HEAD_LATEST].number : f->number;
            c->fooled |= stray_is_wrong(c, f->number) && is_fooled(c, f);
            if (g->n_upstreams == 1 || c->fooled)
                continue;
            sim_check(w, !stray_is_wrong(c, f->number),
                      "chain %s is taken to be at %" PRIu64 ", which one endpoint made up", c->name, f->number);
            sim_check(w, !known || !stray_is_wrong(c, g->head.number[k]),
                      "head %" PRIu64 " of chain %s is announced, which one endpoint made up", g->head.number[k],
                      c->name);
            sim_check(w, !f->setbacks || c->rolled_us || w->p.spells || (c->wrong_us && c->wrong_us <= c->known_us[k]),
                      "chain %s is taken to have gone back to %" PRIu64 ", which it did not", c->name, f->number);
        }
    }
}

const char *stray_open(const struct world *w)
{
    for (unsigned i = 0; i < w->n_nodes && w->p.astray; i++) {
        const struct node *n = w->nodes[i];
        const struct chain *g = chain_of(w, n->chain);
        const struct freshness *f = &g->heads.of[g->heads.watching.kind];

        if (n->stray.kind != STRAY_NONE || !f->number)
            continue;
        for (unsigned k = 0; k < g->n_upstreams; k++)
            if (g->upstreams[k]->target.port == NODE_PORT + n->index && !((f->current & ~f->doubted) >> k & 1))
                return n->name;
    }
    return NULL;
}
