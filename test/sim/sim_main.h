/* sim_main.h - what runs tell the program about themselves, for the report of a failure. */
#ifndef SIM_MAIN_H
#define SIM_MAIN_H

struct world;

void sim_main_running(struct world *w);
const struct world *sim_main_world(void); /* NULL: none runs */

#endif
