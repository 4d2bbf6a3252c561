/* sim_run.h - one run from a seed to its end, and the tallies that several parts of it keep. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim_world.h"

struct sim_totals {
    uint64_t runs, steps, calls, results, upstream, hedged;
};

/* Ends the process when the run is wrong. */
void sim_run(uint64_t seed, bool trace, struct sim_totals *t);

/* Says so, and ends the process with 1. */
void sim_run_failed(struct world *w, const char *why) __attribute__((noreturn));

uint64_t sim_run_new_write(struct world *w, const struct sim_chain *c);
struct sim_count *sim_run_count(struct world *w, uint64_t hash);

/* sim_check.c: what must hold after every turn of the loop, and when nothing is left to do. */
void sim_check_turn(struct world *w);
void sim_check_quiet(struct world *w);

#endif
