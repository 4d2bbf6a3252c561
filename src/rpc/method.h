/* method.h - what is known of a JSON-RPC method: rows of methods.def.  Static data; nothing to free.
 * Names are case-sensitive, as on geth and agave. */
#ifndef MILLRACE_RPC_METHOD_H
#define MILLRACE_RPC_METHOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum chain_family { CHAIN_EVM, CHAIN_SOLANA };

/* What a method asks.  The order counts: reads first. */
enum method_class {
    CLASS_STATIC,       /* the same for ever on one chain */
    CLASS_PURE,         /* depends on its params alone */
    CLASS_HEAD,         /* about the head, or about a bank that moves at every commitment */
    CLASS_STATE,        /* about the state at a block */
    CLASS_BY_NUMBER,    /* a block, or a part of it, by number or tag */
    CLASS_BY_HASH,      /* the same by the block's hash */
    CLASS_BY_TX,        /* a transaction by hash or signature: null until it is in a block */
    CLASS_RANGE,        /* blocks from .. to */
    CLASS_SLOT,         /* a Solana block by slot */
    CLASS_EPOCH,        /* about an epoch that the configuration object names, else about the last one */
    CLASS_LOCAL,        /* about one node: each gives its own answer */
    CLASS_FILTER,       /* makes, polls or drops state on one node */
    CLASS_SUBSCRIPTION, /* push: needs a connection that outlives the call */
    CLASS_BROADCAST,    /* a signed transaction: the same bytes land once, wherever they go */
    CLASS_WRITE,        /* changes something each time, or is private: one endpoint, once */
    CLASS_SIGN,         /* acts with the node's own keys */
    CLASS_ADMIN,        /* governs the node, or a test chain */
    CLASS_UNKNOWN       /* no row, or the rest of a name space that is not denied */
};

/* May a method be sent twice? */
enum method_kind {
    METHOD_READ,   /* asks, changes nothing: also when it is unclear whether an endpoint saw it */
    METHOD_FILTER, /* a second eth_getFilterChanges loses events (geth eth/filters/api.go) */
    METHOD_WRITE,  /* a transaction, bundle, mint or command */
    METHOD_UNKNOWN
};

/* When an answer without error that is neither null nor empty may be kept. */
enum cache_rule {
    CACHE_NEVER,
    CACHE_STATIC,    /* for ever */
    CACHE_BY_HASH,   /* for ever: the reference is a block's hash */
    CACHE_BY_NUMBER, /* the reference is a number at or below the finalized block, or a block's hash */
    CACHE_BY_TX,     /* the block named in the answer is at or below the finalized one */
    CACHE_RANGE,     /* both ends are numbers at or below the finalized block, or the range is one block's hash */
    CACHE_SLOT,      /* commitment finalized, and a slot at or below the finalized one */
    CACHE_SETTLED,   /* commitment finalized: what the params name cannot change any more */
    CACHE_HEAD       /* only until the next head */
};

enum method_sticky { STICKY_NONE, STICKY_CREATE, STICKY_USE, STICKY_POLL };

enum { METHOD_REF_NO = -1, METHOD_REF_ANY = -2 };

struct method {
    const char *name; /* "other" for the row of unknown methods; "admin_*" and such for the rest of a name space */
    enum method_class class;
    enum method_kind kind;
    unsigned slot; /* 0..method_slots()-1, dense, for tables by method; slot 0 is "other" */
    bool wild;     /* the row stands for many names: "other", "admin_*", "*Subscribe" */
    int8_t ref;    /* index in params of the block reference or of the object that holds it; METHOD_REF_* */
    bool coalesce, hedge, retry, heavy;
    bool denied; /* unless the configuration allows it */
    enum cache_rule cache;
    enum method_sticky sticky;
    uint32_t units;
};

/* Never NULL.  A row of its own wins over the row of the name space. */
const struct method *method_get(enum chain_family family, struct slice name);
const struct method *method_at(unsigned slot);
unsigned method_slots(void);

/* May this method be sent again when an endpoint may have seen it already? */
static inline bool method_may_repeat(const struct method *m)
{
    return m->kind == METHOD_READ;
}

/* May a configuration turn on sharing, hedging and retrying where the table does not?  Known reads; and unknown
 * methods, when they are named in full. */
static inline bool method_may_loosen(const struct method *m, bool named_in_full)
{
    return m->kind == METHOD_READ || (m->kind == METHOD_UNKNOWN && named_in_full);
}

#endif
