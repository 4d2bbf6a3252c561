/* heads.h - which block the endpoints of a chain are at (upstream/freshness, fed with what their answers say), what
 * each client was shown of that, and so who may be asked what.  By value in its chain.
 *
 * On Solana each commitment is a head of its own, as an endpoint's finalized slot says nothing about its processed one.
 * On EVM chains there is one, that of "latest".
 *
 * What depends on the head goes to endpoints that are near the chain's head (max_lag_blocks), and at or above what the
 * client's connection was shown; what names a block, to those that have it; where there is none, to the highest. */
#ifndef MILLRACE_GATEWAY_HEADS_H
#define MILLRACE_GATEWAY_HEADS_H

#include "base/slice.h"
#include "gateway/watch.h"
#include "rpc/flight.h"
#include "upstream/freshness.h"
#include "upstream/head.h"

struct block_ref;
struct chain;
struct session;
struct upstream;

/* max_lag_blocks, unless configured. */
enum { HEADS_LAG_EVM = 2, HEADS_LAG_SOLANA = 25 };

struct heads {
    struct freshness_conf conf;
    unsigned char *asks; /* by method slot: what must be known of its calls; 0: nothing */
    struct freshness of[HEAD_KINDS];
    uint64_t late;       /* bits of endpoints behind by more than is allowed, as it was logged */
    uint64_t syncing;    /* those that say themselves that they are behind */
    uint64_t unreplayed; /* those that receive more than they replay */
    uint64_t max_shred_lag;
    struct watching watching;
    uint64_t doubts; /* and of those whose head is not believed */
};

void heads_init(struct chain *c);
void heads_deinit(struct chain *c);

/* Which of the heads that clients tell apart is meant. */
enum head_kind heads_kind(const struct block_ref *r, enum chain_family family);

/* -- before a call is asked: f->fresh and f->need, from its question and what s was shown */

void heads_ask(const struct session *s, struct flight *f);

/* Endpoints that are fresh enough for f; and those that are best where none of them can be had. */
uint64_t heads_fit_(const struct flight *f);
uint64_t heads_best(const struct flight *f, uint64_t among);
static inline uint64_t heads_fit(const struct flight *f)
{
    return f->fresh == FLIGHT_ANY ? UINT64_MAX : heads_fit_(f);
}
/* Who waits for f is about to be told of that number: it must be answered with no less. */
void heads_raise(struct flight *f, uint64_t number);
/* Is it a step back to answer f with this number for the head? */
bool heads_below_need(const struct flight *f, uint64_t number);
/* May f's caller wait for lead, which asks the same?  Then lead needs what both need. */
bool heads_may_join(struct flight *lead, const struct flight *f);

/* -- what answers say */

/* u told a number: its head if exact, else a block that it has. */
enum freshness_news heads_told(struct upstream *u, enum head_kind kind, uint64_t number, bool exact);
/* EVM: u says that this block is final, or safe.  false: there can be no such block yet, so that this is not learned:
 * what is asked of blocks below it would be kept for good. */
bool heads_may_be_final(const struct upstream *u, uint64_t number);
/* s gets an answer that tells of a block of that number. */
void heads_show(struct session *s, const struct chain *c, enum head_kind kind, uint64_t number);
/* s is about to get an answer about the head that was kept.  false: it would be a step back. */
bool heads_show_kept(struct session *s, const struct flight *f, struct slice result);
/* The chain may have another past from now on: what is known is of no use. */
void heads_forget(struct chain *c);

/* u says that it syncs, or that it does no more. */
void heads_say_syncing(const struct upstream *u, bool is);
/* What u replays is behind what it receives, or is no more. */
void heads_replays(const struct upstream *u, enum replay_news news);

/* Of `among`, those that are furthest. */
uint64_t heads_highest(const struct chain *c, uint64_t among);
/* Is u at the head, as far as is known? */
bool heads_at_top(const struct upstream *u, enum head_kind kind);

#endif
