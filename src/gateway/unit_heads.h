/* unit_heads.h - which heads one array asks about, on a Solana chain: each commitment is one.  By value in its unit.
 * The endpoint of its calls should be far enough for all of them, not only for the first. */
#ifndef MILLRACE_GATEWAY_UNIT_HEADS_H
#define MILLRACE_GATEWAY_UNIT_HEADS_H

#include <stdint.h>

#include "upstream/head.h"

struct exchange;
struct message_body;

struct unit_heads {
    uint64_t fit; /* endpoints that are far enough for all; UINT64_MAX: there is none, or nothing to look at */
    unsigned calls[HEAD_KINDS]; /* so many ask about each */
};

/* x's body is b, an array; its chain has several endpoints. */
void unit_heads_read(struct exchange *x, const struct message_body *b);

#endif
