/* method.h - what is known of a JSON-RPC method: rows of methods.def.  Static data; nothing to free.
 * Names are case-sensitive, as on geth and agave. */
#ifndef MILLRACE_RPC_METHOD_H
#define MILLRACE_RPC_METHOD_H

#include <stdbool.h>

#include "base/slice.h"

enum chain_family { CHAIN_EVM, CHAIN_SOLANA };
enum method_kind { METHOD_READ, METHOD_FILTER, METHOD_WRITE, METHOD_UNKNOWN };

struct method {
    const char *name; /* "other" for the row of unknown methods */
    enum method_kind kind;
    unsigned slot; /* 0..method_slots()-1, dense, for tables by method; slot 0 is "other" */
};

const struct method *method_get(enum chain_family family, struct slice name); /* never NULL */
const struct method *method_at(unsigned slot);
unsigned method_slots(void);

/* May this method be sent again when an endpoint may have seen it already? */
static inline bool method_may_repeat(const struct method *m)
{
    return m->kind == METHOD_READ;
}

/* May equal calls of this method that are under way at once share one answer? */
static inline bool method_may_share(const struct method *m)
{
    return m->kind == METHOD_READ;
}

#endif
