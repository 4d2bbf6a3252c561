/* sim_standing.h - what must hold of breakers and health, after every turn of the loop and when all is well again. */
#ifndef SIM_STANDING_H
#define SIM_STANDING_H

#include "sim_world.h"

struct upstream;

void standing_check_turn(struct world *w);

struct ask;
struct node;

/* Might n get calls like that, and had it a place for them, since then and until now? */
bool standing_was_fit(const struct world *w, const struct node *n, const struct ask *a, uint64_t since_us);
/* An endpoint that is well, and that calls should have found to be so, while its breaker is not closed; NULL: none. */
const char *standing_open(const struct world *w);

/* May the gateway send a call there now, as far as its head does not matter? */
bool standing_may_get(const struct world *w, const struct upstream *u);

#endif
