/* broadcast_verdict.h - what a node's refusal of a transaction means, by chain family, message and code: rows of
 * broadcast_verdict.def.  Pure; static data. */
#ifndef MILLRACE_RPC_BROADCAST_VERDICT_H
#define MILLRACE_RPC_BROADCAST_VERDICT_H

#include "rpc/error_object.h"
#include "rpc/method.h"

/* The order is that of what a client learns from it when every leg refuses: the first of these is shown. */
enum broadcast_verdict {
    BROADCAST_ALREADY_KNOWN,   /* the node has this very transaction: as good as an acceptance */
    BROADCAST_NONCE_TOO_LOW,   /* mined already, or another one with its nonce: a look-up by hash tells */
    BROADCAST_REFUSED_FINAL,   /* the transaction itself: every honest node says so */
    BROADCAST_STALE_BLOCKHASH, /* Solana: the block that it names is not known to this node, perhaps not yet */
    BROADCAST_REFUSED_OTHER,   /* no known text or code */
    BROADCAST_REFUSED_NODE,    /* the node: full, syncing, does not know the method */
    BROADCAST_NODE_BEHIND,     /* Solana: the node says so itself */
    BROADCAST_RATE_LIMITED,
    BROADCAST_VERDICTS
};

enum broadcast_verdict broadcast_judge(enum chain_family family, const struct error_object *e);

#endif
