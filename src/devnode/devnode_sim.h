/* devnode_sim.h - what the parts of the simulated chain share: its state, one call under way, and writing answers.
 * Private to devnode/. */
#ifndef MILLRACE_DEVNODE_SIM_H
#define MILLRACE_DEVNODE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "devnode/devnode_chain.h"
#include "devnode/devnode_mix.h"
#include "json/jtok.h"

/* Name spaces of identities: added to the chain's key. */
enum sim_space {
    SIM_BLOCK = 1,
    SIM_TX,
    SIM_ACCOUNT,
    SIM_CONTRACT,
    SIM_STATE,
    SIM_ROOT,
    SIM_CODE,
    SIM_VALUE,
    SIM_VALIDATOR,
    SIM_SENT
};

enum { SIM_ARGS = 4, SIM_FILTERS = 256, SIM_SENT_MAX = 1024, SIM_ID_MAX = 64 };

/* A transaction that was sent to this node. */
struct sim_sent {
    uint8_t id[SIM_ID_MAX]; /* hash or signature, zero-padded */
    uint64_t head;          /* when it arrived: it is in the block after */
};

struct sim_filter {
    uint64_t id[2]; /* both 0: free */
    bool blocks;    /* a block filter; else logs */
    char *criteria; /* of a log filter: its JSON; owned */
    uint64_t seen;  /* the last block that was reported */
    uint64_t used_ms;
};

struct devnode_chain {
    bool solana;
    uint64_t chain_id, key, random;
    uint64_t genesis_ms, block_time_ms, head_lag, shred_lag, keep_state, keep_history;
    char *pad; /* filler for results of a given size, pad_n bytes of hex digits (which are base64 digits too) */
    size_t pad_n;
    struct sim_filter filter[SIM_FILTERS];
    struct sim_sent sent[SIM_SENT_MAX];
    unsigned sent_n, sent_next;
};

/* One call. */
struct sim_call {
    struct devnode_chain *c;
    uint64_t now_ms, head;
    struct slice params;
    struct jval arg[SIM_ARGS];
    unsigned args;
    struct buf *out;
    int r;       /* the first failure of a write; later writes do nothing */
    size_t mark; /* where this answer begins in out */
};

struct sim_method {
    struct slice name;
    void (*answer)(struct sim_call *k); /* appends the result's JSON, or sim_error */
    unsigned need;                      /* arguments it cannot do without */
};

#define SIM_METHOD(name_, answer_, need_)                                                                              \
    {                                                                                                                  \
        {(name_), sizeof(name_) - 1}, (answer_), (need_)                                                               \
    }
#define SIM_METHODS_END                                                                                                \
    {                                                                                                                  \
        {NULL, 0}, NULL, 0                                                                                             \
    }

/* The method tables, ended by a row without answer. */
extern const struct sim_method sim_evm_methods[], sim_evm_block_methods[], sim_evm_filter_methods[];
extern const struct sim_method sim_solana_methods[], sim_solana_account_methods[], sim_solana_tx_methods[];

static inline uint64_t sim_key(const struct devnode_chain *c, enum sim_space space)
{
    return c->key + (uint64_t)space * 0x9e3779b97f4a7c15u;
}

/* Of `keep` blocks up to the head (0: of all), is n one? */
static inline bool sim_keeps(const struct sim_call *k, uint64_t keep, uint64_t n)
{
    return !keep || n + keep > k->head;
}

/* Replaces whatever the call has written by an error; data: JSON, or NULL. */
void sim_error(struct sim_call *k, int code, const char *data, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void sim_bytes(struct sim_call *k, const char *p, size_t n);
void sim_slice(struct sim_call *k, struct slice s);
void sim_printf(struct sim_call *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_u64(struct sim_call *k, uint64_t v);
/* These write the quotes too. */
void sim_quantity(struct sim_call *k, uint64_t v); /* "0x1b4" */
void sim_hex(struct sim_call *k, const uint8_t *p, size_t n);
void sim_base58(struct sim_call *k, const uint8_t *p, size_t n);
void sim_base64(struct sim_call *k, const uint8_t *p, size_t n);
void sim_hex_id(struct sim_call *k, enum sim_space space, uint64_t number, size_t n);
void sim_base58_id(struct sim_call *k, enum sim_space space, uint64_t number, size_t n);

/* Between the elements of a list. */
static inline void sim_comma(struct sim_call *k, bool first)
{
    if (!first)
        sim_bytes(k, ",", 1);
}

#define sim_text(k, lit) sim_bytes(k, lit, sizeof(lit) - 1)

/* The text of a string argument without its quotes; p = NULL when it is no plain string. */
struct slice sim_string(const struct jval *v);
/* The member `name` of an object; false when v is no object or has none. */
bool sim_member(const struct jval *v, const char *name, struct jval *out);
bool sim_number(const struct jval *v, uint64_t *out); /* a JSON integer >= 0 */

/* 0x quantity without leading zeros beyond "0x0", at most 64 bits. */
bool sim_quantity_parse(struct slice text, uint64_t *out);

/* Remembers; false when it was there already (then *head is its). */
bool sim_sent_add(struct devnode_chain *c, const uint8_t *id, size_t n, uint64_t head);
const struct sim_sent *sim_sent_find(const struct devnode_chain *c, const uint8_t *id, size_t n);

/* EVM parts that others use. */
struct sim_block_range {
    uint64_t from, to;
};
bool sim_evm_block_number(struct sim_call *k, const struct jval *v, uint64_t *out); /* tag, number; else false+error */
void sim_evm_logs(struct sim_call *k, const struct jval *criteria, const struct sim_block_range *only);

/* Solana parts that others use. */
enum sim_commitment { SIM_PROCESSED, SIM_CONFIRMED, SIM_FINALIZED };
bool sim_solana_context(struct sim_call *k, unsigned config_arg, uint64_t *slot); /* false: an error was written */
void sim_solana_open_context(struct sim_call *k, uint64_t slot);                  /* {"context":{...},"value": */
bool sim_solana_config(const struct sim_call *k, unsigned config_arg, const char *name, struct jval *out);
enum sim_commitment sim_solana_commitment(struct sim_call *k, unsigned config_arg);
uint64_t sim_solana_slot(const struct sim_call *k, enum sim_commitment c);
bool sim_solana_skipped(uint64_t slot);
uint64_t sim_solana_height(uint64_t slot);
uint64_t sim_solana_time(const struct sim_call *k, uint64_t slot);                 /* unix seconds */
bool sim_solana_pubkey(struct sim_call *k, const struct jval *v, uint8_t out[32]); /* else false+error */

#endif
