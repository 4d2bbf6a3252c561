#include "gateway/rules.h"

#include <stdlib.h>

#include "base/mem.h"

/* The names that a rule is for: one, or all that begin so. */
struct subject {
    struct slice text;
    bool prefix;
};

static struct subject pattern_of(const char *pattern)
{
    struct slice s = slice_str(pattern);
    bool wild = s.n && s.p[s.n - 1] == '*';

    return (struct subject){slice_of(s.p, s.n - wild), wild};
}

/* A row that is told by a name's end, and the one for all others, may be any name. */
static struct subject names_of(const struct method *m)
{
    return m->wild && m->name[strlen(m->name) - 1] != '*' ? (struct subject){SLICE(""), true} : pattern_of(m->name);
}

static bool covers(struct subject pattern, struct subject names)
{
    if (pattern.prefix)
        return slice_starts(names.text, pattern.text);
    return !names.prefix && slice_eq(pattern.text, names.text);
}

static void tell(bool *value, bool *told, enum setting given, bool may)
{
    if (given == SETTING_ABSENT || *told)
        return;
    *value = given == SETTING_ON && may;
    *told = true;
}

static struct method_rule rule_for(const struct chain_conf *conf, const struct method *m, struct subject names,
                                   uint64_t call_timeout_ms)
{
    struct method_rule r = {.m = m,
                            .allow = !m->denied,
                            .coalesce = m->coalesce && conf->coalesce,
                            .cache = m->cache != CACHE_NEVER,
                            .hedge = m->hedge,
                            .retry = m->retry,
                            .heavy = m->heavy,
                            .units = UNITS_ABSENT};
    struct {
        bool allow, coalesce, cache, hedge, retry, heavy;
    } told = {0};

    for (size_t i = 0; i < conf->n_methods; i++) { /* in falling precision */
        const struct method_conf *c = &conf->methods[i];
        struct subject pattern = pattern_of(c->pattern);
        bool may = method_may_loosen(m, !pattern.prefix);

        if (!covers(pattern, names))
            continue;
        tell(&r.allow, &told.allow, c->allow, true);
        tell(&r.coalesce, &told.coalesce, c->coalesce, m->coalesce || may);
        tell(&r.cache, &told.cache, c->cache, m->cache != CACHE_NEVER);
        tell(&r.hedge, &told.hedge, c->hedge, m->hedge || may);
        tell(&r.retry, &told.retry, c->retry, m->retry || may);
        tell(&r.heavy, &told.heavy, c->heavy, true);
        if (!r.timeout_ms)
            r.timeout_ms = c->timeout_ms;
        if (r.units == UNITS_ABSENT)
            r.units = c->units;
    }
    if (r.heavy && !told.hedge)
        r.hedge = false;
    if (!r.timeout_ms)
        r.timeout_ms = call_timeout_ms;
    r.units_told = r.units != UNITS_ABSENT;
    if (!r.units_told)
        r.units = m->units;
    return r;
}

static void add_named(struct rules *r, const struct chain_conf *conf, const struct method *m, struct subject names,
                      uint64_t call_timeout_ms)
{
    if (r->n_named == r->cap_named) {
        r->cap_named = r->cap_named ? r->cap_named * 2 : 16;
        r->named = mem_grow(r->named, r->cap_named * sizeof *r->named);
    }
    r->named[r->n_named++] = (struct named_rule){
        .text = names.text, .wild = names.prefix, .rule = rule_for(conf, m, names, call_timeout_ms)};
}

/* A pattern that is true of some names of a wild row but not of all of them: these get a rule of their own. */
static void add_pattern(struct rules *r, const struct chain_conf *conf, struct subject pattern,
                        uint64_t call_timeout_ms)
{
    for (unsigned i = 0; i < method_slots(); i++) {
        const struct method *m = method_at(i);
        struct subject names = names_of(m);

        if (!m->wild || method_get(conf->family, slice_str(m->name)) != m)
            continue;
        if (!covers(pattern, names) && slice_starts(pattern.text, names.text))
            add_named(r, conf, m, pattern, call_timeout_ms);
    }
}

void rules_init(struct rules *r, const struct chain_conf *conf, uint64_t call_timeout_ms)
{
    *r = (struct rules){.family = conf->family};
    r->by_slot = mem_array(method_slots(), sizeof *r->by_slot);
    for (unsigned i = 0; i < method_slots(); i++)
        r->by_slot[i] = rule_for(conf, method_at(i), names_of(method_at(i)), call_timeout_ms);
    for (size_t i = 0; i < conf->n_methods; i++) {
        struct subject pattern = pattern_of(conf->methods[i].pattern);
        const struct method *m = method_get(conf->family, pattern.text);

        if (pattern.prefix)
            add_pattern(r, conf, pattern, call_timeout_ms);
        else if (m->wild)
            add_named(r, conf, m, pattern, call_timeout_ms);
    }
}

void rules_deinit(struct rules *r)
{
    free(r->by_slot);
    free(r->named);
    *r = (struct rules){0};
}

const struct method_rule *rules_named(const struct rules *r, const struct method *m, struct slice name)
{
    for (size_t i = 0; i < r->n_named; i++) {
        const struct named_rule *n = &r->named[i];

        if (n->rule.m == m && (n->wild ? slice_starts(name, n->text) : slice_eq(name, n->text)))
            return &n->rule;
    }
    return &r->by_slot[m->slot];
}
