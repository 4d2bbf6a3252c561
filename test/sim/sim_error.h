/* sim_error.h - the errors that simulated endpoints make up, which another endpoint, or the same one later, need not
 * make.  Each carries the serial number of the request that it answers.  Pure but for chance. */
#ifndef SIM_ERROR_H
#define SIM_ERROR_H

#include "base/buf.h"
#include "sim_world.h"

/* Text within them, so that clients know them. */
#define SIM_ERROR_MARK "sim-injected"

enum { ERROR_RANK_NULL = 1, ERROR_RANK_RATE = 8, ERROR_RANK_OURS = 11, ERROR_ASKS_ALL = 100 };

struct sim_error {
    bool evm;
    int code;
    const char *message;
    unsigned rank, asks;
    bool refused;
};

const struct sim_error *error_draw(struct world *w, const struct sim_chain *c);
const struct sim_error *error_rate(const struct sim_chain *c);   /* the one with code 429 */
const struct sim_error *error_pruned(const struct sim_chain *c); /* of an old block, on EVM chains */
/* `"error":{...}` */
void error_put(struct buf *b, const struct sim_error *e, uint64_t serial);
/* Is payload one of these, and of which request?  NULL: none, or its bytes were changed. */
const struct sim_error *error_find(const struct sim_chain *c, struct slice payload, uint64_t *serial);

#endif
