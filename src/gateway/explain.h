/* explain.h - how a call came by its answer, for a client that asks with "X-Millrace-Explain: 1".  Owned by its
 * exchange, which has none unless it was asked for: then nothing here costs more than one look at a pointer.  Names an
 * endpoint, never its URL. */
#ifndef MILLRACE_GATEWAY_EXPLAIN_H
#define MILLRACE_GATEWAY_EXPLAIN_H

#include "base/gather.h"
#include "rpc/flight.h"

struct upstream;

enum explain_flight {
    EXPLAIN_NONE, /* the gateway answered by itself */
    EXPLAIN_LED,
    EXPLAIN_JOINED
};

struct explain {
    const char *endpoint; /* that answered, else the last that was to; of the configuration; NULL: none */
    enum explain_flight flight;
    const char *cache; /* the rule that it was answered by, static; NULL: not from a cache */
    unsigned calls;    /* in the last request that carried it */
    unsigned attempts; /* requests that carried it */
    uint64_t boarding_us, upstream_us;
    enum flight_hedged hedged;
};

/* What f can tell now, to all its waiting calls that asked: before they are answered.  at: by whom; NULL: by none. */
void explain_note(const struct flight *f, const struct upstream *at, uint64_t now_us);

/* Header fields.  exposed: pages of another origin may read them too (Fetch standard, "CORS-exposed header-name").
 * g must have room for 18 small pieces. */
void explain_write(const struct explain *e, bool exposed, struct gather *g);

#endif
