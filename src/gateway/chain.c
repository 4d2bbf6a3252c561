#include "gateway/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cache/cache.h"
#include "gateway/worker.h"
#include "rpc/head_read.h"
#include "rpc/method.h"
#include "upstream/filters.h"

static bool is_in_group(const struct chain_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_broadcast; i++)
        if (strcmp(conf->broadcast[i], name) == 0)
            return true;
    return conf->n_broadcast == 1 && strcmp(conf->broadcast[0], "all") == 0;
}

struct chain *chain_new(struct worker *w, const struct chain_conf *conf)
{
    struct chain *c = mem_zero(sizeof *c);

    c->conf = conf;
    c->worker = w;
    c->upstreams = mem_array(conf->n_endpoints, sizeof(struct upstream *));
    c->turns = mem_array(conf->n_endpoints, sizeof *c->turns);
    c->methods = mem_array(method_slots(), sizeof(struct method_stats *));
    c->head_places = mem_array(method_slots(), 1);
    for (unsigned i = 0; i < method_slots(); i++)
        c->head_places[i] = (unsigned char)head_place_of(conf->family == CHAIN_SOLANA, slice_str(method_at(i)->name));
    if (conf->cache_max_bytes)
        c->cache = cache_new(conf->cache_max_bytes);
    rules_init(&c->rules, conf, w->conf->limits.call_timeout_ms);
    for (size_t i = 0; i < conf->n_endpoints; i++) {
        struct upstream *u = upstream_new(c, (unsigned)i, &conf->endpoints[i]);

        if (!u)
            return chain_free(c);
        c->upstreams[c->n_upstreams++] = u;
        c->broadcast |= (uint64_t)is_in_group(conf, conf->endpoints[i].name) << i;
        c->turns[i] = (struct pick_item){.weight = conf->endpoints[i].weight, .tier = conf->endpoints[i].tier};
    }
    return c;
}

struct chain *chain_free(struct chain *c)
{
    if (!c)
        return NULL;
    for (unsigned i = 0; i < c->n_upstreams; i++)
        upstream_free(c->upstreams[i]);
    for (unsigned i = 0; i < method_slots(); i++)
        free(c->methods[i]);
    free(c->methods);
    free(c->head_places);
    rules_deinit(&c->rules);
    filters_free(c->filters);
    cache_free(c->cache);
    free(c->upstreams);
    free(c->turns);
    free(c);
    return NULL;
}

struct method_stats *chain_method(struct chain *c, const struct method *m)
{
    struct method_stats **s = &c->methods[m->slot];

    if (!*s)
        *s = mem_zero(sizeof **s);
    return *s;
}

bool chain_ready(const struct chain *c, const struct upstream **down)
{

    for (unsigned i = 0; i < c->n_upstreams; i++) {
        const struct upstream *u = c->upstreams[i];

        if (u->endpoint.backoff.failures == 0 || u->endpoint.pool.n_idle + u->endpoint.pool.n_busy > 0)
            return true;
        *down = u;
    }
    return false;
}
