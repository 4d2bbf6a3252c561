/* sim_ask.h - the questions of the simulation and the one right answer to each.  Pure but for chance.
 *
 * An answer's bytes follow from the question (chain, method, params), the head of the endpoint at the moment it got the
 * question, and a serial number of the upstream request, all of which can be read back from the answer.  So a client
 * can tell whether the bytes it got are those of its own question, unharmed, and which upstream request brought them.
 */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include "base/buf.h"
#include "sim_world.h"

#define SIM_GENESIS_HASH                                                                                               \
    "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d" /* of the Solana chain; the EVM chain has id 1 */

enum ask_kind {
    ASK_READ,      /* may be shared, cached, repeated */
    ASK_HEAD,      /* eth_blockNumber, getSlot: the answer is the head */
    ASK_CHAIN_ID,  /* eth_chainId, getGenesisHash: the answer is the chain's name; the gateway asks it too */
    ASK_FILTER,    /* makes a filter: never shared, never repeated */
    ASK_POLL,      /* of a filter: likewise, and only where that is */
    ASK_WRITE,     /* a transaction: as above, and never twice to one endpoint */
    ASK_LOOKUP,    /* of a transaction by its hash: no client asks, the gateway does */
    ASK_FINALIZED, /* the finalized block, or the one that was: no client asks, the gateway does */
    ASK_SYNC,      /* does the node sync: no client asks, the gateway does */
    ASK_SHREDS,    /* the highest slot with shreds: no client asks, the gateway does */
    ASK_UNKNOWN,   /* never shared, never repeated */
};

/* What a node says of a transaction that it gets. */
enum ask_news { ASK_NEW, ASK_KNOWN, ASK_NONCE };

/* May calls of this kind share an upstream request? */
static inline bool ask_shareable(enum ask_kind k)
{
    return k <= ASK_CHAIN_ID;
}

struct ask {
    enum ask_kind kind;
    bool of_head;             /* the answer depends on the chain's head */
    enum head_kind head_kind; /* which one of them */
    bool of_pending;          /* and on transactions that are in no block yet */
    bool heavy;               /* a large answer */
    bool old;                 /* about the state at an old block */
    bool by_tx;               /* looks a transaction up */
    const char *method;       /* of a client's */
    bool lone;                /* nobody else asks the same */
    uint64_t write;           /* with ASK_WRITE: its number */
    bool named;          /* with ASK_WRITE on EVM chains: it has the form of a transaction, so its hash can be told */
    uint8_t sum[32];     /* with ASK_WRITE on EVM chains: the transaction's Keccak-256, which is the answer; with
                            ASK_LOOKUP: what is looked up */
    enum ask_news news;  /* with ASK_WRITE, at a node: what it says of the transaction */
    bool found;          /* with ASK_LOOKUP, at a node */
    uint64_t block;      /* with ASK_FINALIZED: the one that was; 0: the one that is */
    unsigned given;      /* with ASK_POLL, of a client: the number of the filter's name, and 1; 0: nobody's */
    unsigned node, own;  /* with ASK_FILTER and ASK_POLL, at a node: which one, and its own id of the filter */
    bool gone;           /* with ASK_POLL, at a node: there is no such filter */
    unsigned unreplayed; /* with ASK_SHREDS, at a node: so many slots that it received and did not replay */
    bool foreign;        /* with ASK_CHAIN_ID, at a node: it is on another chain */
    uint64_t hash;
};

/* Draws a question for the chain and appends `"method":...` and perhaps `,"params":...` to b. */
void ask_draw(struct world *w, struct sim_chain *c, struct ask *a, struct buf *b);
const char *ask_plain_name(const struct sim_chain *c); /* the method of what is drawn next */
void ask_draw_plain(struct world *w, struct sim_chain *c, struct ask *a, struct buf *b); /* a read, to one endpoint */
/* What the gateway asks an endpoint: method decoded, params as they stand (n = 0: none). */
void ask_parse(const struct sim_chain *c, struct slice method, struct slice params, struct ask *a);

/* Appends `"result":...` or `"error":...`. */
void ask_answer(const struct sim_chain *c, const struct ask *a, uint64_t head, uint64_t serial, struct buf *b);
/* Is payload the right answer?  Then *head and *serial are what it was made of; serial is UINT64_MAX where the answer
 * does not tell (ASK_HEAD, ASK_CHAIN_ID, ASK_WRITE), head is 0 likewise. */
bool ask_check(const struct sim_chain *c, const struct ask *a, bool is_error, struct slice payload, uint64_t *head,
               uint64_t *serial);

/* Is payload what ask_answer makes of these? */
bool ask_is_answer(const struct sim_chain *c, const struct ask *a, uint64_t head, uint64_t serial, bool is_error,
                   struct slice payload);

/* The node's own id of a filter, in params; 0: none. */
unsigned ask_own_id(struct slice params);

/* Do these params name the old block that some questions are about? */
bool ask_names_old(struct slice params);

/* The number of the transaction whose bytes begin at or after p; UINT64_MAX: none.  *at: where to look on. */
uint64_t ask_find_write(struct slice s, size_t *at);

/* The next number in s behind *at; false: there is none. */
bool ask_digits(struct slice s, size_t *at, uint64_t *out);

#endif
