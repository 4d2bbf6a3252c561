/* health.h - how good an endpoint is now, judged on every answer: a score of 0 .. HEALTH_ONE that scales its weight.
 * By value in an array of its chain, one an endpoint; those that are compared with each other (of one tier) share a
 * struct health_peers.  Pure.
 *
 * score = outcomes x latency x lag.
 *
 * Outcomes, of the last 64 answers, none older than 8 s: (1 - p)^4, where p is the share that failed.  Soft failures
 * and throttling count half, since the limiter and the table of errors have their own answer to them, and four good
 * answers are taken for granted.  One in ten failing costs a third, one in two all but a sixteenth.  What is certain to
 * fail anywhere (a revert, bad params) is the caller's doing: HEALTH_OK.
 *
 * Latency: the geometric mean of how much slower than usual the answers are (latency.h), against the best of its peers.
 * Up to four times as slow costs nothing, since weights are the operator's wish; beyond, each doubling divides by four.
 * A mean of logarithms hardly heeds a rare slow answer: those are the hedge's.  Who has not answered for ten seconds is
 * given the benefit of the doubt, an eighth more of it every eight seconds: it is asked again some time, and shows what
 * it is like now, even where so few calls come that the trickle is none.
 *
 * Lag: nothing up to what is allowed, then half for each further such distance, to an eighth at most: calls that need
 * the head do not come here anyway.  Of the distance to the chain's head and of that to what it receives itself
 * (replay.h), each with its own bound, the one that costs more.
 *
 * An endpoint is never given less than HEALTH_FLOOR of its weight while its breaker is closed: from that trickle, and
 * from probes, it is learned that it is well again.  The longer ago its last answer, the more a new one counts. */
#ifndef MILLRACE_UPSTREAM_HEALTH_H
#define MILLRACE_UPSTREAM_HEALTH_H

#include <stdint.h>

enum { HEALTH_ONE = 1024, HEALTH_FLOOR = 8 };

enum health_outcome {
    HEALTH_OK,        /* a result, or an error that is not the endpoint's */
    HEALTH_SOFT,      /* not served here, perhaps served elsewhere: data missing, an unclear error */
    HEALTH_THROTTLED, /* refused for the rate */
    HEALTH_HARD       /* no usable answer: time-out, connection died, 5xx, not JSON-RPC */
};

enum { HEALTH_NO_LATENCY = INT32_MIN };

struct health {
    uint64_t hard, soft, seen; /* the window: bit 0 is the newest; soft: throttling too */
    uint64_t window_ms;        /* the time up to which the window has moved */
    uint64_t slow_ms;          /* when there was a latency last; 0: never */
    uint64_t fade_ms;          /* when it counts for less than it does now */
    int32_t slow;              /* octaves above what is usual, Q16 */
    uint16_t lag, replay;      /* the lag's part of the score: the lower of the two */
    uint16_t score;            /* of HEALTH_ONE */
    uint16_t sound;            /* the same without latency, for routing that compares latencies itself */
};

struct health_peers {
    uint64_t members; /* bits of those compared */
    int32_t best;     /* the least .slow of those heard of lately */
    uint64_t at_ms;   /* when it was looked for last; 0: not yet */
};

void health_init(struct health *h, uint64_t now_ms);

/* v[i] answered, or failed to.  slower: of latency_table_note(), only for HEALTH_OK or when it was kept waiting, or
 * HEALTH_NO_LATENCY: who fails quickly is not quick. */
void health_note(struct health *v, unsigned i, struct health_peers *p, enum health_outcome outcome, int32_t slower,
                 uint64_t now_ms);
/* v[i] has kept a call waiting for so long that `slower` is sure already, and goes on: before its answer is there. */
void health_late(struct health *v, unsigned i, struct health_peers *p, int32_t slower, uint64_t now_ms);
/* v[i] is so many blocks behind; allowed: max_lag_blocks. */
void health_lag(struct health *v, unsigned i, struct health_peers *p, uint64_t blocks, uint64_t allowed,
                uint64_t now_ms);
/* v[i] replays so many slots behind what it receives. */
void health_replay(struct health *v, unsigned i, struct health_peers *p, uint64_t slots, uint64_t allowed,
                   uint64_t now_ms);
/* Brings the score up to date where there are no answers: now and then, for each. */
void health_refresh(struct health *v, unsigned i, struct health_peers *p, uint64_t now_ms);

/* In units of 1/HEALTH_ONE of the weight. */
static inline unsigned health_weight(const struct health *h, unsigned weight)
{
    return weight * (h->score > HEALTH_FLOOR ? h->score : (unsigned)HEALTH_FLOOR);
}

static inline unsigned health_weight_sound(const struct health *h, unsigned weight)
{
    return weight * (h->sound > HEALTH_FLOOR ? h->sound : (unsigned)HEALTH_FLOOR);
}

#endif
