/* plant.h - faults planted on purpose (rows of plant.def), to prove that the simulator finds them.  In every build but
 * the one for that test planted() is the constant false, and nothing of a fault is left in the program. */
#ifndef MILLRACE_BASE_PLANT_H
#define MILLRACE_BASE_PLANT_H

#include <stdbool.h>

enum plant {
    PLANT_NONE,
#define PLANT(name, what) PLANT_##name,
#include "base/plant.def"
#undef PLANT
    PLANT_COUNT
};

#ifdef MILLRACE_PLANT
bool planted(enum plant p); /* from test/sim */
#else
#define planted(p) false
#endif

#endif
