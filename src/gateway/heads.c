#include "gateway/heads.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "rpc/block_ref.h"
#include "rpc/head_read.h"

enum asks {
    ASKS_NOTHING,
    ASKS_LATEST, /* what its params say changes nothing */
    ASKS_TAG,    /* a block in its last param, mostly a tag */
    ASKS_REF     /* its params say */
};

static enum asks asks_of(const struct chain *c, const struct method *m)
{
    enum head_place place = (enum head_place)c->head_places[m->slot];
    bool tells = place == HEAD_HEX || place == HEAD_NUMBER || (place == HEAD_BLOCK && m->class == CLASS_BY_NUMBER);
    bool evm = c->conf->family == CHAIN_EVM;

    if (m->kind != METHOD_READ || m->class == CLASS_STATIC || m->class == CLASS_PURE || m->class == CLASS_LOCAL)
        return ASKS_NOTHING;
    if (c->n_upstreams == 1 && !tells) /* there is nothing to choose */
        return ASKS_NOTHING;
    if (evm && (m->class == CLASS_BY_TX || m->class == CLASS_BY_HASH))
        return ASKS_LATEST;
    if (m->class == CLASS_HEAD && m->ref == METHOD_REF_NO)
        return ASKS_LATEST;
    return evm && m->class == CLASS_STATE ? ASKS_TAG : ASKS_REF;
}

void heads_init(struct chain *c)
{
    struct heads *h = &c->heads;

    h->conf = (struct freshness_conf){c->conf->block_time_ms, c->conf->max_lag_blocks};
    if (!h->conf.max_lag)
        h->conf.max_lag = c->conf->family == CHAIN_SOLANA ? HEADS_LAG_SOLANA : HEADS_LAG_EVM;
    h->max_shred_lag = c->conf->max_shred_lag_slots ? c->conf->max_shred_lag_slots : REPLAY_BEHIND_MAX;
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        freshness_init(&h->of[i], c->n_upstreams);
    h->asks = mem_array(method_slots(), 1);
    for (unsigned i = 0; i < method_slots(); i++)
        h->asks[i] = (unsigned char)asks_of(c, method_at(i));
}

void heads_deinit(struct chain *c)
{
    free(c->heads.asks);
}

enum head_kind heads_kind(const struct block_ref *r, enum chain_family family)
{
    /* A Solana method that takes no commitment tells of the processed slot (agave's getSignatureStatuses). */
    if (family == CHAIN_SOLANA)
        return r->commitment == COMMITMENT_FINALIZED   ? HEAD_FINALIZED
               : r->commitment == COMMITMENT_CONFIRMED ? HEAD_SAFE
                                                       : HEAD_LATEST;
    if (r->kind != BLOCK_REF_TAG)
        return HEAD_LATEST;
    return r->tag == TAG_FINALIZED ? HEAD_FINALIZED : r->tag == TAG_SAFE ? HEAD_SAFE : HEAD_LATEST;
}

/* -- before a call is asked */

static struct freshness *of(const struct flight *f)
{
    return &f->chain->heads.of[f->head_kind];
}

static void needs(struct flight *f, enum flight_fresh fresh, uint64_t number)
{
    f->fresh = fresh;
    f->need = number;
    f->need_setbacks = of(f)->setbacks;
}

/* What was needed of a past that is no more is not needed. */
static uint64_t need_of(const struct flight *f)
{
    return freshness_binding(of(f), f->need, f->need_setbacks);
}

static void needs_shown(const struct session *s, struct flight *f)
{
    uint64_t number = 0;

    if (s->shown && !planted(PLANT_SHOWN_FORGOTTEN))
        number = freshness_need(of(f), &s->shown[f->chain->index * HEAD_KINDS + f->head_kind]);
    needs(f, FLIGHT_AT_HEAD, number);
}

