/* replay.h - is a Solana endpoint's replay behind what it receives?  Such a node goes on to say "ok" (getHealth
 * compares it with what it knows of others), while its answers grow old: the highest slot that it has shreds of
 * (getMaxShredInsertSlot) is then far above the one that it has processed (getSlot).  The shreds are asked for first:
 * what it processes meanwhile is to its credit.
 *
 * It is asked now and then, one that is behind more often; who does not answer with a slot is asked ever more seldom,
 * and nothing is held against it.  By value in its endpoint.  Pure: the caller passes the time, asks, and tells what
 * came. */
#ifndef MILLRACE_UPSTREAM_REPLAY_H
#define MILLRACE_UPSTREAM_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REPLAY_BEHIND_MAX = 100,   /* slots, unless configured: eRPC's bound for getMaxShredInsertSlot - getSlot */
    REPLAY_MS = 30000,         /* between two questions */
    REPLAY_LATE_MS = 1000,     /* to one that is behind */
    REPLAY_REFUSED_MS = 60000, /* after an answer that is no slot; then it doubles */
    REPLAY_REFUSED_MAX_MS = 3600000,
    REPLAY_FORGET_MS = 60000 /* what it said so long ago counts no more when it does not answer */
};

struct replay {
    uint64_t at_ms;   /* it is due to be asked; UINT64_MAX: it is under way */
    uint64_t told_ms; /* when both were told last; 0: never, or what was told is forgotten */
    uint64_t shreds, slot, behind;
    unsigned refusals; /* in a row */
    bool late;
    uint64_t late_ms; /* since when; 0: it is not */
};

enum replay_news { REPLAY_SAME, REPLAY_LATE, REPLAY_CAUGHT_UP };

void replay_init(struct replay *r, uint64_t first_ms);
void replay_asked(struct replay *r);
/* The first answer: the highest slot with shreds.  The processed slot is asked for next. */
void replay_shreds(struct replay *r, uint64_t slot);
/* The second one.  max: so many slots behind are nothing. */
enum replay_news replay_slot(struct replay *r, uint64_t slot, uint64_t max, uint64_t now_ms);
/* What came instead is no slot. */
enum replay_news replay_refused(struct replay *r, uint64_t now_ms);
/* Nothing came. */
enum replay_news replay_unheard(struct replay *r, uint64_t now_ms);

#endif
