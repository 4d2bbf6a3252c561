/* block_ref.h - which block, range, slot or commitment a call asks about, read from its params.  By value; the hash
 * borrows from params.  Pure.
 *
 * Whatever is not plainly one of the known forms is UNCLEAR: it counts as asking about the moving head, and its answer
 * is never kept.  That goes for what servers read in different ways: doubled members, names in another case (Go folds
 * them), escapes, numbers with leading zeros, params by name.
 * Sources: EIP-1898; execution-apis schemas/block.yaml; geth rpc/types.go (UnmarshalJSON of BlockNumber and
 * BlockNumberOrHash), eth/filters/api.go (FilterCriteria); agave rpc-client-api/src/config.rs. */
#ifndef MILLRACE_RPC_BLOCK_REF_H
#define MILLRACE_RPC_BLOCK_REF_H

#include "rpc/method.h"

enum block_ref_kind {
    BLOCK_REF_NONE,    /* the method names no block */
    BLOCK_REF_MISSING, /* it could, and does not: latest on EVM, commitment finalized on Solana */
    BLOCK_REF_TAG,     /* EVM: tag; Solana: commitment */
    BLOCK_REF_NUMBER,
    BLOCK_REF_HASH,
    BLOCK_REF_RANGE, /* from or from_tag, number or tag */
    BLOCK_REF_SLOT,
    BLOCK_REF_EPOCH, /* number counts epochs */
    BLOCK_REF_UNCLEAR
};

enum block_tag { TAG_NONE, TAG_ABSENT, TAG_EARLIEST, TAG_FINALIZED, TAG_SAFE, TAG_LATEST, TAG_PENDING };

enum commitment { COMMITMENT_NONE, COMMITMENT_PROCESSED, COMMITMENT_CONFIRMED, COMMITMENT_FINALIZED };

struct block_ref {
    enum block_ref_kind kind;
    bool head;                  /* the answer moves with the head, whatever the numbers */
    enum block_tag tag;         /* TAG; RANGE: of its end, TAG_NONE when that is `number` */
    enum block_tag from_tag;    /* RANGE: of its beginning, TAG_NONE when that is `from` */
    uint64_t number;            /* NUMBER, SLOT, EPOCH; RANGE: its end */
    uint64_t from;              /* RANGE */
    struct slice hash;          /* HASH: "0x" and 64 digits, as they stand in params */
    enum commitment commitment; /* Solana, where the method takes one: an absent one is finalized */
    bool has_min_slot;          /* minContextSlot is given */
    uint64_t min_slot;
};

/* params: the bytes of an array or object that is valid JSON; n = 0: absent. */
void block_ref_read(struct block_ref *out, const struct method *m, enum chain_family family, struct slice params);

/* The commonest forms of an EVM question about the newest block, told in few steps.  false says nothing. */
bool block_ref_says_latest(const struct method *m, struct slice params);

/* Does the answer depend on where the head is, now that it is known to be at `head` (0: not known)? */
static inline bool block_ref_is_head(const struct block_ref *r, uint64_t head)
{
    return r->head || ((r->kind == BLOCK_REF_NUMBER || r->kind == BLOCK_REF_SLOT) && r->number > head) ||
           (r->kind == BLOCK_REF_RANGE && (r->number > head || r->from > head));
}

#endif
