#include "gateway/heads.h"

#include "gateway/chain.h"
#include "gateway/worker.h"

void heads_init(struct chain *c)
{
    c->heads.conf = (struct freshness_conf){c->conf->block_time_ms, c->conf->max_lag_blocks};
    if (!c->heads.conf.max_lag)
        c->heads.conf.max_lag = c->conf->family == CHAIN_SOLANA ? HEADS_LAG_SOLANA : HEADS_LAG_EVM;
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        freshness_init(&c->heads.of[i], c->n_upstreams);
}

enum freshness_news heads_told(struct upstream *u, enum head_kind kind, uint64_t number, bool exact)
{
    struct chain *c = u->chain;
    struct freshness *f = &c->heads.of[kind];
    uint64_t now_ms = worker_now_ms(c->worker);
    enum freshness_news news;

    /* An old block is no base to judge heads by. */
    if (!exact && !f->number)
        return FRESHNESS_SAME;
    news = freshness_note(f, &c->heads.conf, u->index, number, exact, now_ms);
    if (kind == HEAD_LATEST && freshness_lag(f, u->index) <= c->heads.conf.max_lag)
        u->behind_since_ms = 0;
    else if (kind == HEAD_LATEST && !u->behind_since_ms)
        u->behind_since_ms = now_ms;
    return news;
}

uint64_t heads_highest(const struct chain *c, uint64_t among)
{
    /* The quickest head of those that were heard of. */
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        if (c->heads.of[i].heard & among)
            return freshness_highest(&c->heads.of[i], among);
    return among;
}
