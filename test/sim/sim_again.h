/* sim_again.h - a run that has failed is run again, with its trace. */
#ifndef SIM_AGAIN_H
#define SIM_AGAIN_H

#include <stdint.h>

/* Runs `seed` in a new process, for at most half a minute, and prints the last lines of its trace as comments of TAP.
 * plant: the fault planted; NULL: none. */
void sim_again(uint64_t seed, const char *plant);

#endif
