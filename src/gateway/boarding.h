/* boarding.h - who of those that wait at an upstream departs now, on which link, and with whom.  Part of upstream. */
#ifndef MILLRACE_GATEWAY_BOARDING_H
#define MILLRACE_GATEWAY_BOARDING_H

#include "gateway/upstream.h"

/* Does f share a request with no others? */
bool boarding_solo(struct upstream *u, const struct flight *f);

/* Pairs those who wait with idle links, in order.  Others are let pass only by a flight that needs a fresh link, and by
 * those whose clients hold too much. */
void boarding_run(struct upstream *u);

/* How many links those who wait are worth, idle and dialling ones included. */
unsigned boarding_links_wanted(struct upstream *u);

#endif
