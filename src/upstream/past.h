/* past.h - has an EVM chain still the past that was told of it?  What lies at or below the finalized block is kept for
 * good, and on a real network that is right.  A test node that is reset, reverted or begun anew breaks its word, often
 * by less than what looks like another chain (HEAD_ROLLBACK), and soon it has as many blocks as before.
 *
 * What tells: an endpoint's head is below one that it told before, or below the finalized block; a block of the head's
 * number, or of the finalized one's, has another hash.  All of that happens on real networks too (a balancer's nodes, a
 * reorganisation of the newest blocks), so it is a doubt, and no more: then an endpoint is asked for the block that was
 * final, by its number.  The hash that it had settles it, as a block's hash says all of its past.  Doubts that come to
 * nothing are looked into ever more seldom.
 *
 * By value in its chain; zeroed.  Pure: the caller passes the time. */
#ifndef MILLRACE_UPSTREAM_PAST_H
#define MILLRACE_UPSTREAM_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    PAST_HASH = 64, /* hex digits */
    PAST_GAP_MS = 1000,
    PAST_GAP_MAX_MS = 60000,
    PAST_PARAMS_CAP = 40
};

struct past_block {
    uint64_t number;
    bool known;
    char hash[PAST_HASH];
};

struct past {
    struct past_block final; /* the newest that was told to be */
    struct past_block head;  /* the newest of all */
    bool doubted, asking;
    unsigned in_vain; /* doubts in a row that came to nothing */
    uint64_t asked;   /* the number of the question under way */
    uint64_t next_ms; /* no sooner than this is it asked again */
};

/* `block` is a block object, as it came, and says that it has this number; or its beginning, without transactions in
 * full, which have hashes too.  Is there a doubt? */
bool past_final(struct past *p, uint64_t number, struct slice block);
/* The same of the head. */
bool past_head(struct past *p, uint64_t number, struct slice block);

/* There is a doubt.  false: nothing is known that could settle it. */
bool past_doubt(struct past *p);

static inline bool past_is_due(const struct past *p, uint64_t now_ms)
{
    return p->doubted && !p->asking && now_ms >= p->next_ms;
}

/* Is nothing that was told to be trusted?  While it is asked; and when the last doubt was right, until it can be. */
static inline bool past_is_open(const struct past *p)
{
    return p->asking || (p->doubted && !p->in_vain);
}

/* The params of the question: eth_getBlockByNumber. */
struct slice past_ask(struct past *p, char params[PAST_PARAMS_CAP]);

enum past_news {
    PAST_SAME,
    PAST_OTHER,
    PAST_NONE,  /* the endpoint has no such block */
    PAST_UNTOLD /* it did not say: the doubt is still there */
};
enum past_news past_answered(struct past *p, bool is_error, struct slice payload, uint64_t now_ms);
void past_failed(struct past *p, uint64_t now_ms);

void past_forget(struct past *p); /* all that was told: a question under way settles nothing any more */

#endif
