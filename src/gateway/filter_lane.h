/* filter_lane.h - filters live on the endpoint that made them.  On a chain with several endpoints a client gets an id
 * of ours for one (upstream/filters.h), and what asks of it goes to that endpoint only, under the endpoint's own id.  A
 * chain with one endpoint needs none of this: ids pass as they are. */
#ifndef MILLRACE_GATEWAY_FILTER_LANE_H
#define MILLRACE_GATEWAY_FILTER_LANE_H

#include "gateway/chain.h"
#include "rpc/error.h"
#include "rpc/message.h"
#include "upstream/filters.h"

struct filter_pin {
    struct filter_id id;
    struct upstream *upstream;
    struct message_request request; /* with the endpoint's own id; borrows params, and the method of the client's */
    char params[FILTERS_OWN_MAX + 2];
};

/* Does a call of m go to the endpoint of its filter? */
static inline bool filter_lane_pins(const struct chain *c, const struct method *m)
{
    return m->sticky > STICKY_CREATE && c->n_upstreams > 1;
}

/* Where q goes, of a client of that scope, and what is asked there. FAIL_NONE; else the answer of the call, in d too:
 * no endpoint may be asked. */
enum fail filter_lane_pin(struct filter_pin *pin, struct chain *c, const struct message_request *q,
                          const struct scope *scope, struct error_detail *d);

/* An endpoint has answered a sticky method without an error: the id that it gives is replaced, and a filter that it has
 * let go is forgotten.  *ref holds the payload, or is NULL: it is borrowed. */
void filter_lane_answered(struct flight *f, struct slice *payload, struct blob **ref);

/* The endpoint of a pinned flight cannot be reached. */
void filter_lane_lost(struct worker *w, struct flight *f);

#endif
