/* rules.h - what a chain does with each method: the table's row and what the configuration says to it, worked out once.
 * By value in struct chain; the rules live as long.  Pure. */
#ifndef MILLRACE_GATEWAY_RULES_H
#define MILLRACE_GATEWAY_RULES_H

#include "config/config.h"

struct method_rule {
    const struct method *m;
    bool allow;
    bool coalesce, cache, hedge, retry, heavy; /* never more than the kind of the method bears */
    uint32_t units;
    bool units_told; /* by the configuration; else an endpoint's preset may say otherwise */
    uint64_t timeout_ms;
};

struct named_rule {    /* for names that have no row of their own */
    struct slice text; /* of the configuration's pattern, which outlives this; without its '*' */
    bool wild;
    struct method_rule rule;
};

struct rules {
    enum chain_family family;
    struct method_rule *by_slot;
    struct named_rule *named; /* the most precise first */
    size_t n_named, cap_named;
};

void rules_init(struct rules *r, const struct chain_conf *conf, uint64_t call_timeout_ms);
void rules_deinit(struct rules *r);

const struct method_rule *rules_named(const struct rules *r, const struct method *m, struct slice name);

/* The rule for a method's exact name; never NULL. */
static inline const struct method_rule *rules_get(const struct rules *r, struct slice name)
{
    const struct method *m = method_get(r->family, name);

    return m->wild && r->n_named ? rules_named(r, m, name) : &r->by_slot[m->slot];
}

#endif
