/* budget.h - how many extra requests a chain may send, as a share of the calls that came: for retries, for hedges.
 * By value in its chain.  Pure.
 *
 * Each call earns percent/100 of an extra.  What is not used within ten seconds is lost, but for `saved` extras, which
 * a quiet client keeps: an outage after a busy hour finds no hoard.  Hence extras <= first + percent/100 x calls +
 * floor x seconds, from the start to any moment. */
#ifndef MILLRACE_UPSTREAM_BUDGET_H
#define MILLRACE_UPSTREAM_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUDGET_SLICES = 10, BUDGET_SLICE_LOG2 = 10 /* ms */ };

struct budget_conf {
    unsigned percent; /* 0..100 */
    unsigned floor;   /* extras in each second whatever the calls; 0: none */
    unsigned saved;   /* at most so many are kept beyond ten seconds */
    unsigned first;   /* of these, there at the start */
};

/* Retries: 20 % as in Finagle, with 3/s for clients of few calls, and one array's worth for the beginning.  Hedges:
 * nothing that no call has earned. */
#define BUDGET_RETRY_DEFAULT ((struct budget_conf){20, 3, 50, 50})
#define BUDGET_HEDGE_DEFAULT ((struct budget_conf){5, 0, 10, 0})

/* All in hundredths of an extra. */
struct budget {
    uint64_t at;                    /* the slice that earns now */
    uint32_t earned[BUDGET_SLICES]; /* what is left of each slice's */
    uint32_t sum;                   /* of these */
    uint32_t saved;
};

void budget_init(struct budget *b, const struct budget_conf *c, uint64_t now_ms);
void budget_roll(struct budget *b, const struct budget_conf *c, uint64_t at);
/* One more extra: false: there is none. */
bool budget_take(struct budget *b, const struct budget_conf *c, uint64_t now_ms);
/* An extra that was taken did not leave. */
void budget_give_back(struct budget *b);
/* How many extras could leave now. */
unsigned budget_left(const struct budget *b);

/* A call came. */
static inline void budget_call(struct budget *b, const struct budget_conf *c, uint64_t now_ms)
{
    uint64_t at = now_ms >> BUDGET_SLICE_LOG2;

    if (at != b->at)
        budget_roll(b, c, at);
    b->earned[at % BUDGET_SLICES] += c->percent;
    b->sum += c->percent;
}

#endif