static bool ends_with(struct slice s, struct slice end)
{
    return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

static void by_range(const struct session *s, struct flight *f, const struct block_ref *r)
{
    uint64_t number = r->from_tag == TAG_NONE && r->from > r->number ? r->from : r->number;

    if (r->tag == TAG_NONE)
        needs(f, FLIGHT_AT_BLOCK, number);
    else if (r->tag != TAG_EARLIEST)
        needs_shown(s, f);
}

void heads_ask(const struct session *s, struct flight *f)
{
    struct chain *c = f->chain;
    enum asks asks = (enum asks)c->heads.asks[f->method->slot];
    struct slice params;
    struct block_ref r;

    if (asks == ASKS_NOTHING)
        return;
    params = flight_params(f);
    f->head_kind = HEAD_LATEST;
    watch_call(c, c->heads.watching.kind);
    if (asks == ASKS_LATEST ||
        (asks == ASKS_TAG && (ends_with(params, SLICE("\"latest\"]")) || ends_with(params, SLICE("\"pending\"]"))))) {
        needs_shown(s, f);
        return;
    }
    block_ref_read(&r, f->method, c->conf->family, params);
    old_blocks_ask(f, &r);
    if (c->conf->family == CHAIN_SOLANA)
        f->head_kind = (uint8_t)(c->heads.watching.kind = heads_kind(&r, CHAIN_SOLANA));
    if (r.kind == BLOCK_REF_RANGE)
        by_range(s, f, &r);
    else if (r.kind == BLOCK_REF_NUMBER || r.kind == BLOCK_REF_SLOT)
        needs(f, FLIGHT_AT_BLOCK, r.number);
    else if (!(r.kind == BLOCK_REF_TAG && r.tag == TAG_EARLIEST) && (r.kind != BLOCK_REF_NONE || r.head))
        needs_shown(s, f);
    if (r.has_min_slot && r.min_slot > need_of(f))
        needs(f, FLIGHT_AT_HEAD, r.min_slot);
}

void heads_raise(struct flight *f, uint64_t number)
{
    if (f->fresh == FLIGHT_AT_HEAD && number > need_of(f))
        needs(f, FLIGHT_AT_HEAD, number);
}

bool heads_below_need(const struct flight *f, uint64_t number)
{
    return f->fresh == FLIGHT_AT_HEAD && !f->by_name && number < need_of(f);
}

uint64_t heads_fit_(const struct flight *f)
{
    const struct heads *h = &f->chain->heads;
    const struct freshness *fr = of(f);
    uint64_t need = need_of(f);

    if (f->fresh == FLIGHT_AT_HEAD)
        return freshness_fit(fr, need) & ~(h->syncing | h->unreplayed);
    /* An old block is there, unless it is known that it is not. */
    return need + h->conf.max_lag > fr->number ? freshness_at(fr, need) : freshness_at(fr, need) | ~fr->heard;
}

uint64_t heads_best(const struct flight *f, uint64_t among)
{
    return freshness_highest(of(f), among);
}

bool heads_may_join(struct flight *lead, const struct flight *f)
{
    uint64_t need;

    if (f->fresh == FLIGHT_ANY || planted(PLANT_JOINED_BELOW))
        return true;
    need = need_of(f);
    if (need <= need_of(lead))
        return true;
    if (!lead->upstream || !(freshness_at(of(f), need) >> lead->upstream->index & 1))
        return false;
    needs(lead, (enum flight_fresh)lead->fresh, need);
    return true;
}

/* -- what answers say */

/* Has the endpoint's bit changed? */
static bool turns(uint64_t *said, unsigned i, bool is)
{
    uint64_t before = *said;

    *said = (before & ~(UINT64_C(1) << i)) | (uint64_t)is << i;
    return *said != before;
}

static void judge(struct upstream *u, const struct freshness *f, uint64_t number, uint64_t behind_before)
{
    struct chain *c = u->chain;
    struct heads *h = &c->heads;
    unsigned i = u->index;
    bool doubted = f->doubted >> i & 1, late = f->behind[i] > h->conf.max_lag;
    struct log_field chain = LOG_S("chain", c->conf->name), name = LOG_S("endpoint", u->endpoint.conf->name);

    if (turns(&h->doubts, i, doubted)) {
        if (doubted)
            log_event(LOG_WARN, "endpoint_head_doubted", chain, name, LOG_U("number", number),
                      LOG_U("head", f->number));
        else
            log_event(LOG_INFO, "endpoint_head_believed", chain, name, LOG_U("number", number));
    }
    if (turns(&h->late, i, late)) {
        if (late)
            log_event(LOG_WARN, "endpoint_behind", chain, name, LOG_U("number", number), LOG_U("head", f->number));
        else
            log_event(LOG_INFO, "endpoint_caught_up", chain, name, LOG_U("number", number));
    }
    if (f->behind[i] != behind_before)
        standing_lags(c, i, f->behind[i]);
}

enum freshness_news heads_told(struct upstream *u, enum head_kind kind, uint64_t number, bool exact)
{
    struct chain *c = u->chain;
    struct heads *h = &c->heads;
    struct freshness *f = &h->of[kind];
    uint64_t now_ms = worker_now_ms(c->worker), behind = f->behind[u->index];
    enum freshness_news news;

    /* An old block is no base to judge heads by. */
    if (!exact && !f->number) {
        freshness_unsure(f, number);
        return FRESHNESS_SAME;
    }
    news = freshness_note(f, &h->conf, u->index, number, exact, now_ms);
    if (news == FRESHNESS_DOUBTED && c->n_upstreams == 1) /* there is nobody to say otherwise */
        news = freshness_note(f, &h->conf, u->index, number, exact, now_ms);
    if (news == FRESHNESS_SET_BACK)
        log_event(LOG_WARN, "chain_set_back", LOG_S("chain", c->conf->name), LOG_U("head", f->number));
    if (news == FRESHNESS_MOVED && c->n_upstreams > 1)
        watch_moved(c);
    if (c->n_upstreams > 1 && (f->behind[u->index] | behind | f->doubted | h->doubts | h->late))
        judge(u, f, number, behind);
    if (kind != h->watching.kind)
        return news;
    if (freshness_lag(f, u->index) <= h->conf.max_lag)
        u->behind_since_ms = 0;
    else if (!u->behind_since_ms)
        u->behind_since_ms = now_ms;
    return news;
}

bool heads_may_be_final(const struct upstream *u, uint64_t number)
{
    struct heads *h = &u->chain->heads;
    struct freshness *f = &h->of[HEAD_LATEST];

    freshness_unsure(f, number);
    return !(f->doubted >> u->index & 1) && freshness_may_be(f, &h->conf, number, worker_now_ms(u->worker));
}

bool heads_show_kept(struct session *s, const struct flight *f, struct slice result)
{
    uint64_t number;

    if (f->fresh != FLIGHT_AT_HEAD ||
        !head_read((enum head_place)f->chain->head_places[f->method->slot], result, &number))
        return true;
    if (heads_below_need(f, number) || s->n_exchanges > 1) /* an answer to what was asked before may tell more */
        return false;
    heads_show(s, f->chain, (enum head_kind)f->head_kind, number);
    return true;
}

void heads_say_syncing(const struct upstream *u, bool is)
{
    struct log_field chain = LOG_S("chain", u->chain->conf->name), name = LOG_S("endpoint", u->endpoint.conf->name);

    if (is)
        log_event(LOG_WARN, "endpoint_syncing", chain, name);
    else
        log_event(LOG_INFO, "endpoint_in_sync", chain, name);
}

void heads_replays(const struct upstream *u, enum replay_news news)
{
    const struct replay *r = &u->watch.replay;
    struct log_field chain = LOG_S("chain", u->chain->conf->name), name = LOG_S("endpoint", u->endpoint.conf->name);
    uint64_t *late = &u->chain->heads.unreplayed, bit = UINT64_C(1) << u->index;

    *late = r->late && !planted(PLANT_UNREPLAYED_FIT) ? *late | bit : *late & ~bit;
    if (news == REPLAY_LATE)
        log_event(LOG_WARN, "endpoint_replay_behind", chain, name, LOG_U("slot", r->slot), LOG_U("shreds", r->shreds));
    else if (news == REPLAY_CAUGHT_UP)
        log_event(LOG_INFO, "endpoint_replay_caught_up", chain, name, LOG_U("slot", r->slot),
                  LOG_U("shreds", r->shreds));
}

void heads_show(struct session *s, const struct chain *c, enum head_kind kind, uint64_t number)
{
    if (!s->shown)
        s->shown = mem_array(s->worker->n_chains * HEAD_KINDS, sizeof *s->shown);
    freshness_show(&c->heads.of[kind], &s->shown[c->index * HEAD_KINDS + kind], number);
}

void heads_forget(struct chain *c)
{
    for (unsigned i = 0; i < HEAD_KINDS; i++) {
        uint32_t setbacks = c->heads.of[i].setbacks;

        freshness_init(&c->heads.of[i], c->n_upstreams);
        c->heads.of[i].setbacks = setbacks + 1;
    }
}

uint64_t heads_highest(const struct chain *c, uint64_t among)
{
    /* The quickest head of those that were heard of. */
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        if (c->heads.of[i].heard & among)
            return freshness_highest(&c->heads.of[i], among);
    return among;
}

bool heads_at_top(const struct upstream *u, enum head_kind kind)
{
    const struct freshness *f = &u->chain->heads.of[kind];

    return u->chain->n_upstreams == 1 || f->top >> u->index & 1;
}
