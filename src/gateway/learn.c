#include "gateway/learn.h"

#include "gateway/chain.h"
#include "rpc/block_ref.h"
#include "rpc/flight.h"
#include "rpc/head_read.h"

/* Which of the heads that clients tell apart was asked for.  A Solana method that takes no commitment tells of the
 * processed slot (agave's getSignatureStatuses). */
static enum head_kind head_kind_of(const struct block_ref *r, enum chain_family family)
{
    if (family == CHAIN_SOLANA)
        return r->commitment == COMMITMENT_FINALIZED   ? HEAD_FINALIZED
               : r->commitment == COMMITMENT_CONFIRMED ? HEAD_SAFE
                                                       : HEAD_LATEST;
    if (r->kind != BLOCK_REF_TAG)
        return HEAD_LATEST;
    return r->tag == TAG_FINALIZED ? HEAD_FINALIZED : r->tag == TAG_SAFE ? HEAD_SAFE : HEAD_LATEST;
}

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

static void head_told(struct flight *f, struct slice payload)
{
    enum head_place place = f->chain->head_places[f->method->slot];
    enum chain_family family = f->chain->conf->family;
    struct block_ref r;
    enum head_kind kind;
    uint64_t number;

    if (place == HEAD_NOWHERE || !head_read(place, payload, &number))
        return;
    block_ref_read(&r, f->method, family, flight_params(f));
    if (r.tag == TAG_PENDING) /* it is not there yet: to be told of it later will be news */
        return;
    kind = head_kind_of(&r, family);
    if (family == CHAIN_SOLANA || kind == HEAD_LATEST)
        heads_told(f->upstream, kind, number, tells_own_head(&r, family, place));
    if (tells_head(&r, family, place))
        chain_note_head(f->chain, kind, number);
    else
        head_reached(&f->chain->head, kind, number);
}

void learn_from(struct flight *f, struct slice payload)
{
    head_told(f, payload);
    f->chain->write_epoch += f->method->kind == METHOD_WRITE;
}
