#include "gateway/learn.h"

#include "gateway/chain.h"
#include "rpc/block_ref.h"
#include "rpc/flight.h"
#include "rpc/head_read.h"

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

void learn_head(struct upstream *u, enum head_kind kind, uint64_t number)
{
    struct chain *c = u->chain;

    switch (heads_told(u, kind, number, true)) {
    case FRESHNESS_DOUBTED:
        break;
    case FRESHNESS_SET_BACK:
        chain_set_back(c, kind, c->heads.of[kind].number);
        break;
    default:
        chain_note_head(c, kind, number);
        break;
    }
}

static bool head_told(struct flight *f, struct slice payload)
{
    struct chain *c = f->chain;
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
        news = heads_told(f->upstream, kind, number, own);
    else if (!heads_may_be_final(f->upstream, number))
        return true;
    if (news == FRESHNESS_DOUBTED)
        return !own || place == HEAD_CONTEXT || f->by_name;
    if (news == FRESHNESS_SET_BACK)
        chain_set_back(c, kind, c->heads.of[kind].number);
    else if (tells_head(&r, family, place))
        chain_note_head(c, kind, number);
    else
        head_reached(&c->head, kind, number);
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
