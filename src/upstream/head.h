/* head.h - how far a chain was announced to anyone who asked through us, and how often that changed.  By value in its
 * chain.  Pure. */
#ifndef MILLRACE_UPSTREAM_HEAD_H
#define MILLRACE_UPSTREAM_HEAD_H

#include <stdbool.h>
#include <stdint.h>

/* The moving heads that clients tell apart: a block that is new to one of them is old for the next.  On Solana these
 * are the commitments processed, confirmed and finalized. */
enum head_kind { HEAD_LATEST, HEAD_SAFE, HEAD_FINALIZED, HEAD_KINDS };

/* A number so far below the known one is a chain that was set back (a test node), not a node that lags. */
enum { HEAD_ROLLBACK = 1024 };

struct head {
    uint64_t number[HEAD_KINDS]; /* the highest seen; 0: none */
    uint64_t epoch;              /* counts each time that one of them moved */
};

/* true: this moved it. */
static inline bool head_note(struct head *h, enum head_kind kind, uint64_t number)
{
    uint64_t known = h->number[kind];

    if (number <= known && number + HEAD_ROLLBACK >= known)
        return false;
    h->number[kind] = number;
    h->epoch++;
    return true;
}

/* A block of that number is there, be it an old one. */
static inline bool head_reached(struct head *h, enum head_kind kind, uint64_t number)
{
    return number > h->number[kind] && head_note(h, kind, number);
}

#endif
