#include "gateway/watch.h"

#include "gateway/chain.h"
#include "gateway/learn.h"
#include "gateway/prober.h"
#include "gateway/route.h"
#include "gateway/standing.h"
#include "gateway/worker.h"
#include "rpc/head_read.h"

enum {
    LIVELY_MS = 10000,
    SYNC_MS = 30000,      /* between two questions whether an endpoint syncs */
    SYNC_FIRST_MS = 1000, /* the first one, and those to one that does */
    CREDIT_EACH = 2,      /* questions to an endpoint that calls may save up for */
    REPLAY_COSTS = 2      /* the shreds and the slot */
};

/* -- when */

void watch_call(struct chain *c, enum head_kind kind)
{
    struct watching *w = &c->heads.watching;

    w->called_ms = worker_now_ms(c->worker);
    w->kind = kind;
    w->credit += w->credit < CREDIT_EACH * c->n_upstreams;
    if (w->lively)
        return;
    w->lively = true;
    for (unsigned i = 0; i < c->n_upstreams; i++) {
        c->upstreams[i]->watch.look_ms = 0;
        upstream_mark(c->upstreams[i]);
    }
}

void watch_moved(struct chain *c)
{
    for (unsigned i = 0; i < c->n_upstreams && c->heads.watching.lively; i++) {
        c->upstreams[i]->watch.look_ms = 0;
        upstream_mark(c->upstreams[i]);
    }
}

static void ask(struct upstream *u, enum probe_question q)
{
    struct watch *w = &u->watch;
    uint64_t now_ms = worker_now_ms(u->worker);

    w->asking = true;
    w->look_ms = UINT64_MAX;
    if (q == PROBE_SYNC)
        w->sync_ms = now_ms + SYNC_MS;
    else if (q == PROBE_HEAD)
        w->asked_ms = now_ms;
    else
        replay_asked(&w->replay);
    prober_ask(u, q);
}

/* u gets no calls: the question is the trial. */
static void look_down(struct upstream *u, uint64_t now_ms)
{
    const struct breaker *b = &u->endpoint.breaker;

    if (now_ms < b->until_ms)
        u->watch.look_ms = b->until_ms;
    else
        ask(u, PROBE_HEAD);
}

static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static void look_up(struct upstream *u, uint64_t now_ms)
{
    struct chain *c = u->chain;
    struct heads *h = &c->heads;
    const struct freshness *f = &h->of[h->watching.kind];
    struct watch *w = &u->watch;
    uint64_t gap_ms = probe_head_gap_ms(freshness_block_ms(f, &h->conf), heads_at_top(u, h->watching.kind));
    uint64_t told_ms = f->at_ms[u->index] > w->asked_ms ? f->at_ms[u->index] : w->asked_ms;
    uint64_t head_ms = told_ms ? told_ms + gap_ms : 0, sync_ms = w->knows_no_sync ? UINT64_MAX : w->sync_ms;
    uint64_t due_ms = sooner(head_ms, sooner(sync_ms, w->replay.at_ms));
    enum probe_question q = head_ms <= now_ms ? PROBE_HEAD : sync_ms <= now_ms ? PROBE_SYNC : PROBE_SHREDS;
    unsigned costs = q == PROBE_SHREDS ? REPLAY_COSTS : 1;

    if (due_ms > now_ms) {
        w->look_ms = due_ms;
        return;
    }
    if (h->watching.credit < costs) { /* the calls are fewer than there would be questions */
        w->look_ms = now_ms + gap_ms;
        return;
    }
    h->watching.credit -= costs;
    ask(u, q);
}

static bool may_ask(const struct upstream *u)
{
    return !u->watch.asking && !u->worker->draining && u->chain->conf->head_probe && u->endpoint.head &&
           !probe_holds(&u->probe) && u->probe.state != PROBE_REFUSED;
}

void watch_doubted(struct upstream *u)
{
    if (may_ask(u) && !upstream_is_down(u))
        ask(u, PROBE_HEAD);
}

