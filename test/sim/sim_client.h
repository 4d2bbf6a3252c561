/* sim_client.h - one simulated client: connects, asks in its own manner, and judges every byte that it gets back.
 * Owned by the world. */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "sim_world.h"

struct client *client_new(struct world *w, unsigned index);
void client_free(struct client *cl);

#endif
