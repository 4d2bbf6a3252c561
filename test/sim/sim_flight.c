#include "sim_flight.h"

#include "gateway/worker.h"
#include "rpc/flight.h"
#include "sim_world.h"

const struct flight *sim_flight(const struct world *w, uint64_t id)
{
    const struct heap *h = &w->gateway->flights_due; /* each flight has a deadline */

    for (size_t i = 0; i < h->n; i++) {
        const struct flight *f = container_of(h->v[i], struct flight, due);

        if (f->id == id)
            return f;
    }
    return NULL;
}
