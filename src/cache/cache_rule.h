/* cache_rule.h - may this answer be kept, and for how long?  Pure; owns nothing; knows questions only by their block.
 *
 * Kept for ever is what no honest node will ever answer differently: constants of the chain, what is named by a block's
 * hash, and what lies at or below the finalized block.  Kept until the head moves is, where the chain wants it, what is
 * asked of the newest block.  Never kept: what comes empty (null, "", "0x", "0x0", [], {}: a node that is behind says
 * so of things that are there), what names the pending block (it changes between two heads), and whatever is not
 * clear.  Errors never get here.
 *
 * Sources: ethereum/execution-apis (block tags, EIP-1898); eRPC's finality buckets and its list of empty answers;
 * Solana: agave rpc/src/rpc.rs, solana.com/docs/rpc/http (commitments and their default). */
#ifndef MILLRACE_CACHE_CACHE_RULE_H
#define MILLRACE_CACHE_CACHE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* What is known of a method. */
#define CACHE_RULES(ROW)                                                                                               \
    ROW(NEVER, "never")                                                                                                \
    ROW(STATIC, "static")     /* eth_chainId, net_version, web3_sha3, getGenesisHash */                                \
    ROW(BY_HASH, "hash")      /* of a block named by its hash */                                                       \
    ROW(BY_NUMBER, "number")  /* of a block, or of the state after it, named by number, hash or tag */                 \
    ROW(BY_TX, "transaction") /* of a transaction: the answer says in which block it is */                             \
    ROW(RANGE, "range")       /* of blocks from..to, or of one named by its hash */                                    \
    ROW(SLOT, "slot")         /* Solana at commitment finalized: fixed once it is there */                             \
    ROW(SETTLED, "settled")   /* the same; an array (getInflationReward) only of an epoch that is named */             \
    ROW(HEAD, "head")         /* moves with the head */

#define CACHE_RULE_ENUM(name, text) CACHE_RULE_##name,
enum cache_rule_kind { CACHE_RULES(CACHE_RULE_ENUM) CACHE_RULE_COUNT };
#undef CACHE_RULE_ENUM

/* What the params say of the block. */
enum cache_ref {
    CACHE_REF_NONE,    /* the method has no such param */
    CACHE_REF_MISSING, /* left out: the newest block, or what the node takes for it */
    CACHE_REF_TAG,     /* a tag that moves with the head at most: latest, safe, finalized, earliest */
    CACHE_REF_PENDING, /* "pending" */
    CACHE_REF_NUMBER,
    CACHE_REF_HASH,  /* a block hash.  With requireCanonical (EIP-1898) the answer can change: that is unclear */
    CACHE_REF_RANGE, /* two numbers; when only one of them is a tag or left out: tag or missing */
    CACHE_REF_SLOT,
    CACHE_REF_UNCLEAR
};

struct cache_question {
    enum cache_rule_kind rule;
    enum cache_ref ref;
    uint64_t number;           /* of the block, slot or epoch; of the first block of a range */
    uint64_t to_number;        /* of the last block of a range */
    bool finalized_commitment; /* Solana: said so, by default, or for want of such a param */
    bool finalized_known;      /* else `finalized` is not looked at, and nothing is kept for its sake */
    bool head_wanted;          /* the chain keeps answers until its head moves */
    uint64_t finalized;        /* the newest block that is known to be final */
};

enum cache_scope {
    CACHE_NOT_KEPT,
    CACHE_FOREVER,
    CACHE_UNTIL_HEAD /* until the head moves, or until an age that the caller sets */
};

/* What the answer could become at best, before it is there.  CACHE_NOT_KEPT: there is no need to look it up either. */
enum cache_scope cache_rule_scope(const struct cache_question *q);

/* The usual case, told apart at little cost: asked of the newest block, where answers of that are not kept. */
static inline bool cache_rule_moves(const struct cache_question *q)
{
    return !q->head_wanted && (q->ref == CACHE_REF_TAG || q->ref == CACHE_REF_MISSING) &&
           (q->rule == CACHE_RULE_BY_NUMBER || q->rule == CACHE_RULE_RANGE || q->rule == CACHE_RULE_HEAD);
}

/* The same for an answer: `result` is one JSON value, as it came.  At most 64 KiB of it are read. */
enum cache_scope cache_rule_judge(const struct cache_question *q, struct slice result);

const char *cache_rule_name(enum cache_rule_kind rule); /* static text, one word */

#endif
