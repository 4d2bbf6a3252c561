#include "gateway/unit_heads.h"

#include "gateway/chain.h"
#include "gateway/session.h"
#include "rpc/block_ref.h"
#include "rpc/message.h"

/* Does q ask about a head, and which?  *slot: that it must have reached, as q says. */
static bool asks(const struct message_request *q, enum head_kind *kind, uint64_t *slot)
{
    const struct method *m;
    struct block_ref r;

    if (q->invalid || q->notification)
        return false;
    m = method_get(CHAIN_SOLANA, slice_of(q->method.raw.p + 1, q->method.raw.n - 2));
    if (m->kind != METHOD_READ || m->class == CLASS_LOCAL)
        return false;
    block_ref_read(&r, m, CHAIN_SOLANA, q->params);
    *kind = heads_kind(&r, CHAIN_SOLANA);
    *slot = r.has_min_slot ? r.min_slot : 0;
    return r.head;
}

void unit_heads_read(struct exchange *x, const struct message_body *b)
{
    const struct freshness_shown *shown = x->session->shown;
    const struct heads *h = &x->chain->heads;
    struct unit_heads *u = &x->unit.heads;
    uint64_t need[HEAD_KINDS] = {0}, slot;
    enum head_kind kind;

    if (x->chain->conf->family != CHAIN_SOLANA)
        return;
    for (size_t i = 0; i < b->n; i++) {
        if (b->requests[i].method.escaped) { /* whatever it is, it may go with any other */
            for (unsigned k = 0; k < HEAD_KINDS; k++)
                u->calls[k] += 2;
            continue;
        }
        if (!asks(&b->requests[i], &kind, &slot))
            continue;
        u->calls[kind]++;
        if (slot > need[kind])
            need[kind] = slot;
    }
    u->fit = UINT64_MAX;
    for (unsigned k = 0; k < HEAD_KINDS; k++) {
        uint64_t seen = shown ? freshness_need(&h->of[k], &shown[x->chain->index * HEAD_KINDS + k]) : 0;

        if (u->calls[k])
            u->fit &= freshness_fit(&h->of[k], need[k] > seen ? need[k] : seen) & ~(h->syncing | h->unreplayed);
    }
    if (!u->fit)
        u->fit = UINT64_MAX;
}
