#include "config/config_walk.h"

#include <stdlib.h>

#include "config/config.h"
#include "config/config_auth.h"
#include "config/config_classify.h"
#include "http/url.h"
#include "upstream/preset.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void pool_rules(struct config_walk *w, const struct config_path *at, json_t *obj, struct pool_conf *p)
{
    struct config_path idle = {at, "max_idle", 0}, warm = {at, "min_warm", 0};

    /* A default gives way to what was written beside it. */
    if (!json_object_get(obj, "max_idle"))
        p->max_idle = least(p->max_idle, p->max_sockets);
    if (!json_object_get(obj, "min_warm"))
        p->min_warm = least(p->min_warm, p->max_idle);
    if (p->max_idle > p->max_sockets)
        config_error(&w->report, &idle, "must not exceed max_sockets (%u), got %u", p->max_sockets, p->max_idle);
    if (p->min_warm > p->max_sockets)
        config_error(&w->report, &warm, "must not exceed max_sockets (%u), got %u", p->max_sockets, p->min_warm);
    else if (p->min_warm > p->max_idle)
        config_error(&w->report, &warm, "must not exceed max_idle (%u), got %u", p->max_idle, p->min_warm);
}

static void tls_rules(struct config_walk *w, const struct config_path *at, const struct tls_conf *t)
{
    struct config_path cert = {at, "client_cert", 0}, key = {at, "client_key", 0};

    if (*t->client_cert && !*t->client_key)
        config_error(&w->report, &cert, "needs client_key beside it");
    if (*t->client_key && !*t->client_cert)
        config_error(&w->report, &key, "needs client_cert beside it");
}

