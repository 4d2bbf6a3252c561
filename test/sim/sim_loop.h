/* sim_loop.h - io/loop.h on the simulated clock.  A turn of the loop ends a little after its first event, so that any
 * number of events may fall into one turn. */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include "io/loop.h"
#include "sim_world.h"

struct loop *sim_loop_new(struct world *w, const struct loop_ops *ops, void *owner);
struct world *sim_loop_world(const struct loop *l);
void sim_loop_rearm(struct loop *l); /* after its clock did what clocks should not */
void sim_loop_touch(struct loop *l); /* before each call into the gateway */

#endif
