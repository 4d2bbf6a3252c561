/* gateway.h - the whole: one loop, one worker, the listeners and the signals.  Owns them; borrows the configuration. */
#ifndef MILLRACE_GATEWAY_GATEWAY_H
#define MILLRACE_GATEWAY_GATEWAY_H

#include "config/config.h"

/* Ended, but something of the system's is still under way in another thread (a name lookup): the process should leave
 * without waiting for it. */
enum { GATEWAY_STUCK = 1 };

struct gateway;
struct worker;

int gateway_new(struct gateway **out, const struct config *conf); /* 0 or <0; what failed is logged */
int gateway_run(struct gateway *g); /* until it was drained or stopped; 0, GATEWAY_STUCK or <0 */
struct gateway *gateway_free(struct gateway *g);

/* The addresses as bound, for people: NULL past the last one. */
const char *gateway_address(const struct gateway *g, unsigned i);
const char *gateway_admin_address(const struct gateway *g, unsigned i);

const struct worker *gateway_worker(const struct gateway *g); /* for its numbers */

#endif
