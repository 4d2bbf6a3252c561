/* archive.h - which endpoints of a chain lack old blocks: as configured, and as their answers have shown.  By value in
 * its chain.  Pure.
 *
 * Depths count blocks (slots) below the chain's head: what nodes keep moves on with it.  What an endpoint keeps of one
 * kind says little about another: reth's proofs have a window of their own, geth traces further back than it has state
 * (eth/tracers/api.go, reexec), and history goes by itself (EIP-4444).
 *
 * An endpoint that lacks a block is taken to lack half the way up to the head too, unless it has shown otherwise: who
 * reads a chain from its beginning would else be told once a block.  All that is learned is forgotten after a while
 * without another such answer, and soon where it is about the state at a block that nearly all nodes have.  It is a
 * preference: who is said to lack a block is asked when there is nobody else. */
#ifndef MILLRACE_UPSTREAM_ARCHIVE_H
#define MILLRACE_UPSTREAM_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/method.h"

enum archive_kind {
    ARCHIVE_STATE,   /* balances, storage, calls */
    ARCHIVE_TRACE,   /* what runs transactions again */
    ARCHIVE_PROOF,   /* eth_getProof */
    ARCHIVE_HISTORY, /* blocks, receipts and logs */
    ARCHIVE_KINDS
};

enum {
    ARCHIVE_MAX = 64,
    ARCHIVE_FORGET_MS = 600000,
    ARCHIVE_DOUBT_MS = 10000,
    ARCHIVE_STATE_BLOCKS = 128,   /* what a node that is no archive keeps (geth core/blockchain.go: TriesInMemory) */
    ARCHIVE_LEDGER_SLOTS = 432000 /* taken to be kept by a Solana node: an epoch, two days */
};

/* How old it is cannot be told: known by a hash, or the head is not known yet.  Nothing is learned of it. */
#define ARCHIVE_UNKNOWN UINT64_MAX

struct archive {
    unsigned n;
    uint64_t has;                       /* bits of endpoints: those that are configured to have all there is */
    uint64_t shallowest[ARCHIVE_KINDS]; /* nobody lacks what is less deep; ARCHIVE_UNKNOWN: nobody lacks anything */
    struct archive_floor {
        uint64_t always;   /* from this depth on it has nothing, as configured; ARCHIVE_UNKNOWN: not said */
        uint64_t learned;  /* likewise, as its answers say, */
        uint64_t until_ms; /* and until when that is believed */
        uint64_t had;      /* the deepest that it has shown */
    } floors[ARCHIVE_MAX][ARCHIVE_KINDS];
};

void archive_init(struct archive *a, unsigned n);
/* Endpoint i is an archive, or is none. */
void archive_configure(struct archive *a, unsigned i, enum chain_family family, bool has);

/* What a method needs of the block that it names. */
enum archive_kind archive_kind_of(const struct method *m);
const char *archive_kind_name(enum archive_kind kind);

/* Endpoint i said that it lacks a block of that depth; that it has it.  Not for the first block of a chain, which most
 * nodes keep: it says nothing about the others. */
void archive_missed(struct archive *a, unsigned i, enum archive_kind kind, uint64_t depth, uint64_t now_ms);
void archive_had(struct archive *a, unsigned i, enum archive_kind kind, uint64_t depth, uint64_t now_ms);

/* From which depth on endpoint i lacks blocks; ARCHIVE_UNKNOWN: from none that is known. */
uint64_t archive_missing(const struct archive *a, unsigned i, enum archive_kind kind, uint64_t now_ms);

/* Who lacks a block of that depth; of one that is not known, who lacks any.  0: nobody is known to. */
uint64_t archive_lacking_(const struct archive *a, enum archive_kind kind, uint64_t depth, uint64_t now_ms);
static inline uint64_t archive_lacking(const struct archive *a, enum archive_kind kind, uint64_t depth, uint64_t now_ms)
{
    return depth < a->shallowest[kind] ? 0 : archive_lacking_(a, kind, depth, now_ms);
}

#endif
