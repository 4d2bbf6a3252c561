/* raw_tx.h - the name that a signed transaction has on its chain, from its bytes alone: the hash on EVM chains, the
 * first signature on Solana.  By value; nothing to free.  Pure; allocates nothing. What is not surely known is unknown:
 * an answer may be made up from it, so it is never a guess. */
#ifndef MILLRACE_RPC_RAW_TX_H
#define MILLRACE_RPC_RAW_TX_H

#include <stdbool.h>

#include "rpc/method.h"

enum {
    RAW_TX_MAX_BYTES = 262144, /* of an EVM transaction; geth's pools take 131072 (core/txpool/legacypool txMaxSize) */
    RAW_TX_ID_CAP = 96,        /* 88 base58 digits of a signature, what the encoder needs beside them, two quotes */
};

struct raw_tx_id {
    size_t n;                 /* 0: unknown */
    char json[RAW_TX_ID_CAP]; /* with its quotes, as a node answers it */
};

/* From the params of eth_sendRawTransaction, or of Solana's sendTransaction. False: unknown.
 * EVM: ["0x..."] and nothing else; legacy, or of type 1, 2, 3 or 4 (EIP-2930, 1559, 4844, 7702), whose hash is the
 * Keccak-256 of exactly these bytes.  A type-3 transaction with its sidecar is not: its hash leaves the blobs out
 * (EIP-4844 "Networking").  Other types define their own hash (EIP-2718), so they are unknown.
 * Solana: ["<base58>"] or ["<text>", {"encoding": "base58" or "base64"}]. */
bool raw_tx_read(struct raw_tx_id *id, enum chain_family family, struct slice params);

/* Does this JSON value - the result of sending, or the hash of a transaction that was looked up - name `id`?
 * Hex is compared without case, base58 with. False for an unknown id. */
bool raw_tx_same(const struct raw_tx_id *id, enum chain_family family, struct slice value);

/* Does this JSON value have the form of such a name at all: "0x" and 64 hex digits; 64 bytes in base58. */
bool raw_tx_is_id(enum chain_family family, struct slice value);

static inline struct slice raw_tx_json(const struct raw_tx_id *id)
{
    return slice_of(id->json, id->n);
}

/* Without the quotes: for the params of a look-up. */
static inline struct slice raw_tx_text(const struct raw_tx_id *id)
{
    return id->n ? slice_of(id->json + 1, id->n - 2) : slice_of(NULL, 0);
}

#endif