/* A preset stands where the file says nothing. */
static void preset_apply(json_t *obj, struct endpoint_conf *e)
{
    const struct preset *p = e->preset ? preset_at(e->preset - 1) : NULL;
    const json_t *given = json_object_get(obj, "rate_limit");
    struct limiter_conf *l = &e->rate_limit;

    if (!p)
        return;
#define APPLY(key)                                                                                                     \
    if (!json_object_get(given, #key))                                                                                 \
    l->key = p->limits.key
    APPLY(requests_per_s);
    APPLY(units_per_s);
    APPLY(requests_per_day);
    APPLY(units_per_day);
    APPLY(reset_hour_utc);
    APPLY(batch_counts);
    /* The burst goes with its rate: another rate has the usual burst. */
    if (!json_object_get(given, "requests_per_s"))
        APPLY(burst);
    if (!json_object_get(given, "units_per_s"))
        APPLY(units_burst);
#undef APPLY
    if (p->batch_calls && !json_object_get(json_object_get(obj, "batch"), "max_calls"))
        e->batch.max_calls = p->batch_calls;
}

/* Two credentials in one request: who is asked for which? */
static void forward_rules(struct config_walk *w, const struct config_path *at, const json_t *obj,
                          const struct endpoint_conf *e, bool userinfo)
{
    struct config_path key = {at, "forward_authorization", 0};

    if (json_object_get(obj, "auth"))
        config_error(&w->report, &key, "cannot stand beside auth: the endpoint would get two credentials");
    if (userinfo)
        config_error(&w->report, &key, "cannot stand beside a user in the url: that gives the field Authorization");
    for (size_t i = 0; i < e->n_headers; i++)
        if (slice_eq_nocase(slice_str(e->headers[i].name), SLICE("authorization")))
            config_error(&w->report, &key, "cannot stand beside the field %s in headers", e->headers[i].name);
}

static void endpoint_rules(struct config_walk *w, const struct config_path *at, json_t *obj, struct endpoint_conf *e)
{
    struct config_path headers = {at, "headers", 0};
    struct url u;
    bool userinfo;

    config_auth_rules(w, at, json_object_get(obj, "auth"), e);
    if (e->adaptive_inflight && e->max_inflight && e->min_inflight > e->max_inflight) {
        struct config_path key = {at, "min_inflight", 0};

        if (json_object_get(obj, "min_inflight"))
            config_error(&w->report, &key, "must be at most max_inflight (%u), got %u", e->max_inflight,
                         e->min_inflight);
        e->min_inflight = e->max_inflight;
    }
    if (url_parse(&u, slice_str(e->url)))
        return;
    userinfo = u.userinfo != NULL;
    url_deinit(&u);
    if (e->forward_authorization)
        forward_rules(w, at, obj, e, userinfo);
    for (size_t i = 0; i < e->n_headers && userinfo; i++) {
        struct config_path field = {&headers, e->headers[i].name, 0};

        if (slice_eq_nocase(slice_str(e->headers[i].name), SLICE("authorization")))
            config_error(&w->report, &field, "the user and password in the url give this field already");
    }
}

static bool has_endpoint(const struct chain_conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (strcmp(c->endpoints[i].name, name) == 0)
            return true;
    return false;
}

/* The name of an endpoint that was probably meant, or NULL. */
static const char *nearest_endpoint(const struct chain_conf *c, const char *name)
{
    const char *best = NULL;
    unsigned best_d = CONFIG_KEY_FAR;

    for (size_t i = 0; i < c->n_endpoints; i++) {
        unsigned d = config_key_distance(name, c->endpoints[i].name);

        if (d < best_d) {
            best = c->endpoints[i].name;
            best_d = d;
        }
    }
    return best;
}

static void broadcast_rules(struct config_walk *w, const struct config_path *at, json_t *obj,
                            const struct chain_conf *c)
{
    struct config_path up = {at, "broadcast", 0}, list = {&up, "endpoints", 0};
    bool array = json_is_array(json_object_get(json_object_get(obj, "broadcast"), "endpoints"));

    for (size_t i = 0; i < c->n_broadcast; i++) {
        struct config_path item = {&list, NULL, i};
        const char *name = c->broadcast[i], *near;
        char shown[CONFIG_SHOWN_CAP];

        if ((c->n_broadcast == 1 && strcmp(name, "all") == 0) || has_endpoint(c, name))
            continue;
        near = nearest_endpoint(c, name);
        config_error(&w->report, array ? &item : &list, "no endpoint of this chain has the name %s%s%s%s",
                     config_shown(name, shown), near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

/* What a known method can be told is said where it is named in full; a pattern says it to those it fits. */
static void method_rules(struct config_walk *w, const struct config_path *at, enum chain_family family,
                         const struct method_conf *c)
{
    const struct method *m = method_get(family, slice_str(c->pattern));
    struct config_path up = {at, "methods", 0}, name = {&up, c->pattern, 0};
    const struct {
        const char *key;
        enum setting given;
        bool has;
    } keys[] = {{"coalesce", c->coalesce, m->coalesce}, {"hedge", c->hedge, m->hedge}, {"retry", c->retry, m->retry}};

    if (strchr(c->pattern, '*'))
        return;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct config_path key = {&name, keys[i].key, 0};

        if (keys[i].given == SETTING_ON && !keys[i].has && !method_may_loosen(m, true))
            config_error(&w->report, &key, "must be false: each call of this method makes or changes something");
    }
    if (c->cache == SETTING_ON && m->cache == CACHE_NEVER) {
        struct config_path key = {&name, "cache", 0};

        config_error(&w->report, &key, "must be false: no rule says when an answer of this method stays right");
    }
}

static bool pattern_fits(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);

    return n && pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0;
}

/* What a call costs: as the chain says, else as the endpoint's preset or the table of methods does. */
static uint32_t method_units(const struct chain_conf *c, const struct preset *p, const struct method *m)
{
    for (size_t i = 0; i < c->n_methods; i++)
        if (c->methods[i].units != UNITS_ABSENT && pattern_fits(c->methods[i].pattern, m->name))
            return c->methods[i].units;
    return preset_units(p, m);
}

/* A call that costs more than the burst could never leave. */
static void units_rules(struct config_walk *w, const struct config_path *at, const struct chain_conf *c,
                        struct endpoint_conf *e, bool written)
{
    const struct preset *p = e->preset ? preset_at(e->preset - 1) : NULL;
    struct config_path up = {at, "rate_limit", 0}, key = {&up, "units_burst", 0};
    const char *dearest = "";

    e->rate_limit.units_most = 0;
    for (unsigned slot = 0; slot < method_slots(); slot++) {
        const struct method *m = method_at(slot);
        uint32_t units = method_units(c, p, m);

        if (method_get(c->family, slice_str(m->name)) != m || units <= e->rate_limit.units_most)
            continue;
        e->rate_limit.units_most = units;
        dearest = m->name;
    }
    for (size_t i = 0; i < c->n_methods; i++) /* methods without a row in the table */
        if (c->methods[i].units != UNITS_ABSENT && c->methods[i].units > e->rate_limit.units_most) {
            e->rate_limit.units_most = c->methods[i].units;
            dearest = c->methods[i].pattern;
        }
    if (!e->rate_limit.units_per_s || !e->rate_limit.units_burst ||
        e->rate_limit.units_burst >= e->rate_limit.units_most)
        return;
    if (written)
        config_error(&w->report, &key, "must be at least %u, what %s costs", e->rate_limit.units_most, dearest);
    e->rate_limit.units_burst = e->rate_limit.units_most;
}

/* Exact names first, then by falling length; the order of the file breaks ties. */
static int by_precision(const void *pa, const void *pb)
{
    const struct method_conf *a = pa, *b = pb;
    size_t n = strlen(a->pattern), m = strlen(b->pattern);
    bool wild_a = n && a->pattern[n - 1] == '*', wild_b = m && b->pattern[m - 1] == '*';

    if (wild_a != wild_b)
        return wild_a ? 1 : -1;
    if (wild_a && n != m)
        return n > m ? -1 : 1;
    return strcmp(a->pattern, b->pattern);
}

static void identity_rules(struct config_walk *w, const struct config_path *at, const struct chain_conf *c)
{
    struct config_path id = {at, "chain_id", 0}, hash = {at, "genesis_hash", 0};

    if (c->family == CHAIN_SOLANA && c->chain_id)
        config_error(&w->report, &id, "is for EVM chains; genesis_hash names a Solana one");
    if (c->family == CHAIN_EVM && c->genesis_hash && *c->genesis_hash)
        config_error(&w->report, &hash, "is for Solana; chain_id names an EVM chain");
}

/* What no key sets. A budget of nothing has no free part either. */
static void standing_rules(struct chain_conf *c)
{
    const struct retry_conf retry = RETRY_CONF_DEFAULT;
    const struct breaker_conf breaker = BREAKER_CONF_DEFAULT;
    unsigned percent = c->retry.budget.percent;

    c->retry.max_ms = retry.max_ms > c->retry.base_ms ? retry.max_ms : c->retry.base_ms;
    c->retry.budget = percent ? retry.budget : (struct budget_conf){0};
    c->retry.budget.percent = percent;
    c->breaker.trial_ms = breaker.trial_ms;
}

static void chain_rules(struct config_walk *w, const struct config_path *at, json_t *obj, struct chain_conf *c)
{
    struct config_path list = {at, "endpoints", 0};

    for (size_t i = 1; i < c->n_endpoints; i++)
        for (size_t j = 0; j < i; j++) {
            struct config_path item = {&list, NULL, i}, name = {&item, "name", 0};

            if (*c->endpoints[i].name && strcmp(c->endpoints[i].name, c->endpoints[j].name) == 0) {
                config_error(&w->report, &name, "endpoints[%zu] has this name already", j);
                break;
            }
        }
    if (c->n_methods)
        qsort((struct method_conf *)c->methods, c->n_methods, sizeof *c->methods, by_precision);
    for (size_t i = 0; i < c->n_methods; i++)
        method_rules(w, at, c->family, &c->methods[i]);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct config_path item = {&list, NULL, i};
        const json_t *given = json_array_get(json_object_get(obj, "endpoints"), i);

        units_rules(w, &item, c, (struct endpoint_conf *)&c->endpoints[i],
                    json_object_get(json_object_get(given, "rate_limit"), "units_burst") != NULL);
    }
    standing_rules(c);
    broadcast_rules(w, at, obj, c);
    config_classify_merge(w->arena, c);
    identity_rules(w, at, c);
}

static void address_rules(struct config_walk *w, const struct config *c, json_t *obj)
{
    static const char *const keys[] = {"listen", "admin"};
    const char *const *lists[] = {c->listen, c->admin};
    size_t sizes[] = {c->n_listen, c->n_admin};

    for (size_t i = 0; i < c->n_listen + c->n_admin; i++) {
        unsigned li = i >= c->n_listen;
        size_t at = li ? i - c->n_listen : i;
        struct config_path key = {NULL, keys[li], 0}, item = {&key, NULL, at};
        const char *a = lists[li][at];
        size_t n = strlen(a);
        bool any_port = n > 2 && strcmp(a + n - 2, ":0") == 0, again = false;

        for (unsigned lj = 0; lj <= li; lj++)
            for (size_t j = 0; j < (lj == li ? at : sizes[lj]); j++)
                again = again || strcmp(a, lists[lj][j]) == 0;
        if (again && !any_port)
            config_error(&w->report, json_is_array(json_object_get(obj, keys[li])) ? &item : &key,
                         "this address is given already");
    }
}

static void default_chain(struct config_walk *w, struct config *c)
{
    struct chain_conf *chains = (struct chain_conf *)c->chains;
    struct chain_conf *first = NULL;

    for (size_t i = 0; i < c->n_chains; i++) {
        struct config_path all = {NULL, "chains", 0}, chain = {&all, chains[i].name, 0}, key = {&chain, "default", 0};

        if (chains[i].is_default && first)
            config_error(&w->report, &key, "there can be only one default chain, and %s is it already", first->name);
        if (chains[i].is_default && !first)
            first = &chains[i];
    }
    if (!first && c->n_chains)
        chains[0].is_default = true;
}

static void socket_rules(struct config_walk *w, const struct config *c)
{
    struct config_path up = {NULL, "limits", 0}, key = {&up, "max_upstream_sockets", 0};
    uint64_t warm = 0;

    for (size_t i = 0; i < c->n_chains; i++)
        for (size_t j = 0; j < c->chains[i].n_endpoints; j++)
            warm += c->chains[i].endpoints[j].pool.min_warm;
    if (warm > c->limits.max_upstream_sockets)
        config_error(&w->report, &key, "must be at least the sum of all pool.min_warm (%llu), got %u",
                     (unsigned long long)warm, c->limits.max_upstream_sockets);
}

static void body_rules(struct config_walk *w, const struct limits_conf *limits)
{
    struct config_path up = {NULL, "limits", 0}, key = {&up, "max_bodies_bytes", 0};

    if (limits->max_bodies_bytes < limits->max_body_bytes)
        config_error(&w->report, &key, "must be at least max_body_bytes (%zu), got %zu", limits->max_body_bytes,
                     limits->max_bodies_bytes);
}

void config_rules(struct config_walk *w, const struct config_path *at, enum config_shape shape, json_t *obj, void *base,
                  bool clean)
{
    switch (shape) {
    case CONFIG_SHAPE_ROOT:
        default_chain(w, base);
        if (clean) {
            address_rules(w, base, obj);
            socket_rules(w, base);
            body_rules(w, &((const struct config *)base)->limits);
        }
        break;
    case CONFIG_SHAPE_CHAIN:
        chain_rules(w, at, obj, base);
        break;
    case CONFIG_SHAPE_METHOD:
        if (!json_object_get(obj, "units"))
            ((struct method_conf *)base)->units = UNITS_ABSENT;
        break;
    case CONFIG_SHAPE_CLASSIFY:
        config_classify_rules(w, at, obj, base);
        break;
    case CONFIG_SHAPE_ENDPOINT:
        preset_apply(obj, base);
        endpoint_rules(w, at, obj, base);
        break;
    case CONFIG_SHAPE_POOL:
        if (clean)
            pool_rules(w, at, obj, base);
        break;
    case CONFIG_SHAPE_TLS:
        if (clean)
            tls_rules(w, at, base);
        break;
    default:
        break;
    }
}
