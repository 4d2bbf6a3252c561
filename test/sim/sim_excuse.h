/* sim_excuse.h - is an error that a client got justified?  Of reads that nobody else asks, and that went alone: no
 * other endpoint was there for it, or all that it is allowed was tried; and it is the best of what endpoints have said.
 */
#ifndef SIM_EXCUSE_H
#define SIM_EXCUSE_H

#include "sim_judge.h"

/* Has the gateway all of that answer? */
bool excuse_was_read(const struct sim_served *s);

/* What client has as the answer of want: an error, or a null that others need not have said. */
void excuse_judge(struct world *w, unsigned client, const struct sim_chain *c, const struct want *want, bool is_error,
                  struct slice payload);

#endif
