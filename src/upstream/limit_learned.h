/* limit_learned.h - how much of the configured rate an endpoint really takes, learned from what it refuses.  By value
 * in its limiter; pure.
 *
 * A refusal lowers the share: towards what was accepted in the last second, and at least by 1/8, or by 1/16 when it
 * comes near the share that was refused last time: then that is the limit, and the share climbs back to it slowly, each
 * time at half the pace (32 s .. 256 s), so that hardly any call is spent on finding it again.  Above that the limit
 * has moved, or was something else: the share climbs by 1/64 of the configured rate a second.  It climbs only while
 * calls wait for it, or when nothing was refused for five minutes.
 *
 * When lowering it eight times in a row helped nothing - few calls were refused, but each
 * before the share had climbed back by half -
 * the rate was not the reason: the share is what it was before, and for a minute a refusal counts only where more than
 * a tenth of the calls is refused.
 *
 * Where no rate is configured, the whole is a guess: the rate at which calls left just before the first refusal.  The
 * share climbs back to what was refused in sixteen seconds, until it is refused near there, and above that by a
 * sixteenth of itself a second; it may climb to four times the whole, and is then forgotten. */
#ifndef MILLRACE_UPSTREAM_LIMIT_LEARNED_H
#define MILLRACE_UPSTREAM_LIMIT_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

enum { LEARN_ONE = 1 << 20, LEARN_LEAST = 1 << 10 };
enum { LEARN_SLOTS = 8, LEARN_SLOT_US = 125000 }; /* one second together */
enum { LEARN_PACE_S = 32, LEARN_PACE_MAX_S = 256, LEARN_PACE_GUESSED_S = 16 };
enum { LEARN_FORGET_S = 300 };
enum { LEARN_IN_VAIN = 8, LEARN_NOISE_S = 60 };
enum { LEARN_LEAST_TOP = 16 }; /* requests a second: the least that is taken for the whole */

struct limit_learned {
    uint32_t share;   /* of what is configured; LEARN_ONE: all */
    uint32_t most;    /* it climbs to here */
    uint32_t ceiling; /* the share that was refused last; 0: not known */
    uint32_t step;    /* it climbs by so much a second */
    uint32_t pace_s;
    uint32_t low, base; /* after the last lowering; before the first of those in vain */
    unsigned in_vain;
    uint64_t noise_us; /* refusals say nothing about the rate until then */
    bool guessed;      /* the whole is */
    bool pressed;      /* calls waited for a token since the last tick */
    unsigned slot;
    uint64_t tick_us;              /* the present slot ends */
    uint64_t refused_us;           /* the last refusal that counted */
    uint64_t cycle_us, cycle[2];   /* since the refusal before: when it began, and what left */
    uint64_t refused[LEARN_SLOTS]; /* calls */
    int64_t sent[2][LEARN_SLOTS];  /* requests, units; without those refused */
};

void limit_learned_init(struct limit_learned *l, uint64_t now_us);
/* Time has reached tick_us.  true: the share has changed. */
bool limit_learned_tick(struct limit_learned *l, uint64_t now_us);
/* Requests and units of the last second that were not refused. */
void limit_learned_seen(const struct limit_learned *l, uint64_t *requests, uint64_t *units);
/* Requests a second in the busiest part of the last second. */
uint64_t limit_learned_peak(const struct limit_learned *l);
/* What was counted as sent did not leave, or was refused. */
void limit_learned_unsent(struct limit_learned *l, uint64_t requests, uint64_t units);
/* A call is refused: counts it.  true: that may be for the rate. */
bool limit_learned_suspects(struct limit_learned *l, uint64_t now_us);
/* The rate may have been too much.  true: it is lower now.  top[]: requests and units a second that are the whole, 0:
 * none.  row: this many pauses in vain came before it: the longer, the longer the window in which the provider counts.
 */
bool limit_learned_refused(struct limit_learned *l, const uint64_t top[2], unsigned row, uint64_t now_us);

static inline void limit_learned_sent(struct limit_learned *l, uint64_t requests, uint64_t units)
{
    l->sent[0][l->slot] += (int64_t)requests;
    l->sent[1][l->slot] += (int64_t)units;
}

#endif
