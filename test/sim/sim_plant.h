/* sim_plant.h - which planted fault is switched on: base/plant.h for the simulation. */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

#include "base/plant.h"

void sim_plant_set(enum plant p);
const char *sim_plant_name(void);            /* of the one that is on; NULL: none */
enum plant sim_plant_find(const char *name); /* PLANT_NONE: there is none, or the gateway was built without them */
const char *sim_plant_text(enum plant p);
const char *sim_plant_title(enum plant p);

#endif
