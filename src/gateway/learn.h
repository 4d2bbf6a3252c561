/* learn.h - what the answers of endpoints say about their chain. */
#ifndef MILLRACE_GATEWAY_LEARN_H
#define MILLRACE_GATEWAY_LEARN_H

#include <stdbool.h>

#include "base/slice.h"
#include "upstream/head.h"

struct flight;
struct upstream;

/* The result that f->upstream gave to f, before anyone is shown it.  false: nobody should be: it says that the chain's
 * head is where it cannot be, or below what those were shown who wait for f. */
bool learn_from(struct flight *f, struct slice payload);

/* u told where its head is. */
void learn_head(struct upstream *u, enum head_kind kind, uint64_t number);
/* u, of an EVM chain, told which block is safe or final.  false: there can be no such block yet.  block: as it came,
 * or its beginning, without transactions in full; n = 0: its hash is not known. */
bool learn_final(struct upstream *u, enum head_kind kind, uint64_t number, struct slice block);

#endif