void watch_look(struct upstream *u)
{
    struct chain *c = u->chain;
    struct watching *w = &c->heads.watching;
    uint64_t now_ms = worker_now_ms(u->worker);

    u->watch.look_ms = UINT64_MAX;
    if (!may_ask(u))
        return;
    if (!u->watch.sync_ms) {
        u->watch.sync_ms = now_ms + SYNC_FIRST_MS;
        replay_init(&u->watch.replay, c->conf->family == CHAIN_SOLANA ? u->watch.sync_ms : UINT64_MAX);
    }
    if (upstream_is_down(u)) {
        look_down(u, now_ms);
        return;
    }
    if (w->lively && now_ms - w->called_ms > LIVELY_MS)
        w->lively = false;
    if (w->lively && c->n_upstreams > 1)
        look_up(u, now_ms);
}

/* -- what came of it */

static void sync_told(struct upstream *u, bool is_error, struct slice payload)
{
    struct heads *h = &u->chain->heads;
    uint64_t bit = UINT64_C(1) << u->index;
    bool was = h->syncing & bit;

    switch (probe_sync_read(u->chain->conf->family, is_error, payload, h->conf.max_lag)) {
    case PROBE_SYNC_UNKNOWN:
        u->watch.knows_no_sync = true;
        h->syncing &= ~bit;
        break;
    case PROBE_IN_SYNC:
        h->syncing &= ~bit;
        break;
    case PROBE_SYNCING:
        h->syncing |= bit;
        u->watch.sync_ms = worker_now_ms(u->worker) + SYNC_FIRST_MS;
        break;
    }
    if (was != ((h->syncing & bit) != 0))
        heads_say_syncing(u, !was);
}

static void replay_news(struct upstream *u, enum replay_news news)
{
    heads_replays(u, news);
    standing_replays(u->chain, u->index, u->watch.replay.behind);
}

static void replay_told(struct upstream *u, bool is_error, struct slice payload)
{
    struct watch *w = &u->watch;
    uint64_t slot, now_ms = worker_now_ms(u->worker);

    if (!is_error && head_read(HEAD_NUMBER, payload, &slot))
        replay_news(u, replay_slot(&w->replay, slot, u->chain->heads.max_shred_lag, now_ms));
    else
        replay_news(u, replay_refused(&w->replay, now_ms));
}

/* true: the second question leaves at once. */
static bool shreds_told(struct upstream *u, bool is_error, struct slice payload)
{
    struct watch *w = &u->watch;
    uint64_t slot;

    if (is_error || !head_read(HEAD_NUMBER, payload, &slot)) {
        replay_news(u, replay_refused(&w->replay, worker_now_ms(u->worker)));
        return false;
    }
    if (u->worker->draining)
        return false;
    replay_shreds(&w->replay, slot);
    ask(u, PROBE_REPLAYED);
    return true;
}

static void over(struct upstream *u)
{
    u->watch.asking = false;
    u->watch.look_ms = 0;
    upstream_mark(u);
}

void watch_told(struct upstream *u, enum probe_question question, enum head_kind kind, bool is_error,
                struct slice payload)
{
    bool solana = u->chain->conf->family == CHAIN_SOLANA;
    uint64_t number;

    if (question == PROBE_SHREDS && shreds_told(u, is_error, payload))
        return;
    over(u);
    if (question == PROBE_SYNC)
        sync_told(u, is_error, payload);
    else if (question == PROBE_REPLAYED)
        replay_told(u, is_error, payload);
    else if (question == PROBE_SHREDS)
        return;
    else if (!is_error && head_read(solana ? HEAD_NUMBER : HEAD_HEX, payload, &number))
        learn_head(u, kind, number);
    else
        u->worker->stats.probes_failed++;
}

void watch_failed(struct upstream *u, enum probe_question question, const struct route_failure *why)
{
    uint64_t now_ms = worker_now_ms(u->worker);

    over(u);
    u->worker->stats.probes_failed++;
    if (question < PROBE_SHREDS)
        return;
    /* A page in place of an answer, as some give for what their plan does not hold; but not for the rate. */
    if (question == PROBE_SHREDS && why->http_status && why->http_status != 429)
        replay_news(u, replay_refused(&u->watch.replay, now_ms));
    else
        replay_news(u, replay_unheard(&u->watch.replay, now_ms));
}
