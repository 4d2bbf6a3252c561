#include "gateway/keep.h"

#include "base/plant.h"
#include "cache/cache.h"
#include "gateway/chain.h"
#include "gateway/prober.h"
#include "gateway/worker.h"
#include "rpc/block_ref.h"

/* Two names for one list of rules: the table's, which knows no cache, and the cache's, which knows no methods. */
_Static_assert((int)CACHE_NEVER == (int)CACHE_RULE_NEVER && (int)CACHE_STATIC == (int)CACHE_RULE_STATIC &&
                   (int)CACHE_BY_HASH == (int)CACHE_RULE_BY_HASH && (int)CACHE_BY_NUMBER == (int)CACHE_RULE_BY_NUMBER &&
                   (int)CACHE_BY_TX == (int)CACHE_RULE_BY_TX && (int)CACHE_RANGE == (int)CACHE_RULE_RANGE &&
                   (int)CACHE_SLOT == (int)CACHE_RULE_SLOT && (int)CACHE_SETTLED == (int)CACHE_RULE_SETTLED &&
                   (int)CACHE_HEAD == (int)CACHE_RULE_HEAD,
               "a rule has the same number in both");

/* How old an answer about the head may get when no later head is heard of and the block time is not known. */
enum { HEAD_AGE_EVM_MS = 1000, HEAD_AGE_SOLANA_MS = 400 };

bool keep_may(const struct chain *c, const struct method *m, struct slice params)
{
    if (c->conf->cache_head)
        return true;
    if (m->cache == CACHE_HEAD)
        return false;
    if (c->conf->family != CHAIN_EVM)
        return true;
    return (m->cache != CACHE_BY_NUMBER && m->cache != CACHE_RANGE) || !block_ref_says_latest(m, params);
}

/* What is about the head is void when that moves, and when a transaction left or was accepted: some nodes mine it at
 * once, and who waits for it (eth_sendRawTransactionSync) is told of no head.  Both only grow. */
static uint64_t epoch_of(uint64_t head_epoch, uint64_t write_epoch)
{
    return head_epoch + (planted(PLANT_KEPT_WITHOUT_FENCE) ? 0 : write_epoch);
}

/* Solana: a block's time is told of slots too that may yet be skipped. */
static bool is_skippable(const struct method *m, const struct block_ref *r)
{
    return m->class == CLASS_SLOT && r->commitment == COMMITMENT_NONE;
}

/* Is it open whether what f names by a number is still the same? */
static bool is_doubtful(const struct flight *f)
{
    return past_is_open(&f->chain->past) && f->method->cache != CACHE_STATIC && f->method->cache != CACHE_BY_HASH;
}

bool keep_find(const struct flight *f, struct session *s, struct chunk *out)
{
    struct chain *c = f->chain;

    if (!cache_get(c->cache, f->text_hash, f->key, worker_now_ms(c->worker), epoch_of(c->head.epoch, c->write_epoch),
                   out, NULL))
        return false;
    if (!is_doubtful(f) && (!c->conf->cache_head || heads_show_kept(s, f, out->s)))
        return true;
    blob_unref(out->ref);
    return false;
}

static enum cache_ref tag_ref(enum block_tag tag)
{
    switch (tag) {
    case TAG_NONE:
        return CACHE_REF_NUMBER;
    case TAG_ABSENT:
        return CACHE_REF_MISSING;
    case TAG_PENDING:
        return CACHE_REF_PENDING;
    default:
        return CACHE_REF_TAG;
    }
}

/* A range is as movable as the more movable of its ends. */
static enum cache_ref range_ref(const struct block_ref *r)
{
    enum cache_ref from = tag_ref(r->from_tag), to = tag_ref(r->tag);

    if (from == CACHE_REF_PENDING || to == CACHE_REF_PENDING)
        return CACHE_REF_PENDING;
    if (to != CACHE_REF_NUMBER)
        return to;
    return from == CACHE_REF_NUMBER ? CACHE_REF_RANGE : from;
}

static enum cache_ref ref_of(const struct block_ref *r)
{
    switch (r->kind) {
    case BLOCK_REF_NONE:
        return CACHE_REF_NONE;
    case BLOCK_REF_MISSING:
        return CACHE_REF_MISSING;
    case BLOCK_REF_TAG:
        return r->tag == TAG_NONE ? CACHE_REF_TAG : tag_ref(r->tag);
    case BLOCK_REF_NUMBER:
    case BLOCK_REF_EPOCH:
        return CACHE_REF_NUMBER;
    case BLOCK_REF_HASH:
        return CACHE_REF_HASH;
    case BLOCK_REF_RANGE:
        return range_ref(r);
    case BLOCK_REF_SLOT:
        return CACHE_REF_SLOT;
    case BLOCK_REF_UNCLEAR:
        break;
    }
    return CACHE_REF_UNCLEAR;
}

bool keep_question(struct cache_question *q, const struct block_ref *r)
{
    q->ref = ref_of(r);
    if (cache_rule_moves(q))
        return false;
    q->number = r->kind == BLOCK_REF_RANGE ? r->from : r->number;
    q->to_number = r->number;
    q->finalized_commitment = r->commitment == COMMITMENT_NONE || r->commitment == COMMITMENT_FINALIZED;
    return true;
}

static uint64_t head_age_ms(const struct chain_conf *conf)
{
    if (conf->block_time_ms)
        return conf->block_time_ms;
    return conf->family == CHAIN_SOLANA ? HEAD_AGE_SOLANA_MS : HEAD_AGE_EVM_MS;
}

/* Is it only for want of a later finalized block that this is not kept for good? */
static bool awaits_finality(const struct cache_question *q, struct slice result)
{
    struct cache_question later = *q;

    later.finalized_known = true;
    later.finalized = UINT64_MAX;
    return cache_rule_judge(&later, result) == CACHE_FOREVER;
}

void keep_offer(const struct flight *f, struct slice result, struct blob *ref)
{
    struct chain *c = f->chain;
    const struct chain_conf *conf = c->conf;
    struct cache_question q = {
        .rule = (enum cache_rule_kind)f->method->cache,
        .head_wanted = conf->cache_head,
        .finalized = c->head.number[HEAD_FINALIZED],
        .finalized_known = c->head.number[HEAD_FINALIZED] != 0,
    };
    struct block_ref r;
    enum cache_scope scope;

    block_ref_read(&r, f->method, conf->family, flight_params(f));
    if (!keep_question(&q, &r))
        return;
    if (is_skippable(f->method, &r))
        q.finalized_commitment = r.number <= c->heads.of[HEAD_FINALIZED].number;
    scope = cache_rule_judge(&q, result);
    if (scope != CACHE_FOREVER && probe_final_may(&c->final, worker_now_ms(c->worker)) && awaits_finality(&q, result))
        prober_ask_finalized(f->upstream);
    /* What is kept until the next head is for those too who were shown this one. */
    if (scope == CACHE_UNTIL_HEAD && !heads_at_top(f->upstream, (enum head_kind)f->head_kind))
        return;
    if (scope == CACHE_NOT_KEPT)
        return;
    cache_put(c->cache,
              &(struct cache_item){.hash = f->text_hash,
                                   .key = f->key,
                                   .rule = q.rule,
                                   .scope = scope,
                                   .epoch = epoch_of(f->head_epoch, f->write_epoch),
                                   .expires_ms = f->born_ms + head_age_ms(conf)},
              (struct chunk){result, ref});
}
