/* sim_flight.h - the gateway's flights, as the simulation finds them.  Borrows: good until the gateway does anything.
 */
#ifndef SIM_FLIGHT_H
#define SIM_FLIGHT_H

#include <stdint.h>

struct flight;
struct world;

/* The one of that id; NULL: it has ended. */
const struct flight *sim_flight(const struct world *w, uint64_t id);

#endif
