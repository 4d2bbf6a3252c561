#include "gateway/learn.h"

#include <string.h>

#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/prober.h"
#include "gateway/worker.h"
#include "rpc/block_ref.h"
#include "rpc/flight.h"
#include "rpc/head_read.h"

enum { HEADER_BYTES = 4096 /* of a block: what stands before its transactions, mostly */ };

/* Does the answer say how far the endpoint is, and not only that it has a block? */
static bool tells_own_head(const struct block_ref *r, enum chain_family family, enum head_place place)
{
    return family == CHAIN_SOLANA || place == HEAD_HEX || (r->kind == BLOCK_REF_TAG && r->tag == TAG_LATEST);
}

/* Does the answer say where the head is, and not only that it is no lower? */
static bool tells_head(const struct block_ref *r, enum chain_family family, enum head_place place)
{
    return family == CHAIN_SOLANA || place == HEAD_HEX || (r->kind == BLOCK_REF_TAG && r->tag != TAG_EARLIEST);
}

/* While no head is sure, each other one is news. */
static void note_claim(struct chain *c, enum head_kind kind, uint64_t number)
{
    c->head.epoch += number != c->head.number[kind];
    c->head.number[kind] = number;
}

/* The first head of that kind is sure.  What was announced before, and is beyond it, was made up. */
static void note_first(struct chain *c, enum head_kind kind)
{
    uint64_t number = c->heads.of[kind].number;
    unsigned last = c->conf->family == CHAIN_EVM ? HEAD_FINALIZED : kind;

    for (unsigned k = kind; k <= last; k++)
        if (c->head.number[k] > number)
            chain_set_back(c, (enum head_kind)k, number);
    chain_note_head(c, kind, number);
}

/* Is this a step back for u, or below what is final? */
static bool goes_back(const struct upstream *u, uint64_t number)
{
    const struct heads *h = &u->chain->heads;

    return number + h->conf.max_lag < h->of[HEAD_LATEST].head[u->index] ||
           number < u->chain->head.number[HEAD_FINALIZED];
}

/* What is final may not be any more, by what u told. */
static void doubt(struct upstream *u, bool below_final)
{
    struct chain *c = u->chain;

    if (!past_doubt(&c->past) && below_final && c->n_upstreams == 1)
        chain_past_changed(c, u, false);
}

static void look_into_doubt(struct upstream *u)
{
    if (past_is_due(&u->chain->past, worker_now_ms(u->worker)))
        prober_ask_past(u);
}

/* u told a number, its head if exact; announces: it may be the chain's. */
static enum freshness_news take(struct upstream *u, enum head_kind kind, uint64_t number, bool exact, bool announces)
{
    struct chain *c = u->chain;
    const struct freshness *f = &c->heads.of[kind];
    bool unsure = !f->number && c->n_upstreams > 1;
    enum freshness_news news;

    if (exact && c->cache && kind == HEAD_LATEST && c->head.number[HEAD_FINALIZED] && c->conf->family == CHAIN_EVM) {
        if (goes_back(u, number))
            doubt(u, number < c->head.number[HEAD_FINALIZED]);
        look_into_doubt(u);
    }
    news = heads_told(u, kind, number, exact);
    if (news == FRESHNESS_SET_BACK)
        chain_set_back(c, kind, f->number);
    else if (unsure && f->number)
        note_first(c, kind);
    else if (unsure && exact)
        note_claim(c, kind, number);
    else if (news != FRESHNESS_DOUBTED && announces)
        chain_note_head(c, kind, number);
    else if (news != FRESHNESS_DOUBTED)
        head_reached(&c->head, kind, number);
    return news;
}

void learn_head(struct upstream *u, enum head_kind kind, uint64_t number)
{
    take(u, kind, number, true, true);
}

bool learn_final(struct upstream *u, enum head_kind kind, uint64_t number, struct slice block)
{
    struct chain *c = u->chain;

    if (!heads_may_be_final(u, number) && !planted(PLANT_FINAL_UNGATED))
        return false;
    chain_note_head(c, kind, number);
    if (block.n && kind == HEAD_FINALIZED && c->cache && number == c->head.number[kind] &&
        past_final(&c->past, number, block)) {
        doubt(u, false);
        look_into_doubt(u);
    }
    return true;
}

/* The params of a block whose transactions come as hashes only. */
static bool is_of_hashes(struct slice params)
{
    const struct slice end = SLICE("false]");

    return params.n > end.n && slice_eq(slice_of(params.p + params.n - end.n, end.n), end);
}

static const char *find(struct slice s, const char *name)
{
    return memmem(s.p, s.n, name, strlen(name));
}

/* The block without its transactions, which may have hashes too.  n = 0: its own stands behind them. */
static struct slice header_of(const struct flight *f, struct slice block)
{
    const char *end;

    if (is_of_hashes(flight_params(f)))
        return block;
    if (block.n > HEADER_BYTES)
        block.n = HEADER_BYTES;
    end = find(block, "\"transactions\"");
    if (end)
        block.n = (size_t)(end - block.p);
    return find(block, "\"hash\"") ? block : slice_of(block.p, 0);
}

/* The newest block of all, as f's endpoint has it. */
static void head_block(const struct flight *f, uint64_t number, struct slice payload)
{
    struct chain *c = f->chain;
    struct slice block;

    if (!c->cache || !c->head.number[HEAD_FINALIZED])
        return;
    block = header_of(f, payload);
    if (!block.n || !past_head(&c->past, number, block))
        return;
    doubt(f->upstream, false);
    look_into_doubt(f->upstream);
}

static bool head_told(struct flight *f, struct slice payload)
{
    const struct chain *c = f->chain;
    enum head_place place = c->head_places[f->method->slot];
    enum chain_family family = c->conf->family;
    struct block_ref r;
    enum head_kind kind;
    enum freshness_news news = FRESHNESS_SAME;
    uint64_t number;
    bool own;

    if (place == HEAD_NOWHERE || !head_read(place, payload, &number))
        return true;
    block_ref_read(&r, f->method, family, flight_params(f));
    if (r.tag == TAG_PENDING) /* it is not there yet: to be told of it later will be news */
        return true;
    kind = heads_kind(&r, family);
    own = tells_own_head(&r, family, place);
    if (family == CHAIN_SOLANA || kind == HEAD_LATEST)
        news = take(f->upstream, kind, number, own, tells_head(&r, family, place));
    else if (!learn_final(f->upstream, kind, number, header_of(f, payload)))
        return true;
    if (own && place == HEAD_BLOCK && news != FRESHNESS_DOUBTED)
        head_block(f, number, payload);
    if (news == FRESHNESS_DOUBTED)
        return !own || place == HEAD_CONTEXT || f->by_name;
    f->told = number;
    f->told_kind = (uint8_t)kind;
    return !own || place == HEAD_CONTEXT || !heads_below_need(f, number);
}

bool learn_from(struct flight *f, struct slice payload)
{
    f->chain->write_epoch += f->method->kind == METHOD_WRITE;
    if (f->method->class == CLASS_ADMIN) { /* test nodes are reset and reverted so */
        heads_forget(f->chain);
        chain_set_back(f->chain, HEAD_LATEST, 0);
    }
    return head_told(f, payload);
}
