/* heads.h - which block the endpoints of a chain are at: upstream/freshness, fed with what their answers say.  By value
 * in its chain.
 *
 * On Solana each commitment is a head of its own, as an endpoint's finalized slot says nothing about its processed one.
 * On EVM chains there is one, that of "latest". */
#ifndef MILLRACE_GATEWAY_HEADS_H
#define MILLRACE_GATEWAY_HEADS_H

#include "upstream/freshness.h"
#include "upstream/head.h"

struct chain;
struct upstream;

/* max_lag_blocks, unless configured. */
enum { HEADS_LAG_EVM = 2, HEADS_LAG_SOLANA = 25 };

struct heads {
    struct freshness_conf conf;
    struct freshness of[HEAD_KINDS];
};

void heads_init(struct chain *c);

/* u told a number: its head if exact, else a block that it has. */
enum freshness_news heads_told(struct upstream *u, enum head_kind kind, uint64_t number, bool exact);
/* Of `among`, those that are furthest. */
uint64_t heads_highest(const struct chain *c, uint64_t among);

#endif
