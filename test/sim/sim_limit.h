/* sim_limit.h - the rate limit of a simulated endpoint: what its configuration allows, to which the gateway is held in
 * every window, and what it takes in truth.  By value in its node. */
#ifndef SIM_LIMIT_H
#define SIM_LIMIT_H

#include "base/buf.h"
#include "sim_world.h"
#include "upstream/limiter_conf.h"

struct node;

/* What left, less what the rate has made good since: when that is never above the burst, no window holds more than its
 * length times the rate, and the burst. */
struct sim_meter {
    uint64_t per_s, burst; /* per_s 0: no limit */
    uint64_t level;        /* millionths of a request, or unit */
    uint64_t at_us;
};

struct sim_limit {
    struct sim_meter allowed, truth, units;
    enum batch_counts counts;
};

/* Draws them, and writes the endpoint's key, with a comma behind it; nothing where it has no limit. */
void limit_draw(struct node *n, struct buf *b);
/* The gateway wrote these bytes to it. */
void limit_departure(struct node *n, struct slice bytes);
/* A request with so many calls has come.  false: that is too much for it. */
bool limit_takes(struct node *n, unsigned calls);

#endif
