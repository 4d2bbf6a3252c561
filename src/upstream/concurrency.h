/* concurrency.h - how many calls an endpoint may have on the wire so that they do not queue there: a limit that follows
 * its latency between a floor and max_inflight.  By value in its endpoint.  Pure.
 *
 * Answers are gathered in windows of as many as the limit; a window's latency is the geometric mean, which a rare slow
 * answer hardly moves.  When it is above the quickest window of the last minute, plus a fifth, the limit shrinks by
 * that ratio (to half at most); else it grows by its square root, if it was used.  Twice a minute it is halved for two
 * windows, one to settle and one to look whether the quickest is still right: else the queue of today would pass for
 * the latency of tomorrow.  A call that was refused for load or timed out costs a quarter, once a window; how long
 * that took says nothing. */
#ifndef MILLRACE_UPSTREAM_CONCURRENCY_H
#define MILLRACE_UPSTREAM_CONCURRENCY_H

#include <stdbool.h>
#include <stdint.h>

struct concurrency_conf {
    unsigned floor, max; /* 1 <= floor <= max */
};

enum concurrency_phase { CONCURRENCY_STEADY, CONCURRENCY_SETTLING, CONCURRENCY_LOOKING };

struct concurrency {
    enum concurrency_phase phase;
    uint32_t limit_q8;  /* of calls, 1/256 */
    uint32_t steady_q8; /* to go back to, unless STEADY */
    int32_t quick[2];   /* log2 of the us of the quickest window of this half minute and of the one before; 0: none */
    uint64_t half_ms;   /* when this half minute began */
    uint64_t sum;       /* of log2(us), Q16, of this window */
    unsigned answers, most; /* of it; the most calls that were on the wire */
    unsigned timed;         /* of these answers, those that were not dropped: only they tell a latency */
    bool dropped;
};

void concurrency_init(struct concurrency *k, const struct concurrency_conf *c, uint64_t now_ms);

/* A call came back: after so long, when so many (it too) were on the wire.  dropped: refused for load, or timed out. */
void concurrency_note(struct concurrency *k, const struct concurrency_conf *c, uint64_t us, unsigned in_flight,
                      bool dropped, uint64_t now_ms);

static inline unsigned concurrency_limit(const struct concurrency *k)
{
    return k->limit_q8 >> 8;
}

#endif
