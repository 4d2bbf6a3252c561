/* hedge.h - when a call that is not answered yet is asked a second time, elsewhere.  Pure.
 *
 * After the time in which `permille` of this method's answers on this endpoint come, but not before min_delay_us.
 * Never: writes, what lives on one node, heavy methods (the row of the method says), where there are too few answers to
 * tell, when no other endpoint is there, or no time.  The budget (budget.h) keeps the extra legs within its share of
 * the calls, whatever the latencies do. */
#ifndef MILLRACE_UPSTREAM_HEDGE_H
#define MILLRACE_UPSTREAM_HEDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/budget.h"

struct hedge_conf {
    unsigned permille; /* 0: off */
    uint64_t min_delay_us;
    struct budget_conf budget;
};

#define HEDGE_CONF_DEFAULT ((struct hedge_conf){950, 5000, BUDGET_HEDGE_DEFAULT})

enum { HEDGE_NEVER = 0 };

/* When a call departs: how long to wait for its answer, in us, or HEDGE_NEVER.  allowed: as the method's row and the
 * configuration have it, and the call is not bound to one endpoint; others: endpoints beside this one; quantile_us: of
 * latency_table_quantile(), 0: not known; left_us: until its deadline. */
static inline uint64_t hedge_delay_us(const struct hedge_conf *c, bool allowed, unsigned others, uint32_t quantile_us,
                                      uint64_t left_us)
{
    uint64_t delay_us = quantile_us > c->min_delay_us ? quantile_us : c->min_delay_us;

    return allowed && c->permille && others && quantile_us && delay_us < left_us ? delay_us : HEDGE_NEVER;
}

/* That time is over.  free_place: another endpoint that is fit for the call could take it without delay: a leg that
 * waits in a queue helps nobody.  true: send it, the budget is charged. */
static inline bool hedge_launch(struct budget *b, const struct hedge_conf *c, bool free_place, uint64_t now_ms)
{
    return free_place && budget_take(b, &c->budget, now_ms);
}

#endif
